# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures from a live stream by URL: the newest, stamped with when it was sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import cast

from av.error import FFmpegError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from ..runtime.owning import Owned
from ..settings.schema import Setting, SettingsError, Value
from .arrival import Lateness
from .connection import Connection
from .conversion import to_picture
from .newest import NewestRead, ReadingEnded
from .source import LONGEST_WAIT, Picture, SourceError
from .stream_errors import PATIENCE, SILENT, what_is_wrong

# Each packet is a picture of its own, so that one may be left out.
INTRA_ONLY = ("mjpeg", "jpeg2000", "png", "rawvideo", "prores", "dvvideo")
# Until a key frame comes, what is sent cannot be decoded; cameras send one every 1 to 10 s.
LONGEST_BLIND = 30.0  # seconds
SHORTEST_STEP = 1e-3  # seconds between two stamps; to read two clocks takes less
LONGEST_BACKLOG = 1.0  # seconds in which what had come before it was asked for is read
FRESH = 1.0  # seconds for which a connection may wait to be read


@dataclass(frozen=True)
class Sent:
    """A picture, to be decoded unless it is, and when it was sent (s, monotonic clock).

    ``pixel_shape`` is width by height of a pixel, if the stream says it.
    """

    decoded: Callable[[], VideoFrame | None]
    at: float
    pixel_shape: Fraction | None = None


class LiveStream:
    """The newest picture of a stream that does not wait for whoever reads it.

    A thread reads as fast as pictures come. Where each is coded for itself, only the newest is
    decoded. Where they depend on one another, all are, in that thread.
    """

    def __init__(self, name: str, connect: Callable[[], Connection], first: Connection) -> None:
        """Take an open connection, to be closed with this source; ``connect`` makes others.

        ``connect`` is called in the thread, and raises :class:`SourceError`.
        """
        self._name = name
        self._connect = connect
        self._first: Connection | None = first
        self._opened = time.monotonic()
        self.hardware_id = name
        self.framerate = None  # what is said of it before pictures have come is a guess
        codec = first.video.codec_context
        size = f", {codec.width}x{codec.height}" if codec.width else ""
        self.description = f"{name}{size}, {codec.name}, live"
        self._scaler = VideoReformatter()
        self._newest = NewestRead("live-stream", self._read, patient=True)
        self._last_read = self._last_shown = 0.0  # when, on the monotonic clock
        self._stamped = 0.0  # when the last picture was sent, as its stamp has it

    @property
    def controls(self) -> Mapping[str, tuple[Setting, Value | None]]:
        """A stream has none."""
        return {}

    def set_control(self, name: str, value: Value) -> None:
        """A stream has none."""
        raise SettingsError(f"a stream has no control {name}; the camera that sends it may")

    def set_framerate(self, framerate: float) -> None:
        """It stays as the server has it."""

    def start(self) -> None:
        """Read from now on."""
        self._last_read = self._last_shown = time.monotonic()
        self._newest.start()

    def stop(self) -> None:
        """End the connection: what is sent while nobody reads is old when somebody does.

        Where the server is silent, the thread is left behind: it ends the connection by itself,
        after :data:`PATIENCE` seconds of silence.
        """
        self._newest.stop()

    @contextmanager
    def capture(self) -> Iterator[Picture | None]:
        """Wait for a newer picture than the last one."""
        try:
            sent = self._newest.wait(LONGEST_WAIT)
        except ReadingEnded as why:
            raise SourceError(str(why)) from None
        frame = None if sent is None else sent.decoded()
        if sent is None or frame is None:
            self._check_patience()
            yield None
            return
        self._last_shown = time.monotonic()
        # What was sent in another order than it is shown in, or was thought to be later than it
        # was, must not be the older one.
        self._stamped = max(sent.at, self._stamped + SHORTEST_STEP)
        age = self._last_shown - self._stamped
        stamp = time.time_ns() - round(1e9 * age)
        yield to_picture(self._scaler, frame, stamp, sent.pixel_shape)

    def close(self) -> None:
        """End the connection; safe to call twice."""
        self.stop()
        if (unused := self._take_first()) is not None:
            unused.close()

    def _check_patience(self) -> None:
        now = time.monotonic()
        if now - self._last_read > PATIENCE:
            raise SourceError(f"{self._name} {SILENT}")
        if now - self._last_shown > LONGEST_BLIND:
            raise SourceError(
                f"{self._name} has sent nothing for {LONGEST_BLIND:g} s that can be decoded; let "
                "the camera send key frames more often, or another codec"
            )

    def _take_first(self) -> Connection | None:
        first, self._first = self._first, None
        return first

    def _read(self) -> Generator[Sent | None, None, None]:
        with Owned() as owned:
            connection = owned.take("a live stream", self._connection, Connection.close)
            try:
                yield from self._pictures(connection)
            except (FFmpegError, OSError) as error:
                raise SourceError(f"{self._name} {what_is_wrong(error)}") from None
            raise SourceError(f"{self._name} was ended by the server")

    def _connection(self) -> Connection:
        first = self._take_first()
        if first is not None:
            if time.monotonic() - self._opened < FRESH:
                return first
            first.close()
        return self._connect()

    def _pictures(self, connection: Connection) -> Generator[Sent | None, None, None]:
        lateness = Lateness()
        codec = connection.video.codec_context
        alone = codec.name in INTRA_ONLY
        codec.copy_opaque = True  # a picture that the decoder keeps back has its packet's time
        backlog_until = time.monotonic() + LONGEST_BACKLOG
        for arrived in connection.pictures():
            if arrived is None:
                yield None
                continue
            self._last_read = time.monotonic()
            packet = arrived.packet
            packet.opaque = sent = arrived.at - lateness.of(_stamp(packet), arrived.at)
            decode = partial(_decode, codec, packet)
            newest = Sent(decode, sent) if alone else _sent(decode(), codec.sample_aspect_ratio)
            if arrived.known or self._last_read > backlog_until:
                backlog_until = 0.0
            yield None if backlog_until else newest


def _sent(frame: VideoFrame | None, pixel_shape: Fraction | None) -> Sent | None:
    if frame is None:
        return None
    return Sent(lambda: frame, cast(float, frame.opaque), pixel_shape)


def _decode(codec: VideoCodecContext, packet: Packet[VideoStream]) -> VideoFrame | None:
    """Return the newest picture that can be shown now."""
    try:
        frames = codec.decode(packet)
    except FFmpegError:  # damaged on its way, or it depends on what was sent before we came
        return None
    return frames[-1] if frames else None


def _stamp(packet: Packet[VideoStream]) -> float | None:
    if packet.pts is None or packet.time_base is None:
        return None
    return float(packet.pts * packet.time_base)
