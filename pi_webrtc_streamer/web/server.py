# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The HTTP server: one port for everything."""

from __future__ import annotations

import asyncio
import socket
import ssl

from aiohttp import web

from ..bridge import Bridge
from ..runtime.async_owning import AsyncOwned
from ..settings.bridge import BridgeSettings
from ..telemetry.diagnosis.bridge import ServerFacts
from . import cameras, clock, monitoring, whep
from .access import Access
from .admission import admit, requires
from .connection import ConnectionLimits, at_its_own_pace
from .cors import answer_preflights, set_cors_headers
from .errors import errors_as_json
from .files import INDEX, answer_with, send_file
from .foreign import FOREIGN, NONE, ForeignInterface
from .headers import set_headers
from .keys import ACCESS, BRIDGE
from .listener import Listener
from .login import sign_in

SHUTDOWN_TIMEOUT = 0.5  # seconds for requests under way


def make_app(bridge: Bridge, access: Access, foreign: ForeignInterface = NONE) -> web.Application:
    """Return the application that serves a bridge to those who may come in, and perhaps another
    interface beside the bridge's own.
    """
    app = web.Application(
        middlewares=[at_its_own_pace, answer_preflights, errors_as_json, admit],
        client_max_size=bridge.settings.max_body_size,
    )
    app[BRIDGE] = bridge
    app[ACCESS] = access
    app[FOREIGN] = foreign
    app.router.add_get(foreign.page, _page)
    app.router.add_post(foreign.page, requires(None)(sign_in))
    app.router.add_get("/static/{file:.*}", send_file)
    whep.add_routes(app)
    cameras.add_routes(app)
    clock.add_routes(app)
    monitoring.add_routes(app)
    if bridge.driving is not None:
        from . import teleop  # which nobody else loads

        teleop.add_routes(app)
    foreign.add_routes(app)
    app.on_response_prepare.extend((set_headers, set_cors_headers))
    return app


class WebServer:
    """Serves an application from :meth:`start` to :meth:`stop`."""

    def __init__(
        self, app: web.Application, settings: BridgeSettings, tls: ssl.SSLContext | None
    ) -> None:
        self._limits = ConnectionLimits(
            total=settings.max_connections,
            address=settings.max_connections_per_address,
            request_timeout=settings.request_timeout,
            head_size=settings.max_header_size,
            body_size=settings.max_body_size,
        )
        self._owned = AsyncOwned()
        self._listener: Listener | None = None
        self._settings = settings
        self._tls = tls
        self._runner = web.AppRunner(
            app,
            access_log=None,
            shutdown_timeout=SHUTDOWN_TIMEOUT,
            handler_cancellation=True,
            max_line_size=settings.max_header_size,
            max_field_size=settings.max_header_size,
            auto_decompress=False,  # nobody compresses an offer, but for one of a thousand times
        )

    async def start(self, listening: socket.socket) -> None:
        """Answer those who connect to a listening socket, which remains the caller's to close."""
        async with AsyncOwned() as owned:
            owned.take_async("the requests", lambda: None, lambda _: self._runner.cleanup())
            await self._runner.setup()
            listener = owned.take_async(
                "the connections",
                lambda: Listener(listening, self._make_handler, self._limits, self._tls),
                Listener.end_tasks,
            )
            owned.take("the listener", listener.start, lambda _: listener.stop())
            self._listener = listener
            self._owned = owned.pop_all()

    async def stop(self) -> None:
        """Stop listening and end every request."""
        await self._owned.aclose()

    def facts(self, bridge: Bridge, access: Access) -> ServerFacts:
        """Return what diagnostics say of the server; in the loop."""
        listener = self._listener
        return ServerFacts(
            url=access.url,
            address=self._settings.host,
            port=access.port,
            tls=self._settings.tls,
            auth=self._settings.auth,
            connections=listener.connected if listener is not None else 0,
            most_connections=self._settings.max_connections,
            refused_connections=listener.refused if listener is not None else 0,
            refused_requests=bridge.refused,
        )

    def _make_handler(self) -> asyncio.Protocol:
        assert self._runner.server is not None
        return self._runner.server()


async def _page(request: web.Request) -> web.Response:
    viewers = request.app[BRIDGE].viewers
    if viewers is not None:
        viewers.prepare()  # while the browser loads the rest of the page
    return answer_with(request, INDEX)
