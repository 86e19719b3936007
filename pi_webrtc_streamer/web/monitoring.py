# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How the bridge is, for watchdogs and whoever measures (docs/monitoring.md)."""

from __future__ import annotations

import asyncio

from aiohttp import web

from ..telemetry.state import (
    BridgeState,
    bridge_state,
    describe_cameras,
    describe_process,
    describe_stats,
)
from .admission import requires, visitor_role
from .errors import ApiError
from .foreign import foreign_interface
from .keys import BRIDGE

PROMETHEUS_CLIENT = "prometheus_client"
HOW_TO_INSTALL = (
    "/metrics needs the Python package prometheus-client: "
    "sudo apt install python3-prometheus-client, or pip install prometheus-client"
)


def add_routes(app: web.Application) -> None:
    """Serve the bridge's state."""
    app.router.add_get("/health", health)
    app.router.add_get("/stats", stats)
    app.router.add_get("/metrics", metrics)


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
    process = describe_process(asyncio.get_running_loop())
    body = describe_stats(request.app[BRIDGE]) | process
    return web.json_response(body, headers={"Cache-Control": "no-store"})


async def metrics(request: web.Request) -> web.Response:
    """Say the same to a Prometheus server, in the format that it prefers.

    :raises ApiError: 501 where what writes these formats is not installed.
    """
    loop = asyncio.get_running_loop()
    state = bridge_state(request.app[BRIDGE])
    accept = ",".join(request.headers.getall("Accept", ()))
    try:
        body, content_type = await loop.run_in_executor(None, _exposition, state, loop, accept)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != PROMETHEUS_CLIENT:
            raise
        raise ApiError(501, HOW_TO_INSTALL) from error
    headers = {"Content-Type": content_type, "Cache-Control": "no-store"}
    return web.Response(body=body, headers=headers)


def _exposition(
    state: BridgeState, loop: asyncio.AbstractEventLoop, accept: str
) -> tuple[bytes, str]:
    """Write the metrics; in another thread: it takes some ms, and the first time loads its code."""
    from ..telemetry.metrics import exposition

    return exposition(state, describe_process(loop), accept)
