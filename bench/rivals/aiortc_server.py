# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""aiortc as its own examples use it: a track for each viewer, each of which encodes.

The pictures are the camera node's, decoded once for all viewers.

    python -m bench.rivals.aiortc_server PORT
"""

from __future__ import annotations

import asyncio
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
from aiohttp import web
from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription, VideoStreamTrack

from bench.rivals.subscription import subscribed

PAGE = Path(__file__).parents[1] / "pages" / "aiortc.html"
CLOCK_RATE = 90_000


class CameraTrack(VideoStreamTrack):
    """Gives the newest picture, each one once."""

    def __init__(self) -> None:
        super().__init__()
        self._begun = time.monotonic()
        self._newest: asyncio.Queue[av.VideoFrame] = asyncio.Queue(1)

    def show(self, frame: av.VideoFrame) -> None:
        """Put a picture in the place of one that was not taken."""
        if self._newest.full():
            self._newest.get_nowait()
        self._newest.put_nowait(frame)

    async def recv(self) -> av.VideoFrame:
        """Return the next picture."""
        picture = await self._newest.get()
        # Tracks must not share a frame: each sets its own time.
        frame = picture.reformat(format="yuv420p")
        frame.pts = int((time.monotonic() - self._begun) * CLOCK_RATE)
        frame.time_base = Fraction(1, CLOCK_RATE)
        return frame


class Server:
    """Answers offers."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._decoder = av.CodecContext.create("mjpeg", "r")
        self._decoder.thread_count = 1
        self._tracks: set[CameraTrack] = set()
        self._connections: set[RTCPeerConnection] = set()

    def on_jpeg(self, data: memoryview) -> None:
        """Decode a picture for all tracks; in the thread of the subscription."""
        if self._tracks:
            (frame,) = self._decoder.decode(av.Packet(data))
            self._loop.call_soon_threadsafe(self._show, frame)

    def _show(self, frame: av.VideoFrame) -> None:
        for track in self._tracks:
            track.show(frame)

    async def page(self, request: web.Request) -> web.FileResponse:
        """Serve the page."""
        return web.FileResponse(PAGE)

    async def offer(self, request: web.Request) -> web.Response:
        """Answer an offer."""
        offer = await request.json()
        connection, track = RTCPeerConnection(), CameraTrack()
        transceiver = connection.addTransceiver(track, direction="sendonly")
        codecs = RTCRtpSender.getCapabilities("video").codecs
        transceiver.setCodecPreferences([codec for codec in codecs if "H264" in codec.mimeType])
        self._connections.add(connection)
        self._tracks.add(track)

        @connection.on("connectionstatechange")
        async def changed() -> None:
            if connection.connectionState in ("failed", "closed"):
                self._tracks.discard(track)
                self._connections.discard(connection)
                await connection.close()

        await connection.setRemoteDescription(RTCSessionDescription(**offer))
        await connection.setLocalDescription()
        answer = connection.localDescription
        return web.json_response({"sdp": answer.sdp, "type": answer.type})

    async def close(self) -> None:
        """End all connections."""
        await asyncio.gather(*(connection.close() for connection in list(self._connections)))


async def main(port: int) -> None:
    """Serve until the process is interrupted."""
    server = Server()
    app = web.Application()
    app.router.add_get("/", server.page)
    app.router.add_post("/offer", server.offer)
    runner = web.AppRunner(app)
    await runner.setup()
    with subscribed(server.on_jpeg):
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            await asyncio.Event().wait()
        finally:
            await server.close()
            await runner.cleanup()


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1])))
    except KeyboardInterrupt:
        sys.exit(0)
