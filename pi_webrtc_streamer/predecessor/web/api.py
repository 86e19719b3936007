# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the predecessor served by HTTP beside the page: /api/*."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias

from aiohttp import web

from ...access.entrance import require
from ...access.roles import Role
from ...bridge import Bridge
from ...web.admission import visitor_role
from ...web.foreign import ForeignInterface
from ...web.keys import ACCESS, BRIDGE
from ...web.relative import beside
from ..state import CameraSwitch, Predecessor, SwitchError
from .describe import (
    describe_all_cameras,
    describe_config,
    describe_services,
    describe_stats,
    describe_status,
)
from .keys import PREDECESSOR, is_of_api

Switching: TypeAlias = Callable[[CameraSwitch], Awaitable[None]]
PAGE = "/viewer"
NEVER_KEPT = {"Cache-Control": "no-store"}


def interface(bridge: Bridge, predecessor: Predecessor) -> ForeignInterface:
    """Return what is served beside the bridge's own interface: /api/*, and more in /health."""
    return ForeignInterface(
        owns=lambda path: path == "/health" or is_of_api(path),
        tells_status=is_of_api,
        add_routes=partial(_add_routes, predecessor),
        describe_health=partial(describe_services, bridge, predecessor),
        page=PAGE,
    )


def _add_routes(predecessor: Predecessor, app: web.Application) -> None:
    """Serve the predecessor's API, and lead to the page where it was."""
    app[PREDECESSOR] = predecessor
    app.router.add_get("/", _lead_to_page)
    app.router.add_get("/api/status", _status)
    app.router.add_get("/api/config", _config)
    app.router.add_get("/api/cameras", _cameras)
    app.router.add_get("/api/stats", _stats)
    app.router.add_post("/api/cameras/start", _start)
    app.router.add_post("/api/cameras/stop", _stop)


async def _lead_to_page(request: web.Request) -> web.Response:
    address = beside(request.rel_url.with_path(PAGE, keep_query=True))
    return web.Response(status=302, headers={"Location": address})


async def _status(request: web.Request) -> web.Response:
    body = describe_status(*_described(request), request.app[ACCESS].port)
    return web.json_response(body, headers=NEVER_KEPT)


async def _config(request: web.Request) -> web.Response:
    body = describe_config(*_described(request), request.app[ACCESS].port)
    return web.json_response(body, headers=NEVER_KEPT)


async def _cameras(request: web.Request) -> web.Response:
    return web.json_response(describe_all_cameras(*_described(request)), headers=NEVER_KEPT)


async def _stats(request: web.Request) -> web.Response:
    return web.json_response(describe_stats(*_described(request)), headers=NEVER_KEPT)


def _described(request: web.Request) -> tuple[Bridge, Predecessor]:
    return request.app[BRIDGE], request.app[PREDECESSOR]


async def _start(request: web.Request) -> web.Response:
    return await _switch(request, "start_cameras", lambda camera: camera.start())


async def _stop(request: web.Request) -> web.Response:
    return await _switch(request, "stop_cameras", lambda camera: camera.stop())


async def _switch(request: web.Request, action: str, switch: Switching) -> web.Response:
    """Start or stop every camera.

    With tokens, this takes the one for driving. Without, whoever watches may do it, as ever: no
    wheel turns by it, and the predecessor's pages have a button for it. A page from elsewhere may
    not, since its visitor knows nothing of it (see web/cors.py).
    """
    if not request.app[ACCESS].open_to_all:
        require(visitor_role(request), Role.DRIVE)
    switches = request.app[PREDECESSOR].switches
    results = {name: await _outcome(switch(camera)) for name, camera in switches.items()}
    return web.json_response({"action": action, "results": results}, headers=NEVER_KEPT)


async def _outcome(switching: Awaitable[None]) -> dict[str, object]:
    try:
        await switching
    except SwitchError as error:
        return {"success": False, "error": str(error)}
    return {"success": True}
