# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The bridge's clock, and when the newest pictures were captured on it."""

from __future__ import annotations

import time

from aiohttp import web

from ..bridge import Bridge
from .keys import BRIDGE


def add_routes(app: web.Application) -> None:
    """Serve the clock."""
    app.router.add_get("/clock", tell_time)


async def tell_time(request: web.Request) -> web.Response:
    """Say what time it is on the monotonic clock, in seconds, and when the newest picture of each
    camera that somebody watches was captured.

    Who notes when they asked and when they were answered knows the clocks' difference to within
    half the round trip (RFC 5905, section 8).
    """
    pictures = describe_pictures(request.app[BRIDGE])
    body = {"time": time.monotonic(), "pictures": pictures}
    return web.json_response(body, headers={"Cache-Control": "no-store"})


def describe_pictures(bridge: Bridge) -> dict[str, dict[str, object]]:
    """Return each camera's newest encoded picture, if it has one: RTP timestamp and capture."""
    newest = {name: timeline.newest for name, timeline in bridge.timelines.items()}
    return {name: capture._asdict() for name, capture in newest.items() if capture is not None}
