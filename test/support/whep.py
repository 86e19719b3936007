# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A WHEP client on aiortc."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiortc import RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from av import VideoFrame
from yarl import URL

from .narrow_link import NarrowLink

SDP = {"Content-Type": "application/sdp"}


async def make_offer(kind: str = "video", direction: str = "recvonly") -> str:
    """Return an offer of whom nobody will hear again."""
    connection = RTCPeerConnection()
    connection.addTransceiver(kind, direction=direction)
    await connection.setLocalDescription()
    offer = connection.localDescription.sdp
    await connection.close()
    return offer


def session_address(response: aiohttp.ClientResponse) -> str:
    """Return the address of the session that a response to an offer names."""
    return str(response.url.join(URL(response.headers["Location"])))


class WhepViewer:
    """Watches one camera; made by :func:`watching`."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, link: NarrowLink | None = None
    ) -> None:
        self.session = session
        self.link = link
        self.connection = RTCPeerConnection()
        self.receiver: RTCRtpReceiver | None = None
        self.resource = ""
        self.etag = ""
        self.answer = ""
        self._url = url

    async def connect(self, codec: str | None = None) -> aiohttp.ClientResponse:
        """Offer to watch, in one codec if it is named; returns the response."""
        offer = await self.offer(codec)
        if self.link is not None:
            offer = self.link.hide(offer)
        async with self.session.post(self._url, data=offer, headers=SDP) as response:
            self.answer = await response.text()
            if response.status == 201:
                self.resource = session_address(response)
                self.etag = response.headers["ETag"]
                if self.link is not None:
                    self.answer = await self.link.lead(self.answer)
                await self.connection.setRemoteDescription(
                    RTCSessionDescription(self.answer, "answer")
                )
            return response

    async def offer(self, codec: str | None = None) -> str:
        transceiver = self.connection.addTransceiver("video", direction="recvonly")
        if codec is not None:
            capabilities = RTCRtpReceiver.getCapabilities("video").codecs
            transceiver.setCodecPreferences(
                [c for c in capabilities if c.mimeType.lower() in (f"video/{codec}", "video/rtx")]
            )
        self.receiver = transceiver.receiver
        await self.connection.setLocalDescription()
        return self.connection.localDescription.sdp

    async def next_frame(self) -> VideoFrame:
        """Return the next decoded picture."""
        frame = await asyncio.wait_for(self.receiver.track.recv(), 30)
        assert isinstance(frame, VideoFrame)
        return frame

    def keyframes_from_now_on(self) -> list[int]:
        """Return a list that gets the RTP timestamp of each H.264 key frame that arrives."""
        seen: list[int] = []
        handle = self.receiver._handle_rtp_packet

        async def look(packet, arrival_time_ms):
            # A key frame begins with its parameter sets, in a STAP-A before its first slice.
            kind, first = packet.payload[0] & 0x1F, packet.payload[3] & 0x1F
            if kind == 24 and first == 7:
                seen.append(packet.timestamp)
            await handle(packet, arrival_time_ms)

        self.receiver._handle_rtp_packet = look
        return seen

    async def request_keyframe(self) -> None:
        """Send a PLI (RFC 4585, 6.3.1)."""
        (ssrc,) = {source.source for source in self.receiver.getSynchronizationSources()}
        await self.receiver._send_rtcp_pli(ssrc)

    async def frame_with(self, condition) -> VideoFrame:
        """Return the first picture for which a condition holds."""
        for _ in range(600):
            frame = await self.next_frame()
            if condition(frame):
                return frame
        raise AssertionError("no such picture in 600")


@asynccontextmanager
async def watching(
    url: str,
    codec: str | None = None,
    camera: str = "camera",
    headers: dict[str, str] | None = None,
    connector: aiohttp.BaseConnector | None = None,
    link: NarrowLink | None = None,
) -> AsyncIterator[WhepViewer]:
    """Watch a camera of the bridge at this address for the length of a context."""
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
        viewer = WhepViewer(session, f"{url}whep/{camera}", link)
        try:
            response = await viewer.connect(codec)
            assert response.status == 201, viewer.answer
            yield viewer
        finally:
            await viewer.connection.close()
            if link is not None:
                link.close()


async def drain(viewer: WhepViewer) -> None:
    """Skip the pictures that have arrived."""
    while not viewer.receiver.track._queue.empty():
        await viewer.next_frame()


def timestamps_seen(viewer: WhepViewer) -> list[int]:
    """Collect the RTP timestamps of the packets that arrive from now on."""
    seen: list[int] = []
    receiver = viewer.receiver
    handle = receiver._handle_rtp_packet

    async def look(packet, arrival_time_ms):
        seen.append(packet.timestamp)
        await handle(packet, arrival_time_ms)

    receiver._handle_rtp_packet = look
    return seen


def mean_luma(frame: VideoFrame) -> float:
    """Return a picture's mean luma, in full range."""
    grey = frame.to_ndarray(format="gray")
    return float(grey.mean())
