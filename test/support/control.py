# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A driver on aiortc, and a cockpit that writes down what it is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.rtcsctptransport import Chunk, DataChunk, parse_packet

from .waiting import until

Answer = Callable[[str], Awaitable[str]]
CHANNEL = {"negotiated": True, "id": 0, "ordered": False, "maxRetransmits": 0}


class Driver:
    """A page's control connection; ``received`` has the messages that have come."""

    def __init__(self) -> None:
        self.connection = RTCPeerConnection()
        self.channel = self.connection.createDataChannel("drive", **CHANNEL)
        self.received: list[bytes] = []
        self.channel.on("message", self.received.append)

    async def offer(self) -> str:
        await self.connection.setLocalDescription()
        return self.connection.localDescription.sdp

    async def connect(self, answer: Answer) -> None:
        """Have an offer answered, and wait until the channel is open."""
        await self.take(await answer(await self.offer()))
        await until(lambda: self.channel.readyState == "open", "an open channel")

    async def take(self, answer: str) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    def send(self, message: bytes | str) -> None:
        self.channel.send(message)

    async def send_chunks(self, *chunks: Chunk) -> None:
        """Send chunks of SCTP as they are, each in a packet of its own."""
        for chunk in chunks:
            await self.connection.sctp._send_chunk(chunk)

    def data(self, message: bytes, **differences: int) -> DataChunk:
        """Return a chunk with a message as the channel sends it, but for some differences."""
        sctp = self.connection.sctp
        chunk = DataChunk(flags=7)
        chunk.tsn, chunk.protocol, chunk.user_data = sctp._local_tsn, 53, message
        for name, value in differences.items():
            setattr(chunk, name, value)
        return chunk

    @property
    def unacknowledged(self) -> int:
        """How many messages have been sent, and the bridge has not said that it has them."""
        return len(self.connection.sctp._sent_queue)

    def packets(self) -> list[list[str]]:
        """Return the kinds of chunks in each packet that comes from now on."""
        kinds: list[list[str]] = []
        sctp = self.connection.sctp
        handle = sctp._handle_data

        async def look(data: bytes) -> None:
            kinds.append([type(chunk).__name__ for chunk in parse_packet(data)[3]])
            await handle(data)

        sctp._handle_data = look
        return kinds

    async def close(self) -> None:
        await self.connection.close()


@asynccontextmanager
async def connected(answer: Answer) -> AsyncIterator[Driver]:
    """Have a driver connected for the length of a context; ``answer`` answers its offer."""
    driver = Driver()
    try:
        await driver.connect(answer)
        yield driver
    finally:
        await driver.close()


@dataclass
class RecordingCockpit:
    """Has every session's messages, and who has left; a status says how many messages came."""

    sessions: dict[str, tuple[str, str, str, bool]] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    messages: dict[str, list[bytes]] = field(default_factory=dict)
    statuses: int = 0

    def join(self, tab: str, name: str, address: str, now: float, slow: bool) -> str:
        session = f"session-{len(self.sessions)}"
        self.sessions[session] = tab, name, address, slow
        self.messages[session] = []
        return session

    def leave(self, session: str, now: float) -> None:
        assert session not in self.left
        self.left.append(session)

    def receive(self, session: str, message: bytes, now: float) -> None:
        assert session not in self.left
        if message == b"break":
            raise RuntimeError("broken by the test")
        self.messages[session].append(message)

    def status(self, session: str, now: float) -> bytes:
        assert session not in self.left
        self.statuses += 1
        return b"%d messages" % len(self.messages[session])


async def in_loop(loop: asyncio.AbstractEventLoop, coroutine):
    """Wait, in one event loop, for a coroutine that runs in another."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, loop))
