# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""One viewer's place in a shared stream: what it is sent, and what its feedback teaches."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Protocol

from aiortc import RTCRtpTransceiver
from aiortc.rtp import (
    RTCP_PSFB_APP,
    AnyRtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    unpack_remb_fci,
)

from ..link.bitrate import BitrateMeter
from ..link.health import ViewerHealth
from ..link.hold import Hold
from ..link.rate_control import HEAVY_LOSS, LIGHT_LOSS, LinkEstimate
from ..link.rtp import RtpWriter
from ..link.traffic import Traffic, lost_so_far
from ..media.codec import AccessUnit, Codec
from ..runtime.rate_limit import RateLimit
from .aiortc_parts.sender import AiortcSender
from .following import Following

MOST_REPEATED = 0.15  # share of a stream's bitrate that may be spent on retransmissions
MOST_REPEATED_AFTER_OUTAGE = 0.5  # the same, where two outages may have taken so much of a second
# What one viewer may ask of the event loop that serves all of them. A browser sends some dozens of
# RTCP packets a second; one packet can ask for 6000 others to be sent again.
MOST_FEEDBACK = 200  # RTCP packets a second
MOST_REQUESTED = 250  # packets to be sent again, in one request; twice as many in a second
LONGEST_WAIT = 0.5  # seconds for which a question of a probe is not asked again


class Stream(Protocol):
    """What a sender asks of the stream that it has joined."""

    def request_keyframe(self) -> None:
        """Make the next picture a key frame."""
        ...

    def reconsider(self) -> bool:
        """Look at the viewer's link now, and return whether it gets another stream for it."""
        ...


JoinStream = Callable[[Codec, "StreamSender"], AbstractContextManager[Stream]]


class StreamSender:
    """One viewer's place in a shared stream, from the moment when DTLS is up until the end.

    It is the :class:`.Substitute` of the viewer's aiortc sender.
    """

    def __init__(
        self, transceiver: RTCRtpTransceiver, join: JoinStream, link: LinkEstimate
    ) -> None:
        self.link = link
        self.health = ViewerHealth()
        self.units_sent = 0
        self.units_dropped = 0
        self._bytes_sent = 0
        self._packets_lost = 0
        self._rate = BitrateMeter()
        self._repeated = BitrateMeter()
        self._feedback_limit = RateLimit(MOST_FEEDBACK, 2 * MOST_FEEDBACK)
        self._request_limit = RateLimit(2 * MOST_REQUESTED, 2 * MOST_REQUESTED)
        self._last_timestamp: int | None = None
        self._join = join
        self._stream: Stream | None = None
        self._writer: RtpWriter | None = None
        self._needs_keyframe = True
        self._sender = AiortcSender(transceiver, self)
        self.path = self._sender.path
        self._hold = Hold(self.path, link.passage, self._release)
        self._following = Following(self.path, link, self._note_silence)
        self.follows = False  # whether it is asked behind each picture whether it has passed
        self._drained: Callable[[], object] | None = None

    @property
    def traffic(self) -> Traffic:
        """What the viewer was sent so far."""
        return Traffic(
            frames=self.units_sent,
            dropped=self.units_dropped,
            packets=self._packets,
            lost=self._packets_lost,
            bytes=self._bytes_sent,
        )

    @property
    def _packets(self) -> int:
        return self._writer.packets_sent if self._writer is not None else 0

    def send(self, unit: AccessUnit, now: float) -> None:
        """Send an access unit at ``now`` (monotonic, in seconds); waits for nothing.

        Before the first key frame, and after a unit that the network did not take, units are
        dropped until the next key frame. What follows a key frame over a link that may be narrow is
        kept back until that has arrived.
        """
        if self._hold.keeps(unit, now):
            return
        if self._needs_keyframe and not unit.keyframe:
            return
        protect = self._sender.protect
        if protect is None or self._writer is None:
            return  # it is closing, and this sender with it
        measured = unit.keyframe and self._hold.before(now)
        sent = self._send_unit(unit, self._writer, protect, now)
        self.health.on_unit(sent, now)
        if not sent:
            self._drop()
            return
        if measured:
            self._hold.behind(8 * unit.size, now)
        self._needs_keyframe = False
        self._last_timestamp = unit.timestamp
        self.units_sent += 1
        self._sender.note_sent(unit, self._writer)

    def drain(self, then: Callable[[], object]) -> None:
        """Send nothing until what is under way has arrived, and then only from a key frame on."""
        self._needs_keyframe = True
        self._drained = then
        self._hold.drain(time.monotonic())

    def _send_unit(
        self, unit: AccessUnit, writer: RtpWriter, protect: Callable[[bytes], bytes], now: float
    ) -> bool:
        if unit.timestamp == self._last_timestamp:
            # The picture at which the viewer changed its tier comes twice, at two times.
            unit = replace(unit, timestamp=unit.timestamp + 1 & 0xFFFFFFFF)
        packets = writer.packets(unit, now)
        self.link.losses.on_sent(len(packets), now)
        added = self._probe(unit, writer, now)
        if self.link.repeats:
            added += writer.repetitions(unit, now)
        if self.follows:
            self._following.before(now)
        if not self.path.send([protect(packet) for packet in (*packets, *added)]):
            return False
        size = unit.size + sum(map(len, added))
        self._bytes_sent += size
        self._rate.add(8 * size, now)
        if self.follows:
            self._following.behind(8 * size, now, twice=self.link.repeats)
        return True

    def _note_silence(self, now: float) -> None:
        """Take note that nothing is sent for now but questions, which are to be answered, too."""
        self.health.on_unit(True, now)

    def _release(self, kept: list[AccessUnit], carried: float | None, in_time: bool) -> None:
        """Send what was kept back, unless it is too late or another stream suits the link."""
        now = time.monotonic()
        drained, self._drained = self._drained, None
        if drained is not None:
            self.units_dropped += len(kept)
            drained()
            return
        self.link.on_passage(carried, now)
        if self._reconsider():
            self.units_dropped += len(kept)
        elif in_time:
            for unit in kept:
                self.send(unit, now)
        elif kept:
            self.units_dropped += len(kept) - 1
            self._drop()

    def _reconsider(self) -> bool:
        return self._stream is not None and self._stream.reconsider()

    @contextmanager
    def sending(self, codec: Codec, writer: RtpWriter) -> Iterator[None]:
        """Be in the stream for the length of a context."""
        self._writer = writer
        self.link.can_be_probed = writer.can_pad
        self._ask(time.monotonic())  # now, while nothing can be in the way
        try:
            with self._join(codec, self) as self._stream:
                yield
        finally:
            self._stream = None
            self._following.close()

    def trouble(self, now: float) -> str | None:
        """Say why the viewer should be disconnected, None if it is well; a silent one is asked."""
        if self.health.must_be_asked(now):
            self.path.ask(now, lambda round_trip, asked: self.health.on_sign(asked + round_trip))
        return self.health.trouble(now)

    def fail(self, why: str) -> None:
        """Take note that nothing can be sent."""
        self.health.fail(why)

    def _probe(self, unit: AccessUnit, writer: RtpWriter, now: float) -> list[bytes]:
        """Return what a probe of the link adds to a unit, and ask how full the link is before."""
        if self.link.probe is None:
            return []
        if not self.path.asked_since(now - LONGEST_WAIT):
            self._ask(now)
        bits = self.link.probe.padding(8 * unit.size, now)
        return writer.padding(bits // 8, unit.timestamp, now)

    def _ask(self, now: float) -> None:
        self.path.ask(now, lambda round_trip, asked: self.link.on_echo(round_trip))

    def hear(self) -> bool:
        """Note that the viewer is alive, whatever its RTCP is about; say whether to read it."""
        now = time.monotonic()
        self.health.on_sign(now)
        return self._feedback_limit.allow(now)

    def learn(self, packet: AnyRtcpPacket) -> bool:
        """Learn from a receiver's feedback; say whether there is something to answer."""
        now = time.monotonic()
        capacity = self.link.capacity(now)
        if isinstance(packet, RtcpRtpfbPacket):
            del packet.lost[MOST_REQUESTED:]
            self.link.on_missing(packet.lost, now)
        elif isinstance(packet, RtcpPsfbPacket) and packet.fmt == RTCP_PSFB_APP:
            try:
                bitrate, _ = unpack_remb_fci(packet.fci)
            except (ValueError, struct.error):
                return False  # an application's feedback that is no REMB, or one cut short
            self.link.on_estimate(bitrate, now)
        elif isinstance(packet, (RtcpRrPacket, RtcpSrPacket)):
            for report in packet.reports:
                if report.ssrc == self._sender.ssrc:
                    self._take_report(report, now)
        if self.link.capacity(now) < capacity:
            self._reconsider()
        return True

    def _take_report(self, report: RtcpReceiverInfo, now: float) -> None:
        sent = self._rate.rate(now)
        self._packets_lost = lost_so_far(self._packets_lost, report.packets_lost, self._packets)
        loss_before = self.link.loss
        self.link.on_report(report.packets_lost, report.highest_sequence, sent, now)
        if loss_before > HEAVY_LOSS and self.link.loss < LIGHT_LOSS:
            # The link carries again what it is given, but the receiver misses what came before, and
            # would wait for seconds before it asks.
            self.on_keyframe_request()
        round_trip = self._sender.round_trip(report)
        if round_trip is not None:
            self.link.on_round_trip(round_trip, sent, now)

    def retransmit(self, sequence: int) -> None:
        """Answer a NACK."""
        protect = self._sender.protect
        if self._writer is None or protect is None:
            return
        now = time.monotonic()
        if not self._request_limit.allow(now):
            return
        outage = self.link.had_outage(now)
        most = MOST_REPEATED_AFTER_OUTAGE if outage else MOST_REPEATED
        if self._repeated.rate(now) > most * self._rate.rate(now):
            return  # the link is too full already; a key frame will be asked for
        packet = self._writer.retransmission(sequence, now)
        if packet is not None:
            self._repeated.add(8 * len(packet), now)
            self._bytes_sent += len(packet)
            self.path.send([protect(packet)])

    def on_keyframe_request(self) -> None:
        """Answer a PLI or a FIR."""
        if self._stream is not None:
            self._stream.request_keyframe()

    def _drop(self) -> None:
        self.units_dropped += 1
        if not self._needs_keyframe:
            self._needs_keyframe = True
            self.on_keyframe_request()
