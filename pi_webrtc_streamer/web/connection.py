# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""One TCP connection to the HTTP port: how much may come in on it, and how long it may ask nothing.

Not left to aiohttp, whose older versions, which a robot may have, mind neither the time nor the
number of headers, and keep whatever a client sends ahead: requests behind the one that is served,
or the endless trailers of a body that nobody reads.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from .errors import Handler
from .headers import ALWAYS

END_OF_HEAD = b"\r\n\r\n"
PIECE = 1024  # bytes of a body, or of a WebSocket, that are passed on at a time
FRAMING = 2  # times its size that a body may have on its way, or a message


@dataclass(frozen=True)
class ConnectionLimits:
    """How many connections there may be in all and from one address.

    A connection may take ``request_timeout`` seconds, from its beginning or from the end of the
    request before, until the head of a request is there, of ``head_size`` bytes at most. Its body
    may have ``body_size``.
    """

    total: int
    address: int
    request_timeout: float
    head_size: int
    body_size: int


class Connection(asyncio.Protocol):
    """Passes one request after the other on to its handler, and ends if none comes.

    Whoever sends a byte a second, reads no answer or asks for nothing more holds a connection for
    the time of one request, no longer. What a client sends ahead waits here, as much as is read at
    once, and the rest with the client.
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
        self._waiting = bytearray()  # what has come and is not passed on yet
        self._paused = False  # whether no more is read for that reason
        self._soon: asyncio.Handle | None = None
        self._head: bytes | None = None  # of the next request, as far as it is passed on
        self._request: web.BaseRequest | None = None  # whose body may be passed on
        self._left = 0  # bytes that may be passed on behind a head
        self._answered = False  # the request, though its body is not there
        self._both_ways = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._await_request(b"")
        self._handler.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass on what the handler is ready for."""
        self._waiting += data
        self._pass_on()

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
        if self._soon is not None:
            self._soon.cancel()
        self._transport = None
        self._handler.connection_lost(error)
        self.close_once()

    @contextmanager
    def serving(self, request: web.BaseRequest) -> Iterator[None]:
        """Let a request take its time: it is there, and whoever serves it minds the clock."""
        self._stop_waiting()
        self._request = request
        self._left = FRAMING * self._limits.body_size
        self._pass_on()
        try:
            yield
        finally:
            if request.content.is_eof():
                self._request = None
                self._await_request(b"")
            else:
                # The rest of a body that nobody read is not the beginning of a request.
                self._answered = True
                self._await_request(None)
            self._pass_on()

    def let_talk(self, size: int) -> None:
        """Pass on messages of up to ``size`` bytes, though a request is being served."""
        self._both_ways = True
        self._left = FRAMING * size
        self._pass_on()

    def close_once(self) -> None:
        """Say that the connection is closed; safe to call twice."""
        on_closed, self._on_closed = self._on_closed, None
        if on_closed is not None:
            on_closed()

    def abort(self) -> None:
        """End the connection at once; safe to call twice."""
        if self._transport is not None:
            self._transport.abort()

    def _pass_on(self) -> None:
        if self._soon is not None:
            return
        while self._transport is not None and (piece := self._next_piece()):
            self._handler.data_received(piece)
            if self._both_ways and self._waiting:
                # The handler and everybody else have their turn between two pieces.
                self._soon = asyncio.get_running_loop().call_soon(self._go_on)
                break
        if self._answered:
            self._waiting.clear()  # so that a client that sends on comes to read the answer
        self._read(not self._waiting)

    def _go_on(self) -> None:
        self._soon = None
        self._pass_on()

    def _next_piece(self) -> bytes:
        """Take what the handler is ready for from what has come."""
        if self._head is not None and not self._both_ways:
            return self._take(self._size_of_head(self._head))
        body = self._request is not None and not self._request.content.is_eof()
        piece = self._take(min(PIECE, self._left)) if body or self._both_ways else b""
        self._left -= len(piece)
        return piece

    def _size_of_head(self, before: bytes) -> int:
        """Return how many bytes there are of a head, without those behind it."""
        most = self._limits.head_size
        known = before + self._waiting[: most + len(END_OF_HEAD)]
        head, ended, _ = known.partition(END_OF_HEAD)
        if len(head) > most:
            self._refuse(431, f"the headers have more than {most} bytes")
            return 0
        if not ended:
            self._head = head
        else:
            # Empty lines may come before a request (RFC 9112, 2.2).
            self._head = None if head.strip(b"\r\n") else b""
        return len(head + ended) - len(before)

    def _take(self, size: int) -> bytes:
        piece = bytes(self._waiting[:size])
        del self._waiting[:size]
        return piece

    def _read(self, wanted: bool) -> None:
        """Read on, or let the rest wait with the client."""
        transport = self._transport
        if self._paused is not wanted or transport is None or transport.is_closing():
            return
        self._paused = not wanted
        if wanted:
            transport.resume_reading()
        else:
            transport.pause_reading()

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
        self._head = None
        self._waiting.clear()
        self._transport.write(answer(status, text))
        self._transport.close()


@web.middleware
async def at_its_own_pace(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Do not count the time for which a request is served as one without requests."""
    connection = _connection_of(request)
    if connection is None:
        return await handler(request)
    with connection.serving(request):
        response = await handler(request)
    if not request.content.is_eof():
        response.force_close()  # what is left of the body is in the way of the next request
    return response


def let_talk(request: web.Request, size: int) -> None:
    """Let a client send up to a message of ``size`` bytes while its request is served.

    For who has opened a WebSocket (RFC 6455), and again with each message that was taken.
    """
    connection = _connection_of(request)
    if connection is not None:
        connection.let_talk(size)


def _connection_of(request: web.Request) -> Connection | None:
    """Return a request's connection, None if the client has gone."""
    connection = request.transport.get_protocol() if request.transport is not None else None
    return connection if isinstance(connection, Connection) else None


def answer(status: int, text: str, headers: Mapping[str, str] | None = None) -> bytes:
    """Return a whole HTTP answer, for a client that gets no handler."""
    body = json.dumps({"error": text}).encode()
    every = {
        "Content-Type": "application/json; charset=utf-8",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **ALWAYS,
        **(headers or {}),
    }
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in every.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
