# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""One encoded stream, and everybody who is sent it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from ..link.flight import Flight
from ..media.codec import AccessUnit, Codec
from ..media.encoded_stream import KEYFRAME_INTERVAL, EncodedStream
from ..media.frame_counts import StreamCounts
from ..media.pipeline import MediaPipeline
from ..media.stages import StageMeter
from ..media.stream_load import StreamLoad
from ..media.tiers import Tier
from ..runtime.faults import faults
from .sender import StreamSender

logger = logging.getLogger(__name__)

# Viewers of one stream whose links are asked about behind each picture. With more of them, one is
# ready for the next picture most of the time, and questions cost CPU time.
MOST_FOLLOWED = 3


class _Outlet:
    """Takes the units of one opening of a stream to the event loop; called in the media thread."""

    def __init__(self, send: Callable[[_Outlet, AccessUnit], object]) -> None:
        self._send = send
        self._loop = asyncio.get_running_loop()
        self.under_way = False
        self.flights: tuple[Flight, ...] = ()  # of those that are followed; replaced as a whole

    @property
    def ready(self) -> bool:
        """Whether the event loop has sent the last unit."""
        return not self.under_way

    @property
    def full(self) -> bool:
        """Whether what was sent last has not passed in time, over all links that are followed."""
        flights, now = self.flights, time.monotonic()
        return bool(flights) and all(flight.full(now) for flight in flights)

    def deliver(self, unit: AccessUnit) -> None:
        """Have a unit sent."""
        self.under_way = True
        self._loop.call_soon_threadsafe(self._send, self, unit)


class Fanout:
    """Hands each access unit of a camera in one codec and tier to all of its senders, in one pass.

    The stream is open while there are senders. What was still under way when it was closed is sent
    to nobody. Lives in the event loop.
    """

    def __init__(self, pipeline: MediaPipeline, codec: Codec, tier: Tier) -> None:
        self.tier = tier
        self.stages = StageMeter()
        self._pipeline = pipeline
        self._codec = codec
        self._senders: dict[StreamSender, Callable[[], object] | None] = {}
        self._stream: EncodedStream | None = None
        self._outlet: _Outlet | None = None
        self._follows = True
        self._before = StreamCounts()  # of earlier openings
        # The last key frame and what followed it, as long as no newer one may be made: a viewer who
        # joins then is sent these at once, and the others are spared a key frame.
        self._recent: list[AccessUnit] = []
        self._recent_since = 0.0

    def add(self, sender: StreamSender, on_arrival: Callable[[], object] | None = None) -> None:
        """Send the stream to a viewer, from a key frame on.

        ``on_arrival`` is called just before this key frame is sent: the viewer can then leave the
        stream that it watched until then.
        """
        self._senders[sender] = on_arrival
        if self._stream is None:
            self._outlet = _Outlet(self._send)
            self._follow_few()
            self._stream = self._pipeline.open_stream(self._codec, self.tier, self._outlet)
            return
        self._follow_few()
        if self._recent and on_arrival is None:
            now = time.monotonic()
            for unit in self._recent:
                self._send_to(sender, unit, now)
        else:
            self.request_keyframe()

    def remove(self, sender: StreamSender) -> None:
        """Send it no more; the last one to go closes the stream. Safe to call twice."""
        self._senders.pop(sender, None)
        self._follow_few()
        if not self._senders and self._stream is not None:
            stream, self._stream, self._outlet = self._stream, None, None
            self._before = self._before.plus(stream.counts)
            self._recent.clear()
            self._pipeline.close_stream(stream)

    def _follow_few(self) -> None:
        """Hold pictures back that all of a few viewers' links are too full for."""
        self._follows = len(self._senders) <= MOST_FOLLOWED
        if self._outlet is not None:
            flights = (sender.link.flight for sender in self._senders) if self._follows else ()
            self._outlet.flights = tuple(flights)

    def adopt(self, tier: Tier) -> None:
        """Encode with other bitrates from now on."""
        if tier == self.tier:
            return
        self.tier = tier
        if self._stream is not None:
            self._stream.tier = tier

    def request_keyframe(self) -> None:
        """Ask for a key frame for everybody."""
        if self._stream is not None:
            self._pipeline.request_keyframe(self._stream)

    def set_bitrate(self, bitrate: int) -> None:
        """Encode at another bitrate, in bit/s."""
        if self._stream is not None:
            self._stream.bitrate = bitrate

    @property
    def senders(self) -> tuple[StreamSender, ...]:
        """Whom the stream is sent to."""
        return tuple(self._senders)

    @property
    def counts(self) -> StreamCounts:
        """What became of the stream's pictures, each time that it was open."""
        return self._before if self._stream is None else self._before.plus(self._stream.counts)

    def describe(self) -> dict[str, object] | None:
        """Return what ``/stats`` says of the stream; None while it is closed."""
        stream = self._stream
        if stream is None:
            return None
        return {
            "codec": self._codec.value,
            "tier": self.tier.name,
            "viewers": len(self._senders),
            "bitrate": stream.bitrate,
            **self.counts._asdict(),
            "stages": self.stages.summary(),
        }

    def load(self) -> StreamLoad | None:
        """Return what the stream costs; None while it is closed."""
        stream = self._stream
        if stream is None:
            return None
        return StreamLoad(
            self._codec.value,
            self.tier.name,
            stream.encoder,
            len(self._senders),
            stream.encoded,
            stream.skipped,
            stream.failed,
            stream.seconds,
        )

    def _send(self, outlet: _Outlet, unit: AccessUnit) -> None:
        if outlet is not self._outlet:
            return  # of before the stream was closed
        now = time.monotonic()
        self._remember(unit, now)
        try:
            for sender, on_arrival in tuple(self._senders.items()):
                if on_arrival is not None and unit.keyframe and sender in self._senders:
                    on_arrival()
                    self._senders[sender] = on_arrival = None
                if on_arrival is None:
                    self._send_to(sender, unit, now)
        finally:
            outlet.under_way = False
        self.stages.add(unit.times._replace(sent=time.time_ns()))

    def _remember(self, unit: AccessUnit, now: float) -> None:
        if unit.keyframe:
            self._recent = [unit]
            self._recent_since = now
        elif self._recent:
            if now - self._recent_since < KEYFRAME_INTERVAL:
                self._recent.append(unit)
            else:
                self._recent = []

    def _send_to(self, sender: StreamSender, unit: AccessUnit, now: float) -> None:
        sender.follows = self._follows
        try:
            sender.send(unit, now)
        except Exception as error:
            # One viewer's fault must not take the picture from the others.
            faults.report(logger, "a viewer was not sent a picture", error)
