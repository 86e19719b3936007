"""Sends a shared stream through an aiortc sender whose own loop never runs.

This file alone touches what aiortc keeps private (``path.py``: aioice); ``test_aiortc_private.py``
fails when a new version changes what it relies on. aiortc's own way would pack every picture again
for every viewer, keep 128 packets for retransmission, and ignore requests for key frames.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import struct
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Protocol

from aiortc import RTCRtpTransceiver
from aiortc.rtcdtlstransport import State
from aiortc.rtcrtpparameters import (
    RTCRtpCodecParameters,
    RTCRtpSendParameters,
)
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
from ..link.rtp import Extensions, RtpWriter
from ..media.codec import CLOCK_RATE, AccessUnit, Codec
from ..runtime.faults import faults
from ..runtime.owning import Owned, ReleaseError
from ..runtime.rate_limit import RateLimit
from .capabilities import ABS_SEND_TIME, MID, PLAYOUT_DELAY
from .path import Path

logger = logging.getLogger(__name__)

NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970
MOST_REPEATED = 0.15  # share of a stream's bitrate that may be spent on retransmissions
# What one viewer may ask of the event loop that serves all of them. A browser sends some dozens of
# RTCP packets a second; one packet can ask for 6000 others to be sent again.
MOST_FEEDBACK = 200  # RTCP packets a second
MOST_REQUESTED = 250  # packets to be sent again, in one request; twice as many in a second
LONGEST_WAIT = 0.5  # seconds for which a question of a probe is not asked again
CLOCK_ERROR = 0.01  # seconds by which a round trip on a good link may come out below 0
LONGEST_ROUND_TRIP = 10.0  # seconds
# FIR names its target in its body; its header says 0 (RFC 5104, 4.3.1.2).
ANY_MEDIA_SSRC = 0


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
    """One viewer's place in a shared stream, from the moment when DTLS is up until the end."""

    def __init__(
        self, transceiver: RTCRtpTransceiver, join: JoinStream, link: LinkEstimate
    ) -> None:
        self.link = link
        self.health = ViewerHealth()
        self.units_sent = 0
        self.units_dropped = 0
        self._rate = BitrateMeter()
        self._repeated = BitrateMeter()
        self._feedback_limit = RateLimit(MOST_FEEDBACK, 2 * MOST_FEEDBACK)
        self._request_limit = RateLimit(2 * MOST_REQUESTED, 2 * MOST_REQUESTED)
        self._last_timestamp: int | None = None
        self._sender: Any = transceiver.sender
        self._join = join
        self._stream: Stream | None = None
        self._writer: RtpWriter | None = None
        self._needs_keyframe = True
        self._parameters: RTCRtpSendParameters | None = None
        # Over aioice's connection, which is below DTLS.
        self.path = Path(self._sender.transport.transport._connection)
        self._hold = Hold(self.path, link.passage, self._release)
        self._drained: Callable[[], object] | None = None
        self._take_over()

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
        dtls = self._sender.transport
        if dtls._state != State.CONNECTED:
            return  # it is closing, and this sender with it
        measured = unit.keyframe and self._hold.before(now)
        sent = self._send_unit(unit, dtls._tx_srtp.protect, now)
        self.health.on_unit(sent, now)
        if not sent:
            self._drop()
            return
        if measured:
            self._hold.behind(8 * unit.size, now)
        self._needs_keyframe = False
        self._last_timestamp = unit.timestamp
        self.units_sent += 1
        self._note_for_sender_report(unit)

    def drain(self, then: Callable[[], object]) -> None:
        """Send nothing until what is under way has arrived, and then only from a key frame on."""
        self._needs_keyframe = True
        self._drained = then
        self._hold.drain(time.monotonic())

    def _send_unit(self, unit: AccessUnit, protect: Callable[[bytes], bytes], now: float) -> bool:
        assert self._writer is not None
        if unit.timestamp == self._last_timestamp:
            # The picture at which the viewer changed its tier comes twice, at two times.
            unit = replace(unit, timestamp=unit.timestamp + 1 & 0xFFFFFFFF)
        padding = self._probe(unit, now)
        packets = [protect(packet) for packet in (*self._writer.packets(unit, now), *padding)]
        if not self.path.send(packets):
            return False
        self._rate.add(8 * (unit.size + sum(map(len, padding))), now)
        return True

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

    def _take_over(self) -> None:
        """Put our methods in the place of aiortc's, on this instance."""
        sender = self._sender
        self._send_original = sender.send
        sender.send = self._send
        sender._run_rtp = self._run_rtp
        sender._retransmit = self._retransmit
        self._handle_rtcp_original = sender._handle_rtcp_packet
        sender._handle_rtcp_packet = self._handle_rtcp_packet
        sender._send_keyframe = self._on_keyframe_request

    async def _send(self, parameters: RTCRtpSendParameters) -> None:
        """Note what was negotiated, then start as aiortc does."""
        self._parameters = parameters
        await self._send_original(parameters)
        transport = self._sender.transport
        transport._rtp_router.register_sender(self._sender, ANY_MEDIA_SSRC)
        self._handle_rtcp_data_original = transport._handle_rtcp_data
        transport._handle_rtcp_data = self._handle_rtcp_data

    async def _run_rtp(self, codec: RTCRtpCodecParameters) -> None:
        """Stay in the stream until aiortc cancels this task."""
        sender = self._sender
        sender._RTCRtpSender__rtp_started.set()
        try:
            with Owned() as owned:
                owned.at_end("the end of a sender", sender._RTCRtpSender__rtp_exited.set)
                owned.at_end("a sender's path", self.path.close)
                self._writer = self._open_writer(codec)
                self.link.can_be_probed = self._writer.can_pad
                self._ask(time.monotonic())  # now, while nothing can be in the way
                joining = self._join(Codec[codec.name.upper()], self)
                self._stream = owned.enter("a place in a stream", joining)
                await asyncio.Event().wait()
        except (asyncio.CancelledError, ReleaseError):
            pass  # how aiortc stops a sender; it waits for rtp_exited
        except Exception as error:
            faults.report(logger, "a viewer could not join its stream", error)
            self.health.fail("it could not join its stream")
        finally:
            self._stream = None

    def _open_writer(self, codec: RTCRtpCodecParameters) -> RtpWriter:
        parameters = self._parameters
        assert parameters is not None
        assert codec.payloadType is not None
        ids = {extension.uri: extension.id for extension in parameters.headerExtensions}
        rtx = next(
            (
                (other.payloadType, self._sender._rtx_ssrc)
                for other in parameters.codecs
                if other.parameters.get("apt") == codec.payloadType and other.payloadType
            ),
            None,
        )
        return RtpWriter(
            ssrc=self._sender._ssrc,
            payload_type=codec.payloadType,
            mid=parameters.muxId,
            extensions=Extensions(ids.get(MID), ids.get(ABS_SEND_TIME), ids.get(PLAYOUT_DELAY)),
            # The lower half: a wrap-around early on breaks some receivers' SRTP.
            sequence=secrets.randbits(15),
            rtx=rtx,
            rtx_sequence=secrets.randbits(15),
        )

    def _probe(self, unit: AccessUnit, now: float) -> list[bytes]:
        """Return what a probe of the link adds to a unit, and ask how full the link is before."""
        assert self._writer is not None
        if self.link.probe is None:
            return []
        if not self.path.asked_since(now - LONGEST_WAIT):
            self._ask(now)
        bits = self.link.probe.padding(8 * unit.size, now)
        return self._writer.padding(bits // 8, unit.timestamp, now)

    def _ask(self, now: float) -> None:
        self.path.ask(now, lambda round_trip, asked: self.link.on_echo(round_trip))

    async def _handle_rtcp_data(self, data: bytes) -> None:
        """Note that the viewer is alive, whatever its RTCP is about."""
        now = time.monotonic()
        self.health.on_feedback(now)
        if self._feedback_limit.allow(now):
            await self._handle_rtcp_data_original(data)

    async def _handle_rtcp_packet(self, packet: AnyRtcpPacket) -> None:
        """Learn from a receiver's feedback, then let aiortc answer it."""
        now = time.monotonic()
        capacity = self.link.capacity(now)
        if isinstance(packet, RtcpRtpfbPacket):
            del packet.lost[MOST_REQUESTED:]
        elif isinstance(packet, RtcpPsfbPacket) and packet.fmt == RTCP_PSFB_APP:
            try:
                bitrate, _ = unpack_remb_fci(packet.fci)
            except (ValueError, struct.error):
                return  # an application's feedback that is no REMB, or one cut short
            self.link.on_estimate(bitrate, now)
        elif isinstance(packet, (RtcpRrPacket, RtcpSrPacket)):
            for report in packet.reports:
                if report.ssrc == self._sender._ssrc:
                    self._take_report(report, now)
        if self.link.capacity(now) < capacity:
            self._reconsider()
        await self._handle_rtcp_original(packet)

    def _take_report(self, report: RtcpReceiverInfo, now: float) -> None:
        sent = self._rate.rate(now)
        loss_before = self.link.loss
        self.link.on_report(report.packets_lost, report.highest_sequence, sent, now)
        if loss_before > HEAVY_LOSS and self.link.loss < LIGHT_LOSS:
            # The link carries again what it is given, but the receiver misses what came before, and
            # would wait for seconds before it asks.
            self._on_keyframe_request()
        # Not aiortc's own round trip, which it smooths over many seconds (RFC 3550, 6.4.1).
        if report.dlsr and report.lsr == self._sender._RTCRtpSender__lsr:
            since_report = time.time() - self._sender._RTCRtpSender__lsr_time
            round_trip = since_report - report.dlsr / 65536
            # Else the clock was set in between.
            if -CLOCK_ERROR < round_trip < LONGEST_ROUND_TRIP:
                self.link.on_round_trip(max(0.0, round_trip), sent, now)

    async def _retransmit(self, sequence: int) -> None:
        """Answer a NACK."""
        dtls = self._sender.transport
        if self._writer is None or dtls._state != State.CONNECTED:
            return
        now = time.monotonic()
        if not self._request_limit.allow(now):
            return
        if self._repeated.rate(now) > MOST_REPEATED * self._rate.rate(now):
            return  # the link is too full already; a key frame will be asked for
        packet = self._writer.retransmission(sequence, now)
        if packet is not None:
            self._repeated.add(8 * len(packet), now)
            self.path.send([dtls._tx_srtp.protect(packet)])

    def _on_keyframe_request(self) -> None:
        """Answer a PLI or a FIR."""
        if self._stream is not None:
            self._stream.request_keyframe()

    def _drop(self) -> None:
        self.units_dropped += 1
        if not self._needs_keyframe:
            self._needs_keyframe = True
            self._on_keyframe_request()

    def _note_for_sender_report(self, unit: AccessUnit) -> None:
        """Give aiortc's next sender report one instant in both clocks (RFC 3550, 6.4.1)."""
        assert self._writer is not None
        sender = self._sender
        now = time.time()
        age = now - unit.times.captured / 1e9
        timestamp = unit.timestamp + round(age * CLOCK_RATE) & 0xFFFFFFFF
        sender._RTCRtpSender__ntp_timestamp = round((now + NTP_EPOCH) * 2**32)
        sender._RTCRtpSender__rtp_timestamp = timestamp
        sender._RTCRtpSender__packet_count = self._writer.packets_sent
        sender._RTCRtpSender__octet_count = self._writer.octets_sent
