# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a client of the HTTP port sends: the bytes of a connection, and the headers about itself."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from functools import cache
from typing import Any

from pi_webrtc_streamer.access.entrance import Entrance, Refusal, Visit
from pi_webrtc_streamer.access.hosts import KnownHosts, is_origin
from pi_webrtc_streamer.access.proxies import TrustedProxies
from pi_webrtc_streamer.access.roles import Role
from pi_webrtc_streamer.access.tokens import Tokens
from pi_webrtc_streamer.web.connection import END_OF_HEAD, FRAMING, Connection, ConnectionLimits

LIMITS = ConnectionLimits(10, 10, request_timeout=60.0, head_size=200, body_size=100)
TOKENS = Tokens({Role.VIEW: "watch-only-0123", Role.DRIVE: "drive-too-4567"})
FOREIGN = "evil.example"


class _Client(asyncio.Transport):
    """The end of a connection at which the fuzzer sends."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def write(self, data: Any) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    abort = close


class _Handler(asyncio.Protocol):
    def __init__(self) -> None:
        self.passed_on = b""

    def data_received(self, data: bytes) -> None:
        assert data
        self.passed_on += data


class _Request:
    """One whose body does not end, before it is told so."""

    def __init__(self) -> None:
        self.ended = False

    @property
    def content(self) -> _Request:
        return self

    def is_eof(self) -> bool:
        return self.ended


def connection(data: bytes) -> None:
    """Receive bytes, in pieces of the size that the first one says, for as many requests."""
    size, sent = 1 + int.from_bytes(data[:1], "big"), data[1:]
    pieces = [sent[place : place + size] for place in range(0, len(sent), size)]
    _loop().run_until_complete(_receive(pieces))


async def _receive(pieces: list[bytes]) -> None:
    client, handler = _Client(), _Handler()
    connection = Connection(handler, LIMITS, lambda: None)
    connection.connection_made(client)
    answered = 0  # bytes that were passed on of requests that have their answer
    for piece in pieces:
        if not client.closed:
            connection.data_received(piece)
        while not client.closed:
            new = handler.passed_on[answered:].lstrip(b"\r\n")
            head, ended, ahead = new.partition(END_OF_HEAD)
            assert len(head) <= LIMITS.head_size
            assert ahead == b""
            if not ended:
                break
            request: Any = _Request()
            before = len(handler.passed_on)
            with connection.serving(request):
                answered = len(handler.passed_on)
                assert answered - before <= FRAMING * LIMITS.body_size
                request.ended = True
    assert b"".join(pieces).startswith(handler.passed_on)
    connection.connection_lost(None)


def visit(data: bytes) -> None:
    """Judge what a request says of itself: a header a line, in the order below."""
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    host, origin, site, forwarded, bearer, cookie, shown = (lines + [""] * 7)[:7]
    is_origin(origin)
    client = TrustedProxies(["127.0.0.1"]).client("127.0.0.1", forwarded.split(","))
    entrance = Entrance(TOKENS, KnownHosts(["robot"]), local=False)
    with suppress(Refusal):
        role = entrance.admit(
            Visit(
                "POST" if bearer.startswith("P") else "GET",
                client,
                host,
                origin=origin or None,
                site=site or None,
                bearer=bearer or None,
                shown=shown or None,
                cookie=cookie or None,
            ),
            0.0,
        )
        assert not host.lower().startswith(FOREIGN)
        token = bearer or shown
        assert role == (TOKENS.role_of(token) if token else TOKENS.role_of_cookie(cookie))
        assert bearer or not origin or FOREIGN not in origin.lower()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def bytes_of_connections() -> list[bytes]:
    """Return what clients send, each with the size of its pieces before it."""
    get = b"GET / HTTP/1.1\r\nHost: robot\r\n\r\n"
    body = json.dumps({"token": "x"}).encode()
    post = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    return [b"\x00" + get, b"\x07" + get * 3, b"\xff\r\n\r\n" + post + get, b"\x20" + get[:-2]]


def visits() -> list[bytes]:
    """Return the headers of friendly and hostile visitors."""
    cookie = TOKENS.cookie(Role.VIEW)
    return [
        "\n".join(headers).encode()
        for headers in (
            ["robot:8080", "http://robot:8080", "same-origin", "192.0.2.7", "", cookie],
            ["[2001:db8::7]:8080", "", "none", "[2001:db8::9]:1, 127.0.0.1", "watch-only-0123", ""],
            ["robot", "", "none", "192.0.2.7", "", cookie, "drive-too-4567"],
            ["robot", f"http://{FOREIGN}", "", "192.0.2.7", "", "", "watch-only-0123"],
            [FOREIGN, f"https://{FOREIGN}:443", "cross-site", "192.0.2.7:4711", "", cookie],
        )
    ]
