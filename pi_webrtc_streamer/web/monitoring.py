"""How the bridge is, for watchdogs and whoever measures."""

from __future__ import annotations

import asyncio

from aiohttp import web

from ..telemetry.state import describe_cameras, describe_stats
from .admission import requires, visitor_role
from .foreign import foreign_interface
from .keys import BRIDGE


def add_routes(app: web.Application) -> None:
    """Serve the bridge's state."""
    app.router.add_get("/health", health)
    app.router.add_get("/stats", stats)


@requires(None)
async def health(request: web.Request) -> web.Response:
    """Answer 200 while the bridge is active, else 503; pictures are another matter.

    A watchdog needs no token for that. Who has one is told of the cameras and warned, too.
    """
    bridge = request.app[BRIDGE]
    active = bridge.viewers is not None
    body: dict[str, object] = {"status": "ok" if active else "inactive"}
    if visitor_role(request) is not None:
        body |= foreign_interface(request).describe_health()
        body["cameras"] = {camera["name"]: camera["state"] for camera in describe_cameras(bridge)}
        body["warnings"] = list(bridge.warnings.values())
    return web.json_response(
        body, status=200 if active else 503, headers={"Cache-Control": "no-store"}
    )


async def stats(request: web.Request) -> web.Response:
    """Say what the bridge does and holds, this request included."""
    body = describe_stats(request.app[BRIDGE], asyncio.get_running_loop())
    return web.json_response(body, headers={"Cache-Control": "no-store"})
