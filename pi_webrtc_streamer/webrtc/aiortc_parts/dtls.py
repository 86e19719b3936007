# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The handshake of DTLS, which takes viewers of any kind, and what OpenSSL is given to read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiortc import RTCCertificate, RTCDtlsTransport, RTCPeerConnection
from aiortc.rtcdtlstransport import RTCDtlsParameters, SRTPProtectionProfile, State
from OpenSSL import SSL

LARGEST_DATAGRAM = 1500  # bytes, of DTLS; aiortc reads as many at once
RECORD_HEADER = 13  # bytes
APPLICATION_DATA = 23  # a record's type
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


def ice_connection(transport: RTCDtlsTransport) -> Any:
    """Return aioice's connection, which is below DTLS."""
    below: Any = transport.transport
    return below._connection


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
