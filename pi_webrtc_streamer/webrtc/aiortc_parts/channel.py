# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A data channel that is negotiated at both ends, with a guard before its SCTP."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from aiortc import RTCDtlsTransport, RTCPeerConnection
from aiortc.rtcdtlstransport import State
from aiortc.rtcsctptransport import WEBRTC_BINARY, Chunk, SackChunk

from ...runtime.faults import faults
from ..sctp_guard import SctpGuard

logger = logging.getLogger(__name__)

CHANNEL = 0  # the data channel's number, which is its stream's
# Seconds until the first packets of an association are sent again. aiortc's 3 are for a network
# that nothing is known of; ICE and DTLS have just answered.
FIRST_TIMEOUT = 0.5
# Packets that wait for a message to be acknowledged with, at most. A driver sends 30 a second, and
# must not wait for longer than 0.5 s (RFC 9260, 6.2).
MOST_OWED = 6


class DriverChannel:
    """The one data channel of a peer connection, with a guard before its SCTP.

    It is negotiated at both ends: number 0, unordered, and nothing is sent twice. Made before the
    connection has an offer. ``on_message`` is called with each binary message, ``on_change`` when
    the channel opens or closes, and ``on_closing`` when the driver begins to close it. What has
    come is acknowledged with the next message: while it is ready, one is to be sent every now and
    then.
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
        self._acknowledgements = _Acknowledgements(sctp, lambda: self.ready)
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
            await self._acknowledgements.hold()
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


class _Acknowledgements:
    """Sends acknowledgements with messages (RFC 9260, 6.10); aiortc gives each its own packet.

    What has come out of order is acknowledged at once, and so is everything while no message can
    be sent.
    """

    def __init__(self, sctp: Any, sending: Callable[[], bool]) -> None:
        self._sctp = sctp
        self._sending = sending
        self._owed = 0  # packets that have come since the last one
        self._holding = False
        self._held: Chunk | None = None  # until the next chunk goes
        self._make = sctp._send_sack
        self._send_original = sctp._send_chunk
        sctp._send_sack = self._acknowledge
        sctp._send_chunk = self._send

    async def hold(self) -> None:
        """Have what is owed sent with the next chunk."""
        if self._sctp._sack_needed:
            self._holding = True
            await self._make()
            self._holding = False

    async def _acknowledge(self) -> None:
        sctp = self._sctp
        self._owed += 1
        in_order = not (sctp._sack_misordered or sctp._sack_duplicates)
        if in_order and self._owed < MOST_OWED and self._sending():
            return
        await self._make()

    async def _send(self, chunk: Chunk) -> None:
        if isinstance(chunk, SackChunk):
            self._owed = 0
            if self._holding:
                self._held = chunk
                return
        held, self._held = self._held, None
        await self._send_original(chunk if held is None else _Bundle(held, chunk))


class _Bundle:
    """Chunks that go in one packet; aiortc asks for their bytes."""

    def __init__(self, *chunks: Chunk) -> None:
        self._chunks = chunks

    def __bytes__(self) -> bytes:
        return b"".join(map(bytes, self._chunks))
