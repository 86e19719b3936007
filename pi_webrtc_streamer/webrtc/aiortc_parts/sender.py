# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A sender of aiortc's whose own loop never runs: a substitute sends in its place."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from aiortc import RTCRtpTransceiver
from aiortc.rtcdtlstransport import State
from aiortc.rtcrtpparameters import RTCRtpCodecParameters, RTCRtpSendParameters
from aiortc.rtp import AnyRtcpPacket, RtcpReceiverInfo

from ...link.rtp import Extensions, RtpWriter
from ...media.codec import CLOCK_RATE, AccessUnit, Codec
from ...runtime.faults import faults
from ...runtime.owning import Owned, ReleaseError
from ..capabilities import ABS_SEND_TIME, MID, PLAYOUT_DELAY
from ..path import Path
from .dtls import ice_connection

logger = logging.getLogger(__name__)

NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970
CLOCK_ERROR = 0.01  # seconds by which a round trip on a good link may come out below 0
LONGEST_ROUND_TRIP = 10.0  # seconds
# FIR names its target in its body; its header says 0 (RFC 5104, 4.3.1.2).
ANY_MEDIA_SSRC = 0


class Substitute(Protocol):
    """Who takes the place of aiortc's own way; all of it is called in the event loop."""

    def sending(self, codec: Codec, writer: RtpWriter) -> AbstractContextManager[object]:
        """Return what is entered when DTLS is up, and left when the sender is to stop."""
        ...

    def fail(self, why: str) -> None:
        """Take note that nothing can be sent."""
        ...

    def hear(self) -> bool:
        """Take note that RTCP has come, and return whether it is to be read."""
        ...

    def learn(self, packet: AnyRtcpPacket) -> bool:
        """Learn from a receiver's feedback, and return whether aiortc is to answer it."""
        ...

    def on_keyframe_request(self) -> None:
        """Answer a PLI or a FIR."""
        ...

    def retransmit(self, sequence: int) -> None:
        """Answer a NACK."""
        ...


class AiortcSender:
    """Puts a substitute's methods in the place of those of an aiortc sender, on this instance."""

    def __init__(self, transceiver: RTCRtpTransceiver, substitute: Substitute) -> None:
        sender: Any = transceiver.sender
        self._sender = sender
        self._substitute = substitute
        self._parameters: RTCRtpSendParameters | None = None
        self.path = Path(ice_connection(sender.transport))
        self._send_original = sender.send
        sender.send = self._send
        sender._run_rtp = self._run_rtp
        sender._retransmit = self._retransmit
        self._handle_rtcp_original = sender._handle_rtcp_packet
        sender._handle_rtcp_packet = self._handle_rtcp_packet
        sender._send_keyframe = substitute.on_keyframe_request

    @property
    def ssrc(self) -> int:
        """What the stream is called in RTP and RTCP."""
        ssrc: int = self._sender._ssrc
        return ssrc

    @property
    def protect(self) -> Callable[[bytes], bytes] | None:
        """What makes SRTP of an RTP packet; None while DTLS is not up, or closing."""
        dtls = self._sender.transport
        if dtls._state != State.CONNECTED:
            return None
        protect: Callable[[bytes], bytes] = dtls._tx_srtp.protect
        return protect

    def round_trip(self, report: RtcpReceiverInfo) -> float | None:
        """Return the round trip in seconds that a report tells, None if it tells none.

        It is not aiortc's own, which that smooths over many seconds (RFC 3550, 6.4.1).
        """
        if not report.dlsr or report.lsr != self._sender._RTCRtpSender__lsr:
            return None
        since_report = time.time() - self._sender._RTCRtpSender__lsr_time
        round_trip: float = since_report - report.dlsr / 65536
        # Else the clock was set in between.
        return max(0.0, round_trip) if -CLOCK_ERROR < round_trip < LONGEST_ROUND_TRIP else None

    def note_sent(self, unit: AccessUnit, writer: RtpWriter) -> None:
        """Give aiortc's next sender report one instant in both clocks (RFC 3550, 6.4.1)."""
        sender = self._sender
        now = time.time()
        age = now - unit.times.captured / 1e9
        timestamp = unit.timestamp + round(age * CLOCK_RATE) & 0xFFFFFFFF
        sender._RTCRtpSender__ntp_timestamp = round((now + NTP_EPOCH) * 2**32)
        sender._RTCRtpSender__rtp_timestamp = timestamp
        sender._RTCRtpSender__packet_count = writer.packets_sent
        sender._RTCRtpSender__octet_count = writer.octets_sent

    async def _send(self, parameters: RTCRtpSendParameters) -> None:
        """Note what was negotiated, then start as aiortc does."""
        self._parameters = parameters
        await self._send_original(parameters)
        transport = self._sender.transport
        transport._rtp_router.register_sender(self._sender, ANY_MEDIA_SSRC)
        self._handle_rtcp_data_original = transport._handle_rtcp_data
        transport._handle_rtcp_data = self._handle_rtcp_data

    async def _run_rtp(self, codec: RTCRtpCodecParameters) -> None:
        """Let the substitute send until aiortc cancels this task."""
        sender = self._sender
        sender._RTCRtpSender__rtp_started.set()
        try:
            with Owned() as owned:
                owned.at_end("the end of a sender", sender._RTCRtpSender__rtp_exited.set)
                owned.at_end("a sender's path", self.path.close)
                writer = self._open_writer(codec)
                sending = self._substitute.sending(Codec[codec.name.upper()], writer)
                owned.enter("a place in a stream", sending)
                await asyncio.Event().wait()
        except (asyncio.CancelledError, ReleaseError):
            pass  # how aiortc stops a sender; it waits for rtp_exited
        except Exception as error:
            faults.report(logger, "a viewer could not join its stream", error)
            self._substitute.fail("it could not join its stream")

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
            ssrc=self.ssrc,
            payload_type=codec.payloadType,
            mid=parameters.muxId,
            extensions=Extensions(ids.get(MID), ids.get(ABS_SEND_TIME), ids.get(PLAYOUT_DELAY)),
            # The lower half: a wrap-around early on breaks some receivers' SRTP.
            sequence=secrets.randbits(15),
            rtx=rtx,
            rtx_sequence=secrets.randbits(15),
        )

    async def _handle_rtcp_data(self, data: bytes) -> None:
        if self._substitute.hear():
            await self._handle_rtcp_data_original(data)

    async def _handle_rtcp_packet(self, packet: AnyRtcpPacket) -> None:
        if self._substitute.learn(packet):
            await self._handle_rtcp_original(packet)

    async def _retransmit(self, sequence: int) -> None:
        self._substitute.retransmit(sequence)
