"""The HTTP server: one port for everything."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl

from aiohttp import web

from ..bridge import Bridge
from ..runtime.async_owning import AsyncOwned
from ..settings.bridge import BridgeSettings
from . import cameras, whep
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


class PortError(Exception):
    """The server cannot listen where it should; the text names the address and the way out."""


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
    foreign.add_routes(app)
    app.on_response_prepare.extend((set_headers, set_cors_headers))
    return app


def listen(host: str, port: int, parameter: str = "port") -> socket.socket:
    """Listen on a TCP port: the one asked for, or a free one if that is 0.

    :raises PortError: if the address cannot be listened on; it names the parameter of the port.
    """
    # Not left to asyncio, whose error no longer tells why an address cannot be had (Python 3.13).
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        both = family == socket.AF_INET6 and host == "::"
        return socket.create_server(address[:2], family=family, dualstack_ipv6=both)
    except OSError as error:
        raise PortError(_explain(error, host, port, parameter)) from error


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
            self._owned = owned.pop_all()

    async def stop(self) -> None:
        """Stop listening and end every request."""
        await self._owned.aclose()

    def _make_handler(self) -> asyncio.Protocol:
        assert self._runner.server is not None
        return self._runner.server()


def _explain(error: OSError, host: str, port: int, parameter: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is in use by another program; end that or choose another "
            f"with the parameter {parameter} (ss -ltnp shows who listens)"
        )
    if error.errno == errno.EACCES:
        return (
            f"port {port} needs privileges; choose one from 1024 up with the parameter {parameter}"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f'host "{host}" is no address of this machine; 0.0.0.0 stands for all of them'
    return f'cannot listen on host "{host}", port {port}: {error.strerror or error}'


async def _page(request: web.Request) -> web.Response:
    viewers = request.app[BRIDGE].viewers
    if viewers is not None:
        viewers.prepare()  # while the browser loads the rest of the page
    return answer_with(request, INDEX)
