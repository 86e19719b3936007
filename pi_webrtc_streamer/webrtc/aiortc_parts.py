"""What aiortc keeps private: a sender whose own loop never runs, the handshake of DTLS, and SCTP.

This file alone touches what aiortc keeps private (``path.py`` and ``gathering.py``: aioice);
``test_aiortc_private.py`` fails when a new version changes what it relies on. aiortc's own way
would pack every picture again for every viewer, keep 128 packets for retransmission, and ignore
requests for key frames.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from aiortc import RTCCertificate, RTCDtlsTransport, RTCPeerConnection, RTCRtpTransceiver
from aiortc.rtcdtlstransport import RTCDtlsParameters, SRTPProtectionProfile, State
from aiortc.rtcrtpparameters import RTCRtpCodecParameters, RTCRtpSendParameters
from aiortc.rtcsctptransport import WEBRTC_BINARY
from aiortc.rtp import AnyRtcpPacket, RtcpReceiverInfo
from OpenSSL import SSL

from ..link.rtp import Extensions, RtpWriter
from ..media.codec import CLOCK_RATE, AccessUnit, Codec
from ..runtime.faults import faults
from ..runtime.owning import Owned, ReleaseError
from .capabilities import ABS_SEND_TIME, MID, PLAYOUT_DELAY
from .path import Path
from .sctp_guard import SctpGuard

logger = logging.getLogger(__name__)

NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970
CLOCK_ERROR = 0.01  # seconds by which a round trip on a good link may come out below 0
LONGEST_ROUND_TRIP = 10.0  # seconds
LARGEST_DATAGRAM = 1500  # bytes, of DTLS; aiortc reads as many at once
RECORD_HEADER = 13  # bytes
APPLICATION_DATA = 23  # a record's type
CHANNEL = 0  # the data channel's number, which is its stream's
# Seconds until the first packets of an association are sent again. aiortc's 3 are for a network
# that nothing is known of; ICE and DTLS have just answered.
FIRST_TIMEOUT = 0.5
# FIR names its target in its body; its header says 0 (RFC 5104, 4.3.1.2).
ANY_MEDIA_SSRC = 0
# aiortc has those for ECDSA alone. A viewer that is the server of the handshake chooses by its own
# certificate, which GStreamer's and some of pion's programs have with RSA. All have forward secrecy
# (RFC 8827, 6.5); those with authenticated encryption come first.
SUITES = ":".join(
    f"ECDHE-{signature}-{cipher}"
    for ciphers in (("AES128-GCM-SHA256", "CHACHA20-POLY1305"), ("AES128-SHA", "AES256-SHA"))
    for signature in ("ECDSA", "RSA")
    for cipher in ciphers
)

# What a viewer that ends the handshake says (RFC 5246, 7.2.2), in words.
ALERTS = {
    40: "handshake failure: it has no cipher suite in common with the bridge",
    42: "bad certificate",
    43: "unsupported certificate",
    48: "unknown certificate authority",
    51: "decrypt error: the signature of the handshake is wrong",
    70: "protocol version: it does not speak DTLS 1.2",
    80: "internal error",
}


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


def ice_connection(transport: RTCDtlsTransport) -> Any:
    """Return aioice's connection, which is below DTLS."""
    below: Any = transport.transport
    return below._connection


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


class Certificate(RTCCertificate):
    """The certificate that a viewer is shown, for viewers with any kind of their own.

    ``on_alert`` is called with each alert that the viewer sends (RFC 5246, 7.2.2).
    """

    on_alert: Callable[[int], object] = staticmethod(lambda alert: None)

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        context = super()._create_ssl_context(srtp_profiles)
        context.set_cipher_list(SUITES.encode())
        context.set_info_callback(self._take_info)
        return context

    def _take_info(self, ssl: SSL.Connection, where: int, value: int) -> None:
        if where & SSL.SSL_CB_ALERT and where & SSL.SSL_CB_READ:
            self.on_alert(value & 0xFF)


class DtlsHandshake:
    """The DTLS of a peer connection: it takes viewers of any kind, and says why it failed.

    Made before the connection has a transport; the one that counts is then given to :meth:`watch`.
    """

    def __init__(self, connection: RTCPeerConnection) -> None:
        private: Any = connection
        certificate = Certificate.generateCertificate()
        certificate.on_alert = self._take_alert
        private._RTCPeerConnection__certificates = [certificate]
        self._transport: Any = None
        self._alert = ""
        self.failure = ""  # why it failed, while it has not: nothing

    def watch(self, dtls: RTCDtlsTransport) -> None:
        """Note why a step fails; aiortc tells that to its debugging log alone."""
        transport: Any = dtls
        self._transport = transport
        shake_hands = transport._do_handshake
        validate, set_up_srtp = transport._validate_peer_identity, transport._setup_srtp

        async def do_handshake() -> None:
            self._note_errors(transport._ssl)
            _take_one_record_at_a_time(transport._ssl)
            await shake_hands()
            self._blame("the connection broke")
            _end_with_first_error(transport._ssl)

        def validate_peer_identity(parameters: RTCDtlsParameters) -> None:
            validate(parameters)
            self._blame("its certificate is not the one that its offer has the fingerprint of")

        def setup_srtp() -> None:
            set_up_srtp()
            self._blame("there is no SRTP protection profile in common")

        transport._do_handshake = do_handshake
        transport._validate_peer_identity = validate_peer_identity
        transport._setup_srtp = setup_srtp

    @property
    def under_way(self) -> bool:
        """Whether ICE has found a path, and the handshake has begun and not ended."""
        return self._transport is not None and self._transport._state == State.CONNECTING

    def _note_errors(self, ssl: Any) -> None:
        step = ssl.do_handshake

        def do_handshake() -> None:
            try:
                step()
            except SSL.WantReadError:
                raise
            except SSL.Error as error:
                reason = _reason(error) or self._alert or "OpenSSL does not say why"
                self.failure = f"its DTLS handshake failed: {reason}"
                raise

        ssl.do_handshake = do_handshake

    def _take_alert(self, alert: int) -> None:
        meaning = ALERTS.get(alert, "")
        self._alert = f"the viewer sent alert {alert}{meaning and f' ({meaning})'}"

    def _blame(self, why: str) -> None:
        if self._transport._state == State.FAILED and not self.failure:
            self.failure = f"its DTLS handshake failed: {why}"


class DriverChannel:
    """The one data channel of a peer connection, with a guard before its SCTP.

    It is negotiated at both ends: number 0, unordered, and nothing is sent twice. Made before the
    connection has an offer. ``on_message`` is called with each binary message, ``on_change`` when
    the channel opens or closes, and ``on_closing`` when the driver begins to close it.
    """

    def __init__(
        self,
        connection: RTCPeerConnection,
        on_message: Callable[[bytes], object],
        on_change: Callable[[], object],
        on_closing: Callable[[str], object],
    ) -> None:
        self.guard = SctpGuard()
        self.heard: float | None = None  # when the last packet came
        self._channel = connection.createDataChannel(
            "drive", ordered=False, maxRetransmits=0, negotiated=True, id=CHANNEL
        )
        self._on_message = on_message
        self._on_closing = on_closing
        self._channel.on("message", self._take)
        for event in ("open", "close"):
            self._channel.on(event, on_change)
        sctp: Any = connection.sctp
        self._sctp = sctp
        sctp._rto = FIRST_TIMEOUT
        self._handle_original = sctp._handle_data
        sctp._handle_data = self._handle
        # There is no SRTP, and what comes all the same is dropped.
        sctp.transport._setup_srtp = lambda: None

    @property
    def transport(self) -> RTCDtlsTransport:
        """The DTLS below it."""
        transport: RTCDtlsTransport = self._sctp.transport
        return transport

    @property
    def state(self) -> str:
        """What it is: connecting, open, closing or closed."""
        state: str = self._channel.readyState
        return state

    @property
    def ready(self) -> bool:
        """Whether a message would go at once."""
        sctp = self._sctp
        full = sctp._outbound_queue or sctp._flight_size >= sctp._cwnd
        return self.state == "open" and not full and sctp.transport._state == State.CONNECTED

    async def send(self, message: bytes) -> bool:
        """Send a message once; returns False if it cannot be, which ends the connection."""
        try:
            # Not the channel's own way, which starts a task for each message.
            await self._sctp._send(
                CHANNEL, WEBRTC_BINARY, message, max_retransmits=0, ordered=False
            )
        except ConnectionError as error:
            self._on_closing(f"nothing can be sent to it: {error}")
            return False
        return True

    async def _handle(self, data: bytes) -> None:
        """Hand a packet on to aiortc, if it may be; what that raises ends the connection."""
        self.heard = time.monotonic()
        passes = self.guard.passes(data, self.heard, self._sctp._last_received_tsn)
        if self.guard.closing:
            self._on_closing("it closed its data channel")
        if not passes:
            return
        try:
            await self._handle_original(data)
        except ConnectionError:
            raise
        except Exception as error:
            faults.report(logger, "a driver's packet could not be read", error)
            self._on_closing("its packet could not be read")

    def _take(self, message: bytes | str) -> None:
        if message and isinstance(message, bytes):
            self._on_message(message)


def _take_one_record_at_a_time(ssl: Any) -> None:
    """Drop datagrams of which something would be left in OpenSSL, with what the next ones leave.

    Whenever a datagram has come, aiortc reads one record of application data, and 1500 bytes of it.
    """
    write = ssl.bio_write

    def bio_write(data: bytes) -> int:
        if not is_read_at_once(data):
            return len(data)
        written: int = write(data)
        return written

    ssl.bio_write = bio_write


def _end_with_first_error(ssl: Any) -> None:
    """Let DTLS end when it cannot be read or written any more.

    aiortc would go on to fill the buffer that nothing is read from, and fail where it sends.
    """
    read, write = ssl.recv, ssl.send

    def recv(size: int) -> bytes:
        try:
            data: bytes = read(size)
        except (SSL.WantReadError, SSL.ZeroReturnError):
            raise
        except SSL.Error as error:
            raise SSL.ZeroReturnError from error  # as if the other side had said good-bye
        return data

    def send(data: bytes) -> int:
        try:
            sent: int = write(data)
        except SSL.Error as error:
            raise ConnectionError(_reason(error)) from error
        return sent

    ssl.recv, ssl.send = recv, send


def is_read_at_once(datagram: bytes) -> bool:
    """Whether a datagram of DTLS has at most one record of application data, at its end.

    Those of the handshake may be before it; OpenSSL reads them on the way (RFC 6347, 4.1).
    """
    if len(datagram) > LARGEST_DATAGRAM:
        return False
    records, position = [], 0
    while position + RECORD_HEADER <= len(datagram):
        records.append(datagram[position])
        position += RECORD_HEADER + int.from_bytes(datagram[position + 11 : position + 13], "big")
    return APPLICATION_DATA not in records[:-1]


def _reason(error: SSL.Error) -> str:
    """Return OpenSSL's words for an error, as far as it has any."""
    reasons = [entry[-1] for entry in error.args[0]] if error.args else []
    return ", ".join(reasons)
