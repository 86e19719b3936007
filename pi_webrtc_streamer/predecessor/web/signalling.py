# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A camera's signalling port, where the predecessor's clients open a WebSocket."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from functools import partial

from aiohttp import WSCloseCode, web

from ...bridge import Bridge
from ...runtime.async_owning import AsyncOwned
from ...runtime.faults import faults
from ...runtime.owning import ReleaseError
from ...web.access import Access
from ...web.admission import admit
from ...web.connection import at_its_own_pace, let_talk
from ...web.errors import ApiError, errors_as_json
from ...web.foreign import FOREIGN, ForeignInterface
from ...web.headers import set_headers
from ...web.keys import ACCESS, BRIDGE, active_viewers
from ...web.visit import client_address, upgrades
from ..state import Predecessor
from .keys import PREDECESSOR, SIGNALLED_CAMERA, is_of_api
from .session import GOOD_BYE, Session

logger = logging.getLogger(__name__)

# Seconds between pings; a client that answers none for half as long is hung up on. Longer than an
# offer takes to be answered, in which older versions of aiohttp see no answer to a ping.
HEARTBEAT = 30.0


def make_signalling_app(
    bridge: Bridge, predecessor: Predecessor, access: Access, camera: str
) -> web.Application:
    """Return the application that serves one camera to the predecessor's clients."""
    app = web.Application(middlewares=[at_its_own_pace, errors_as_json, admit])
    app[BRIDGE] = bridge
    app[ACCESS] = access
    app[FOREIGN] = ForeignInterface(lambda path: True, own_port=True, tells_status=is_of_api)
    app[PREDECESSOR] = predecessor
    app[SIGNALLED_CAMERA] = camera
    app.router.add_get("/{path:.*}", _get)
    app.on_response_prepare.append(set_headers)
    app.on_shutdown.append(_end_sockets)
    return app


async def _end_sockets(app: web.Application) -> None:
    sessions = app[PREDECESSOR].sockets[app[SIGNALLED_CAMERA]]
    await asyncio.gather(*(session.end() for session in sessions))


async def _get(request: web.Request) -> web.StreamResponse:
    """Serve a socket on any path; the root says to people what is here."""
    if upgrades(request):
        return await _serve(request)
    camera = request.app[SIGNALLED_CAMERA]
    if request.path != "/":
        raise ApiError(426, "open a WebSocket here", {"Upgrade": "websocket"})
    return web.Response(text=f"WebRTC signaling server for {camera}: open a WebSocket here\n")


async def _serve(request: web.Request) -> web.WebSocketResponse:
    bridge, camera = request.app[BRIDGE], request.app[SIGNALLED_CAMERA]
    active_viewers(request).prepare()  # while the client makes its offer
    predecessor = request.app[PREDECESSOR]
    largest = predecessor.settings.websocket_max_message
    socket = web.WebSocketResponse(
        timeout=GOOD_BYE,
        heartbeat=HEARTBEAT,
        autoping=False,  # a ping counts as a message
        compress=False,  # else a small message could become a large one
        max_msg_size=largest,
    )
    await socket.prepare(request)
    let_talk(request, largest)
    try:
        async with AsyncOwned() as owned:
            owned.take_async(
                "a signalling socket", lambda: request, lambda _: _close(socket, request)
            )
            session = owned.take_async(
                "a signalling session",
                lambda: Session(
                    bridge,
                    predecessor.settings,
                    camera,
                    client_address(request),
                    socket,
                    request.path,
                    on_message=partial(let_talk, request, largest),
                ),
                Session.close,
            )
            sockets = predecessor.sockets[camera]
            owned.take(
                "the entry of a signalling socket",
                lambda: sockets.add(session),
                lambda _: sockets.discard(session),
            )
            await session.run()
    except ConnectionError:
        pass  # the client has gone, which is how a socket ends
    except ReleaseError:
        pass  # which has been logged
    except Exception as error:
        # Not for errors_as_json, which would answer by HTTP on a socket.
        faults.report(logger, f"a client of {camera} was lost", error)
    return socket


async def _close(socket: web.WebSocketResponse, request: web.Request) -> None:
    """Say good-bye to a client that has not been told anything else, and hang up."""
    with suppress(asyncio.TimeoutError, ConnectionError):
        closing = socket.close(code=WSCloseCode.GOING_AWAY, message=b"the bridge hangs up")
        await asyncio.wait_for(closing, GOOD_BYE)
    transport = request.transport
    if transport is None:
        return
    if transport.get_write_buffer_size():
        transport.abort()  # it reads nothing
    else:
        transport.close()  # a reset could overtake the good-bye
