"""The HTTP server: one port for everything."""

from __future__ import annotations

import asyncio
import errno
import socket
from pathlib import Path

from aiohttp import web

from ..async_owning import AsyncOwned
from ..bridge import Bridge
from . import cameras, whep
from .access import Access
from .admission import admit, requires
from .cors import cors_for_whep
from .errors import errors_as_json
from .headers import set_headers
from .keys import ACCESS, BRIDGE
from .login import sign_in

STATIC = Path(__file__).with_name("static")
LARGEST_BODY = 64 * 1024  # bytes; an offer has 3 to 10 kB
SHUTDOWN_TIMEOUT = 0.5  # seconds for requests under way


class PortError(Exception):
    """The server cannot listen where it should; the text names the address and the way out."""


def make_app(bridge: Bridge, access: Access) -> web.Application:
    """Return the application that serves a bridge to those who may come in."""
    app = web.Application(
        middlewares=[cors_for_whep, errors_as_json, admit], client_max_size=LARGEST_BODY
    )
    app[BRIDGE] = bridge
    app[ACCESS] = access
    app.router.add_get("/", _page)
    app.router.add_post("/", requires(None)(sign_in))
    app.router.add_static("/static/", STATIC)
    whep.add_routes(app)
    cameras.add_routes(app)
    app.on_response_prepare.append(set_headers)
    return app


def listen(host: str, port: int) -> socket.socket:
    """Listen on a TCP port: the one asked for, or a free one if that is 0.

    :raises PortError: if the address cannot be listened on.
    """
    # Not left to asyncio, whose error no longer tells why an address cannot be had (Python 3.13).
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        both = family == socket.AF_INET6 and host == "::"
        return socket.create_server(address[:2], family=family, dualstack_ipv6=both)
    except OSError as error:
        raise PortError(_explain(error, host, port)) from error


class WebServer:
    """Serves from :meth:`start` to :meth:`stop`."""

    def __init__(self, bridge: Bridge, access: Access) -> None:
        self._owned = AsyncOwned()
        self._tls = access.tls
        self._runner = web.AppRunner(
            make_app(bridge, access),
            access_log=None,
            shutdown_timeout=SHUTDOWN_TIMEOUT,
            handler_cancellation=True,
        )

    async def start(self, listener: socket.socket) -> None:
        """Answer those who connect to a listening socket, which remains the caller's to close."""
        async with AsyncOwned() as owned:
            owned.take_async("the requests", lambda: listener, self._end_requests)
            await self._runner.setup()
            await web.SockSite(self._runner, listener, ssl_context=self._tls).start()
            self._owned = owned.pop_all()

    async def stop(self) -> None:
        """Stop listening and end every request."""
        await self._owned.aclose()

    async def _end_requests(self, listener: socket.socket) -> None:
        # A connection that asyncio has accepted and not yet handed over when its server is closed
        # stays open, and whoever connected waits: so accept no more, and let it hand them over.
        asyncio.get_running_loop().remove_reader(listener)
        for _ in range(3):
            await asyncio.sleep(0)
        await self._runner.cleanup()


def _explain(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is in use by another program; end that or choose another "
            "with the parameter port (ss -ltnp shows who listens)"
        )
    if error.errno == errno.EACCES:
        return f"port {port} needs privileges; choose one from 1024 up with the parameter port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f'host "{host}" is no address of this machine; 0.0.0.0 stands for all of them'
    return f'cannot listen on host "{host}", port {port}: {error.strerror or error}'


async def _page(request: web.Request) -> web.FileResponse:
    viewers = request.app[BRIDGE].viewers
    if viewers is not None:
        viewers.prepare()  # while the browser loads the rest of the page
    return web.FileResponse(STATIC / "index.html")
