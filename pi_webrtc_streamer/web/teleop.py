# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Driving over HTTP: control connections, the lock, and the stop. There only if it is enabled."""

from __future__ import annotations

import json
import secrets
import time

from aiohttp import web

from ..access.entrance import require
from ..access.roles import Role
from ..bridge import Bridge
from ..settings.teleop import TeleopSettings
from ..teleop.driving import Driving, UnknownSession
from ..teleop.stop import ResetRefused
from ..webrtc.controllers import Controllers
from .admission import requires, visitor_role
from .body import read_text
from .driver_socket import DriverSocket
from .errors import ApiError
from .keys import BRIDGE, inactive
from .offers import SDP, read_offer, refusals_told
from .visit import client_address, upgrades

LONGEST_NAME = 40  # characters
LONGEST_TAB = 64


def add_routes(app: web.Application) -> None:
    """Serve what a driver's page asks for."""
    router = app.router
    router.add_get("/teleop", show)
    router.add_post("/teleop", create)
    router.add_get("/teleop/socket", serve_socket, allow_head=False)
    router.add_delete("/teleop/{session}", delete)
    router.add_post("/teleop/stop", stop)
    router.add_post("/teleop/reset", reset)
    router.add_post("/teleop/{session}/lock", change_lock)


async def show(request: web.Request) -> web.Response:
    """Say who drives, and whether the robot is stopped."""
    return _answer(request)


@requires(Role.DRIVE)
async def create(request: web.Request) -> web.Response:
    """Answer an offer of one data channel: 201 with the session's address."""
    controllers = _controllers(request)
    offer = await read_offer(request)
    with refusals_told():
        session, answer = await controllers.admit(
            offer, _tab(request), _name(request), client_address(request)
        )
    response = web.Response(status=201, text=answer, content_type=SDP)
    response.headers["Location"] = f"teleop/{session}"  # relative: the bridge may be below a path
    return response


@requires(Role.DRIVE)
async def delete(request: web.Request) -> web.Response:
    """End a control connection; the answer comes when all it held is given back.

    It may have ended by itself: the page closes it first, so that the robot stops at once.
    """
    controllers, session = _controllers(request), request.match_info["session"]
    if controllers.has(session):
        await controllers.remove(session, "it said good-bye")
    elif controllers.why_gone(session) is None:
        raise ApiError(404, "there is no such session")
    return web.Response()


@requires(Role.DRIVE)
async def serve_socket(request: web.Request) -> web.StreamResponse:
    """Carry the same messages over a WebSocket, for who is reached by no UDP."""
    controllers = _controllers(request)
    if not upgrades(request):
        raise ApiError(426, "open a WebSocket here", {"Upgrade": "websocket"})
    socket = DriverSocket(request)
    with refusals_told():
        await socket.serve(
            lambda: controllers.serve_socket(
                socket, _tab(request), _name(request), client_address(request)
            )
        )
    return socket.response


@requires(None)
async def stop(request: web.Request) -> web.Response:
    """Stop the robot; answered when it is to be so."""
    settings = request.app[BRIDGE].settings.teleop
    require(visitor_role(request), Role.VIEW if settings.viewers_may_stop else Role.DRIVE)
    _driving(request).stop(visitor_name(request), time.monotonic())
    return _answer(request)


@requires(Role.DRIVE)
async def reset(request: web.Request) -> web.Response:
    """Let the stop go; nothing moves by that."""
    try:
        _driving(request).reset(visitor_name(request), time.monotonic())
    except ResetRefused as refusal:
        raise ApiError(409, str(refusal)) from refusal
    return _answer(request)


@requires(Role.DRIVE)
async def change_lock(request: web.Request) -> web.Response:
    """Ask for the lock, or answer who asks: ``{"do": "ask"}``, take, grant, keep or release."""
    try:
        what = json.loads(await read_text(request))["do"]
        _driving(request).change_lock(request.match_info["session"], what, time.monotonic())
    except UnknownSession as error:
        raise ApiError(404, str(error)) from error
    except (KeyError, TypeError, ValueError) as error:
        raise ApiError(400, f'send JSON such as {{"do": "ask"}}: {error}') from error
    return _answer(request)


def _name(request: web.Request) -> str:
    """Return what a visitor calls themselves, "" if they do not."""
    name = "".join(filter(str.isprintable, request.query.get("name", ""))).strip()
    return name[:LONGEST_NAME]


def visitor_name(request: web.Request) -> str:
    """Return what a visitor is called: as they say, or else by their address."""
    return _name(request) or client_address(request)


def _tab(request: web.Request) -> str:
    """Return what a page is called, which is the same when it was loaded anew."""
    return request.query.get("tab", "")[:LONGEST_TAB] or secrets.token_urlsafe(12)


def describe_teleop(bridge: Bridge, role: Role | None) -> dict[str, object]:
    """Return what ``/cameras`` says of driving to somebody, where it is enabled."""
    assert bridge.driving is not None
    settings = bridge.settings.teleop
    drives = role is not None and role >= Role.DRIVE
    return {
        **bridge.driving.describe(),
        "may_drive": drives,
        "may_stop": drives or (role is not None and settings.viewers_may_stop),
        "holonomic": settings.holonomic,
        "head": settings.head != "none",
        "max_age": settings.picture_age,
        "max_gap": settings.command_gap,
        "guides": _guides(settings),
    }


def _guides(settings: TeleopSettings) -> dict[str, float] | None:
    """Return from where the camera looks, for the lines over its picture, in metres and rad."""
    if not settings.camera_height:
        return None
    return {
        "height": settings.camera_height,
        "tilt": settings.camera_tilt,
        "fov": settings.camera_fov,
        "width": settings.robot_width,
    }


def _controllers(request: web.Request) -> Controllers:
    controllers = request.app[BRIDGE].controllers
    if controllers is None:
        raise inactive()
    return controllers


def _driving(request: web.Request) -> Driving:
    driving = request.app[BRIDGE].driving
    assert driving is not None  # else there are no such routes
    return driving


def _answer(request: web.Request) -> web.Response:
    body = describe_teleop(request.app[BRIDGE], visitor_role(request))
    return web.json_response(body, headers={"Cache-Control": "no-store"})
