# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a driver sends over its control connection: packets of SCTP, behind their guard."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import cache
from struct import pack
from typing import Any

from aiortc import RTCPeerConnection
from aiortc.rtcdtlstransport import State
from aiortc.rtcsctptransport import (
    SCTP_STATE_COOKIE,
    AbortChunk,
    Chunk,
    CookieEchoChunk,
    DataChunk,
    ErrorChunk,
    ForwardTsnChunk,
    HeartbeatChunk,
    InitAckChunk,
    InitChunk,
    SackChunk,
    ShutdownChunk,
    crc32c,
    parse_packet,
)

from pi_webrtc_streamer.teleop.messages import Axes, Command, Flag, MessageError, parse_command
from pi_webrtc_streamer.webrtc.aiortc_parts.channel import DriverChannel
from pi_webrtc_streamer.webrtc.sctp_guard import LARGEST_MESSAGE, WINDOW

PORT = 5000
FIRST = 1000  # the driver's first sequence number
LARGEST_SENT = 1300  # bytes of a packet; aiortc gives DTLS no more than 1500


class Association:
    """aiortc's SCTP behind the guard, on a transport that keeps what is sent; made by :meth:`make`.

    ``received`` has the messages that came through, ``sent`` the newest packets of aiortc's.
    """

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.ended: list[str] = []
        self.sent: list[bytes] = []
        self.channel = DriverChannel(
            RTCPeerConnection(), self.received.append, lambda: None, self.ended.append
        )
        self.sctp: Any = self.channel._sctp
        dtls = self.sctp.transport
        dtls._state = State.CONNECTED
        dtls._send_data = self._keep

    @classmethod
    async def make(cls, established: bool) -> Association:
        """Return one that has begun, and perhaps been agreed on."""
        association = cls()
        await association.sctp.start(None, PORT)
        if established:
            await association.establish()
        return association

    async def establish(self) -> None:
        await self.take(bytes(init()))
        cookie = next(
            value
            for chunk in parse_packet(self.sent[-1])[3]
            if isinstance(chunk, InitAckChunk)
            for kind, value in chunk.params
            if kind == SCTP_STATE_COOKIE
        )
        await self.take(bytes(CookieEchoChunk(body=cookie)))
        assert self.channel.state == "open"

    async def take(self, chunks: bytes) -> None:
        """Take a packet of chunks, with a good header, and see that nothing comes of it that must
        not.
        """
        await self.channel._handle(self.packet(chunks))
        sctp = self.sctp
        assert "its packet could not be read" not in self.ended
        assert len(sctp._sack_misordered) <= WINDOW
        assert not sctp._sack_duplicates
        assert set(sctp._inbound_streams) <= {0}
        assert not any(stream.reassembly for stream in sctp._inbound_streams.values())
        assert set(sctp._data_channels) <= {0}
        assert not sctp._data_channel_queue
        assert all(0 < len(message) <= LARGEST_MESSAGE for message in self.received)
        assert all(len(packet) <= LARGEST_SENT for packet in self.sent)
        assert sctp._advertised_rwnd == 1024 * 1024

    def packet(self, chunks: bytes) -> bytes:
        """Put a header before chunks (RFC 9260, 3.1)."""
        tag = 0 if chunks[:1] == b"\x01" else self.sctp._local_verification_tag
        header = pack("!HHL", PORT, PORT, tag)
        return header + pack("<L", crc32c(header + bytes(4) + chunks)) + chunks

    async def close(self) -> None:
        await self.sctp.stop()

    async def _keep(self, data: bytes) -> None:
        self.sent = [*self.sent[-9:], data]


def command(data: bytes) -> None:
    """Read a driver's message; what is read is what would be written."""
    with suppress(MessageError):
        read = parse_command(data)
        assert parse_command(read.pack()) == read


def commands() -> list[bytes]:
    """Return a driver's messages."""
    return [
        Command(1).pack(),
        Command(2, Flag.ARM | Flag.HOLD, 3, 4, 0, 5, Axes(forward=0.5, turn=-1.0)).pack(),
    ]


def sctp(data: bytes) -> None:
    """Take packets: the first byte says whether the association is there, the others are chunks,
    packet after packet, each after its length in 16 bits.
    """
    _loop().run_until_complete(_take_all(data))


async def _take_all(data: bytes) -> None:
    association = await Association.make(established=bool(data[:1] > b"\0"))
    position = 1
    while position + 2 <= len(data):
        size = int.from_bytes(data[position : position + 2], "big")
        position += 2
        await association.take(data[position : position + size])
        position += size
    await association.close()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def init() -> InitChunk:
    """Return what a driver begins with."""
    chunk = InitChunk()
    chunk.initiate_tag, chunk.advertised_rwnd, chunk.initial_tsn = 7, 1 << 20, FIRST
    chunk.outbound_streams = chunk.inbound_streams = 1024
    return chunk


def data_chunk(number: int, message: bytes, flags: int = 7, **others: int) -> DataChunk:
    """Return a message as a driver sends it, but for what is given."""
    chunk = DataChunk(flags=flags)
    chunk.tsn, chunk.protocol, chunk.user_data = number, 53, message
    for name, value in others.items():
        setattr(chunk, name, value)
    return chunk


def packets() -> list[bytes]:
    """Return sessions as aiortc and browsers have them."""
    sack = SackChunk()
    sack.cumulative_tsn, sack.gaps, sack.duplicates = FIRST, [(2, 3)], [FIRST]
    forward = ForwardTsnChunk()
    forward.cumulative_tsn = FIRST + 9
    heartbeat, error = HeartbeatChunk(), ErrorChunk()
    heartbeat.params = [(1, b"now")]
    error.params = [(3, bytes(8))]
    sessions: list[tuple[int, list[list[Chunk]]]] = [
        (0, [[init()], [heartbeat], [CookieEchoChunk(body=bytes(24))], [error]]),
        (1, [[data_chunk(FIRST + n, bytes([n]) * 40)] for n in range(3)]),
        (1, [[data_chunk(FIRST + 2, b"a")], [sack, forward, data_chunk(FIRST + 12, b"b")]]),
        (1, [[heartbeat], [ShutdownChunk()], [AbortChunk()]]),
    ]
    return [
        bytes([established])
        + b"".join(
            len(packet).to_bytes(2, "big") + packet
            for chunks in session
            for packet in [b"".join(map(bytes, chunks))]
        )
        for established, session in sessions
    ]
