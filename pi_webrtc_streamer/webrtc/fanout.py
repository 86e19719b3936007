"""One encoded stream, and everybody who watches it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..media.codec import AccessUnit, Codec
from ..media.pipeline import EncodedStream, MediaPipeline
from .sender import StreamSender

logger = logging.getLogger(__name__)


class Fanout:
    """Hands each access unit of a camera in one codec to all of its senders, in one pass.

    The stream is open while there are senders. The media thread delivers; everything else happens
    in the event loop.
    """

    def __init__(self, pipeline: MediaPipeline, codec: Codec) -> None:
        self._pipeline = pipeline
        self._codec = codec
        self._loop = asyncio.get_running_loop()
        self._senders: set[StreamSender] = set()
        self._stream: EncodedStream | None = None
        self._under_way = False

    @contextmanager
    def join(self, sender: StreamSender) -> Iterator[Fanout]:
        """Send the stream to a viewer for the length of a context, from a key frame on."""
        self._senders.add(sender)
        if self._stream is None:
            self._stream = self._pipeline.open_stream(self._codec, self)
        else:
            self.request_keyframe()
        try:
            yield self
        finally:
            self._senders.discard(sender)
            if not self._senders:
                self._pipeline.close_stream(self._stream)
                self._stream = None
                self._under_way = False

    def request_keyframe(self) -> None:
        """Ask for a key frame for everybody."""
        if self._stream is not None:
            self._pipeline.request_keyframe(self._stream)

    @property
    def ready(self) -> bool:
        """Whether the event loop has sent the last unit."""
        return not self._under_way

    def deliver(self, unit: AccessUnit) -> None:
        """Take a unit to the event loop; called in the media thread."""
        self._under_way = True
        self._loop.call_soon_threadsafe(self._send, unit)

    def _send(self, unit: AccessUnit) -> None:
        now = time.time()
        try:
            for sender in tuple(self._senders):
                self._send_to(sender, unit, now)
        finally:
            self._under_way = False

    def _send_to(self, sender: StreamSender, unit: AccessUnit, now: float) -> None:
        try:
            sender.send(unit, now)
        except Exception:
            # One viewer's fault must not take the picture from the others.
            logger.exception("a viewer was not sent a picture")
