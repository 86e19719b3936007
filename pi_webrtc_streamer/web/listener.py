"""TCP connections to the HTTP port: how many there may be, and how long one may ask for nothing.

Not left to asyncio's server, which accepts whatever comes and repeats itself in the log while there
is no file descriptor left; nor to aiohttp, whose older versions, which a robot may have, mind
neither the time nor the number of headers.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from aiohttp import web

from ..addresses import client_of
from .errors import RETRY_AFTER, Handler

logger = logging.getLogger(__name__)

END_OF_HEAD = b"\r\n\r\n"

ACCEPT_AGAIN_AFTER = 0.5  # seconds, where the system has no room for a connection
# A refusal stays until the client has read it: a connection that is closed while a request comes in
# is reset, and the answer lost. Of more at once, the others are closed without a word.
MOST_REFUSALS = 32
REFUSAL_STAYS = 1.0  # seconds


@dataclass(frozen=True)
class ConnectionLimits:
    """How many connections there may be in all and from one address.

    A connection may take ``request_timeout`` seconds, from its beginning or from the end of the
    request before, until the head of a request is there, of ``head_size`` bytes at most.
    """

    total: int
    address: int
    request_timeout: float
    head_size: int


class Listener:
    """Accepts connections on a socket from :meth:`start` to :meth:`stop`, within limits.

    ``make_handler`` returns the protocol that serves a connection, which is one over TLS where
    ``tls`` is given.
    """

    def __init__(
        self,
        listening: socket.socket,
        make_handler: Callable[[], asyncio.Protocol],
        limits: ConnectionLimits,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._socket = listening
        self._tls = tls
        self._socket.setblocking(False)
        self._make_handler = make_handler
        self._limits = limits
        self._clients: Counter[str] = Counter()
        self._connecting: set[asyncio.Task[None]] = set()
        self._refusals: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to accept."""
        self._pause = None
        asyncio.get_running_loop().add_reader(self._socket, self._accept)

    def stop(self) -> None:
        """Accept no more; what is connected goes on. Safe to call twice."""
        asyncio.get_running_loop().remove_reader(self._socket)
        if self._pause is not None:
            self._pause.cancel()

    async def end_tasks(self) -> None:
        """End what is neither served nor closed yet."""
        left = self._connecting | self._refusals
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)

    def _accept(self) -> None:
        try:
            connected, address = self._socket.accept()
        except (BlockingIOError, ConnectionError):
            return  # it was gone before it was accepted
        except OSError as error:
            logger.warning("no connection can be accepted now: %s", error.strerror)
            self.stop()
            loop = asyncio.get_running_loop()
            self._pause = loop.call_later(ACCEPT_AGAIN_AFTER, self.start)
            return
        connected.setblocking(False)
        client = client_of(address[0])
        refusal = self._refusal(client)
        if refusal is None:
            self._clients[client] += 1
            connection = Connection(
                self._make_handler(), self._limits, on_closed=partial(self._give_back, client)
            )
            _own(self._connect(connected, connection), self._connecting)
        elif self._tls is None and len(self._refusals) < MOST_REFUSALS:
            _own(_refuse(connected, refusal), self._refusals)
        else:
            connected.close()

    def _refusal(self, client: str) -> bytes | None:
        limits = self._limits
        if self._clients.total() >= limits.total:
            return answer(503, f"all {limits.total} connections are taken; try again later")
        if self._clients[client] >= limits.address:
            return answer(429, f"{client} has {limits.address} connections already")
        return None

    async def _connect(self, connected: socket.socket, connection: Connection) -> None:
        connecting = asyncio.get_running_loop().connect_accepted_socket(
            lambda: connection,
            connected,
            ssl=self._tls,
            ssl_handshake_timeout=None if self._tls is None else self._limits.request_timeout,
        )
        try:
            await asyncio.wait_for(connecting, self._limits.request_timeout)
        except BaseException as error:
            connection.abort()
            connection.close_once()
            if not isinstance(error, (OSError, asyncio.TimeoutError)):
                raise
            logger.debug("a connection failed: %s", error)

    def _give_back(self, client: str) -> None:
        self._clients[client] -= 1
        if not self._clients[client]:
            del self._clients[client]


class Connection(asyncio.Protocol):
    """Passes everything on between a connection and its handler, and ends it if no request comes.

    Whoever sends a byte a second, reads no answer or asks for nothing more holds a connection for
    the time of one request, no longer.
    """

    def __init__(
        self,
        handler: asyncio.Protocol,
        limits: ConnectionLimits,
        on_closed: Callable[[], object],
    ) -> None:
        self._handler = handler
        self._on_closed: Callable[[], object] | None = on_closed
        self._limits = limits
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._head: bytes | None = None  # of the next request, as far as it has come

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._await_request(b"")
        self._handler.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass data on, unless a request has too many headers."""
        if self._head is not None:
            self._head, ended, _ = (self._head + data).partition(END_OF_HEAD)
            if len(self._head) > self._limits.head_size:
                self._refuse(431, f"the headers have more than {self._limits.head_size} bytes")
                return
            if ended:
                self._head = None  # what follows is a body, which aiohttp limits
        self._handler.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass the end of the data on."""
        return self._handler.eof_received()

    def pause_writing(self) -> None:
        """Let the handler wait: the client does not read."""
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        """Let the handler go on."""
        self._handler.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        """End the wait and the handler."""
        self._stop_waiting()
        self._transport = None
        self._handler.connection_lost(error)
        self.close_once()

    @contextmanager
    def serving(self, request: web.BaseRequest) -> Iterator[None]:
        """Let a request take its time: it is there, and whoever serves it minds the clock."""
        self._stop_waiting()
        try:
            yield
        finally:
            # The rest of a body that nobody read is not the beginning of a request.
            self._await_request(b"" if request.content.is_eof() else None)

    def close_once(self) -> None:
        """Say that the connection is closed; safe to call twice."""
        on_closed, self._on_closed = self._on_closed, None
        if on_closed is not None:
            on_closed()

    def abort(self) -> None:
        """End the connection at once; safe to call twice."""
        if self._transport is not None:
            self._transport.abort()

    def _await_request(self, head: bytes | None) -> None:
        self._stop_waiting()
        if self._transport is not None:
            self._head = head
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._limits.request_timeout, self.abort)

    def _stop_waiting(self) -> None:
        self._head = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: int, text: str) -> None:
        assert self._transport is not None
        self._transport.write(answer(status, text))
        self._transport.close()


@web.middleware
async def at_its_own_pace(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Do not count the time for which a request is served as one without requests."""
    connection = request.transport.get_protocol() if request.transport is not None else None
    if not isinstance(connection, Connection):  # the client has gone
        return await handler(request)
    with connection.serving(request):
        return await handler(request)


def answer(status: int, text: str) -> bytes:
    """Return a whole HTTP answer, for a client that gets no handler."""
    body = json.dumps({"error": text}).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", "Connection": "close"}
    headers |= {"Content-Length": str(len(body)), **RETRY_AFTER}
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def _refuse(connected: socket.socket, refusal: bytes) -> None:
    """Say why, and close when the client has read it, or not in time."""
    loop = asyncio.get_running_loop()

    async def say() -> None:
        await loop.sock_sendall(connected, refusal)
        connected.shutdown(socket.SHUT_WR)
        while await loop.sock_recv(connected, 4096):
            pass

    with connected, suppress(OSError, asyncio.TimeoutError):
        await asyncio.wait_for(say(), REFUSAL_STAYS)


def _own(work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> None:
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
