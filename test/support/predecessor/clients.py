# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Clients as they were written for the predecessor, on aiortc, in both dialects."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp
from av import VideoFrame

from ..waiting import GIVE_UP_AFTER

DIALECTS = ("rust", "go")
PATHS = {"rust": "/", "go": "/ws"}
CANDIDATE = "a=candidate:"
# Of nobody (RFC 5737): aioice gives up at once where it has no candidate at all.
NOBODY = "a=candidate:1 1 udp 1 192.0.2.99 9 typ host"


class Closed(Exception):
    """The bridge has closed the socket."""


class Client:
    """Watches one camera over a socket that is open; it trickles, and never connects again.

    One that is ``passive`` takes none of the bridge's candidates: the bridge has to find it.
    """

    def __init__(self, dialect: str, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.dialect = dialect
        self.passive = False
        self.socket = socket
        self.connection = RTCPeerConnection()
        self.answers: list[str] = []
        self.candidates: list[dict] = []
        self.errors: list[str] = []
        self.pongs = 0
        self.frames = 0
        self._receiver = None
        self._left_alone: list[RTCPeerConnection] = []

    async def offer(self) -> tuple[str, list[str]]:
        """Return an offer without candidates, and the candidates."""
        transceiver = self.connection.addTransceiver("video", direction="recvonly")
        self._receiver = transceiver.receiver
        await self.connection.setLocalDescription()
        lines = self.connection.localDescription.sdp.splitlines()
        candidates = [line.removeprefix("a=") for line in lines if line.startswith(CANDIDATE)]
        assert candidates
        kept = [line for line in lines if not line.startswith((CANDIDATE, "a=end-of-candidates"))]
        return "\r\n".join([*kept, ""]), candidates

    async def watch(self, candidates_first: bool = False) -> None:
        """Offer, trickle and take the answer."""
        sdp, candidates = await self.offer()
        if not candidates_first:
            await self.send_offer(sdp)
        for line in candidates:
            await self.send_candidate(line)
        if candidates_first:
            await self.send_offer(sdp)
        await self.take_answer()

    async def take_answer(self) -> None:
        """Take the answer, and the candidates that came before and after it."""
        before = len(self.answers)
        while len(self.answers) == before:
            await self.take_message()
        answer = self.answers[-1]
        if self.passive:
            lines = [line for line in answer.splitlines() if not line.startswith(CANDIDATE)]
            answer = "\r\n".join([*lines, NOBODY, ""])
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        while not self.candidates:
            await self.take_message()
        for each in [] if self.passive else self.candidates:
            candidate = candidate_from_sdp(each["candidate"].partition(":")[2])
            candidate.sdpMLineIndex = each["sdpMLineIndex"]
            await self.connection.addIceCandidate(candidate)

    async def again(self) -> None:
        """Offer anew on the same socket, from a new connection; the old one is just left alone."""
        self._left_alone.append(self.connection)
        self.connection = RTCPeerConnection()
        self.candidates.clear()
        await self.watch()

    async def close(self) -> None:
        """Close every connection."""
        for connection in (*self._left_alone, self.connection):
            await connection.close()

    async def next_frame(self) -> VideoFrame:
        """Return the next decoded picture."""
        frame = await asyncio.wait_for(self._receiver.track.recv(), GIVE_UP_AFTER)
        assert isinstance(frame, VideoFrame)
        self.frames += 1
        return frame

    async def send_offer(self, sdp: str) -> None:
        description = {"type": "offer", "sdp": sdp}
        if self.dialect == "rust":
            await self.send({"offer": description})
        else:
            await self.send({"type": "offer", "data": description})

    async def send_candidate(self, line: str) -> None:
        candidate = {
            "candidate": line,
            "sdpMid": "0",
            "sdpMLineIndex": 0,
            "usernameFragment": None,
        }
        if self.dialect == "rust":
            await self.send({"iceCandidate": candidate})
        else:
            await self.send({"type": "ice-candidate", "data": candidate})

    async def send(self, message: object) -> None:
        await self.socket.send_str(json.dumps(message))

    async def take_message(self) -> None:
        """Take one message as this dialect has them.

        :raises Closed: if there is none any more.
        """
        message = await asyncio.wait_for(self.socket.receive(), GIVE_UP_AFTER)
        if message.type is not aiohttp.WSMsgType.TEXT:
            # A client that reads late can no longer answer; what it was told counts all the same.
            told = message.type is aiohttp.WSMsgType.CLOSE
            raise Closed(message.data if told else self.socket.close_code, message.extra)
        content = json.loads(message.data)
        if self.dialect == "rust":
            self._take_rust(**content)
        else:
            self._take_go(**content)

    def _take_rust(self, answer=None, iceCandidate=None, error=None) -> None:
        if answer is not None:
            assert answer["type"] == "answer"
            self.answers.append(answer["sdp"])
        elif iceCandidate is not None:
            assert iceCandidate.keys() == {"candidate", "sdpMLineIndex"}
            self.candidates.append(iceCandidate)
        else:
            self.errors.append(error)

    def _take_go(self, type, data=None) -> None:
        if type == "answer":
            assert data["type"] == "answer"
            self.answers.append(data["sdp"])
        elif type == "ice-candidate":
            place = {"sdpMid": "", "sdpMLineIndex": 0, "usernameFragment": None}
            assert data == {"candidate": data["candidate"], **place}
            self.candidates.append(data)
        elif type == "error":
            prefix, _, text = data["message"].partition(": ")
            assert prefix == "Error handling message"
            self.errors.append(text)
        else:
            assert (type, data) == ("pong", None)
            self.pongs += 1

    async def until_closed(self) -> tuple[int, str]:
        """Take everything until the bridge closes the socket; returns the code and the reason."""
        while True:
            try:
                await self.take_message()
            except Closed as closed:
                code, reason = closed.args
                return code, reason or ""


@asynccontextmanager
async def connected(
    dialect: str, port: int, query: str = "", scheme: str = "ws", below: str = "", **options
) -> AsyncIterator[Client]:
    """Open a socket on a signalling port, or ``below`` a proxy's path, for a context's length."""
    url = f"{scheme}://127.0.0.1:{port}{below}{PATHS[dialect]}{query}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url, **options) as socket:
        client = Client(dialect, socket)
        try:
            yield client
        finally:
            await client.close()
