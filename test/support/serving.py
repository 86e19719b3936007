# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A bridge's HTTP server without ROS, with tokens."""

from contextlib import asynccontextmanager

from aiohttp import web

from pi_webrtc_streamer.access.roles import Role
from pi_webrtc_streamer.bridge import Bridge
from pi_webrtc_streamer.settings.bridge import BridgeSettings
from pi_webrtc_streamer.web.access import make_access
from pi_webrtc_streamer.web.admission import requires, visitor_role
from pi_webrtc_streamer.web.ports import listen
from pi_webrtc_streamer.web.server import make_app
from support.access import DRIVE, VIEW

AUTH = {"auth": "token", "token_view": VIEW, "token_drive": DRIVE}
PEOPLE = {"Accept": "text/html,*/*"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@requires(Role.DRIVE)
async def move(request: web.Request) -> web.Response:
    """What teleoperation will be."""
    return web.Response(text=str(visitor_role(request)))


async def fail(request: web.Request) -> web.Response:
    raise LookupError("on purpose")


@asynccontextmanager
async def serving(**settings):
    """Serve a bridge without ROS, and a route that takes the role drive."""
    settings = BridgeSettings(**settings)
    with listen("127.0.0.1", 0) as listener:
        access = make_access(settings, listener.getsockname(), print, print, {})
        app = make_app(Bridge(settings, {}, lambda topic: []), access)
        app.router.add_route("*", "/test/move", move)
        app.router.add_post("/test/fail", fail)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        try:
            yield access.url, app
        finally:
            await runner.cleanup()
