# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The cameras' state as JSON, and their pictures as JPEG, just as they came."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from ..access.entrance import SAFE_METHODS
from ..media.distributor import Mailbox
from ..media.feed import CameraFeed
from ..media.frame import JpegFrame
from ..telemetry.state import describe_cameras
from .admission import visitor_role
from .errors import RETRY_AFTER, ApiError
from .keys import BRIDGE, active_viewers, requested_feed
from .tools import for_tools

logger = logging.getLogger(__name__)

SNAPSHOT_TIMEOUT = 3.0  # seconds; a camera that nobody watched has to begin first
LONGEST_SNAPSHOT = 30.0  # seconds; clients and proxies give up after that themselves
BOUNDARY = "frame"
SNAPSHOT = "/cameras/{camera}/snapshot.jpg"
STREAM = "/cameras/{camera}/stream.mjpg"


def add_routes(app: web.Application) -> None:
    """Serve the state of the cameras and their pictures."""
    app.router.add_get("/cameras", list_cameras)
    app.router.add_get(SNAPSHOT, snapshot)
    app.router.add_get(STREAM, stream, allow_head=False)
    for path in (SNAPSHOT, STREAM):
        app.router.add_options(path, describe_picture)


async def list_cameras(request: web.Request) -> web.Response:
    """Say how each camera is, and why there is no picture where there is none."""
    bridge = request.app[BRIDGE]
    body = {
        "instance": bridge.instance,
        "robot_name": bridge.settings.robot_name,
        "role": str(visitor_role(request)),
        "state": "inactive" if bridge.viewers is None else "active",
        "ice_servers": [
            {"urls": server.urls, "username": server.username, "credential": server.credential}
            if server.username
            else {"urls": server.urls}
            for server in bridge.ice_servers
        ],
        "stale_after": bridge.settings.stale_after,
        "teleop": _describe_teleop(request),
        "cameras": describe_cameras(bridge),
    }
    return web.json_response(body, headers={"Cache-Control": "no-store"})


def _describe_teleop(request: web.Request) -> dict[str, object] | None:
    bridge = request.app[BRIDGE]
    if bridge.driving is None:
        return None
    from .teleop import describe_teleop  # loaded already

    return describe_teleop(bridge, visitor_role(request))


@for_tools
async def snapshot(request: web.Request) -> web.Response:
    """Return the next picture."""
    feed = requested_feed(request)
    # A slow camera is given the time that it takes.
    patience = min(max(SNAPSHOT_TIMEOUT, feed.patience), LONGEST_SNAPSHOT)
    with _serving(request), _reading(feed) as frames:
        try:
            frame = await asyncio.wait_for(frames.next(always_look=True), patience)
        except asyncio.TimeoutError:
            reason = feed.status(request.app[BRIDGE].publisher_types(feed.topic)).reason
            raise ApiError(503, reason or "no picture came in time", RETRY_AFTER) from None
    headers = {"Cache-Control": "no-store", "X-Timestamp": _seconds(frame.times.captured)}
    return web.Response(body=bytes(frame.data), content_type="image/jpeg", headers=headers)


@for_tools
async def stream(request: web.Request) -> web.StreamResponse:
    """Send the newest picture again and again (multipart/x-mixed-replace)."""
    feed = requested_feed(request)
    with _serving(request), _reading(feed) as frames:
        response = web.StreamResponse(headers={"Cache-Control": "no-store"})
        response.content_type = f"multipart/x-mixed-replace;boundary={BOUNDARY}"
        await response.prepare(request)
        patience = request.app[BRIDGE].settings.jpeg_client_timeout
        try:
            while True:
                await asyncio.wait_for(_send_part(response, await frames.next()), patience)
        except ConnectionError:
            return response  # the client has gone, which is how a stream ends
        except asyncio.TimeoutError:
            logger.info("a client of %s took no picture in %g s", request.path, patience)
            if request.transport is not None:
                request.transport.abort()  # it would not take the stream's end, either
            return response


@for_tools
async def describe_picture(request: web.Request) -> web.Response:
    """Say what can be done with a picture: to look at it."""
    requested_feed(request)
    return web.Response(status=204, headers={"Allow": ", ".join(SAFE_METHODS)})


async def _send_part(response: web.StreamResponse, frame: JpegFrame) -> None:
    await response.write(_part_header(frame))
    await response.write(frame.data)


def _part_header(frame: JpegFrame) -> bytes:
    return (
        f"\r\n--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(frame.data)}\r\n"
        f"X-Timestamp: {_seconds(frame.times.captured)}\r\n\r\n"
    ).encode()


def _seconds(stamp: int) -> str:
    return f"{stamp // 1_000_000_000}.{stamp % 1_000_000_000:09d}"


@contextmanager
def _serving(request: web.Request) -> Iterator[None]:
    """Let the bridge end this request when it is deactivated.

    :raises ApiError: 503 if the bridge is inactive, or serves as many clients as it may.
    """
    active_viewers(request)
    task = asyncio.current_task()
    assert task is not None
    requests = request.app[BRIDGE].requests
    limit = request.app[BRIDGE].settings.max_jpeg_clients
    if len(requests) >= limit:
        raise ApiError(
            503, f"{limit} clients are served JPEG already; try again later", RETRY_AFTER
        )
    requests[task] = request.match_info["camera"]
    try:
        yield
    finally:
        requests.pop(task, None)


class _FrameReader:
    """Waits, in the event loop, for whole frames, which another thread publishes."""

    def __init__(self, feed: CameraFeed) -> None:
        self._feed = feed
        loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self.mailbox: Mailbox[JpegFrame] = Mailbox(
            on_put=lambda: loop.call_soon_threadsafe(self._ready.set)
        )

    async def next(self, always_look: bool = False) -> JpegFrame:
        while True:
            await self._ready.wait()
            self._ready.clear()
            frame = self.mailbox.take()
            if frame is not None and await self._is_whole(frame, always_look):
                return frame

    async def _is_whole(self, frame: JpegFrame, always_look: bool) -> bool:
        """Say whether a frame has lost nothing; if it has, the camera's state says so."""
        whole = self._feed.whole
        if not always_look and not whole.is_suspicious(frame):
            return True
        flaw = await asyncio.to_thread(whole.find_flaw, frame)
        if flaw:
            self._feed.report_problem(flaw)
        return not flaw


@contextmanager
def _reading(feed: CameraFeed) -> Iterator[_FrameReader]:
    reader = _FrameReader(feed)
    with feed.distributor.subscribed(reader.mailbox):
        yield reader
