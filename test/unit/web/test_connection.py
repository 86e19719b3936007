# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A connection passes one request after the other on, however they come, and nothing ahead."""

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest
from aiohttp import WSMsgType, web
from hypothesis import given, settings
from hypothesis import strategies as st

from pi_webrtc_streamer.web.connection import (
    FRAMING,
    PIECE,
    Connection,
    ConnectionLimits,
    at_its_own_pace,
    let_talk,
)
from support.waiting import GIVE_UP_AFTER, until

LIMITS = ConnectionLimits(10, 10, request_timeout=GIVE_UP_AFTER, head_size=2048, body_size=4096)
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Handler(asyncio.Protocol):
    """Aiohttp's, and what is passed on to it."""

    def __init__(self, handler: asyncio.Protocol) -> None:
        self._handler = handler
        self._transport: asyncio.Transport | None = None
        self.passed_on = b""

    @property
    def reads(self) -> bool:
        return self._transport.is_reading()

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._handler.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self.passed_on += data
        self._handler.data_received(data)

    def eof_received(self) -> bool | None:
        return self._handler.eof_received()

    def pause_writing(self) -> None:
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        self._handler.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        self._handler.connection_lost(error)


class Served:
    """A client of an application, and what the application's side was given."""

    def __init__(self, client: socket.socket, handler: Handler) -> None:
        self._client = client
        self.handler = handler

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._client, data)

    async def answers(self, count: int) -> list[tuple[bytes, bytes]]:
        """Read answers with bodies of a known length; returns heads and bodies."""
        answers: list[tuple[bytes, bytes]] = []
        came = b""
        while len(answers) < count:
            head, ended, rest = came.partition(b"\r\n\r\n")
            size = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0] or 0)
            if ended and len(rest) >= size:
                answers.append((head, rest[:size]))
                came = rest[size:]
                continue
            more = await self._receive()
            assert more, f"closed after {answers} and {came!r}"
            came += more
        return answers

    async def said(self, count: int) -> list[bytes]:
        """Read answers and return their bodies."""
        return [body for _, body in await self.answers(count)]

    async def closed(self) -> bytes:
        """Wait until the other side closes; returns what it said."""
        said = b""
        while more := await self._receive():
            said += more
        return said

    async def _receive(self) -> bytes:
        receiving = asyncio.get_running_loop().sock_recv(self._client, 65_536)
        return await asyncio.wait_for(receiving, GIVE_UP_AFTER)


@asynccontextmanager
async def serving(handle, limits: ConnectionLimits = LIMITS):
    """Serve one client by a function."""
    app = web.Application(middlewares=[at_its_own_pace], client_max_size=limits.body_size)
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    handler = Handler(runner.server())
    connection = Connection(handler, limits, lambda: None)
    await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, theirs)
    try:
        yield Served(ours, handler)
    finally:
        connection.abort()
        await runner.cleanup()
        ours.close()


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


async def refuse(request: web.Request) -> web.Response:
    return web.Response(status=401, text="no")


class Slow:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.begun = asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        self.begun.set()
        await self.go_on.wait()
        return web.Response(text=request.path)


def with_length(body: bytes) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def in_chunks(body: bytes) -> bytes:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    half = len(body) // 2
    parts = [part for part in (body[:half], body[half:]) if part]
    return head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


bodies = st.binary(max_size=LIMITS.body_size)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(bodies, st.sampled_from([with_length, in_chunks])), max_size=5),
    st.lists(st.integers(1, 3000), min_size=1, max_size=20),
    st.sampled_from([b"", b"\r\n", b"\r\n\r\n\r\n"]),
)
def test_requests_are_answered_in_order_however_they_are_cut(requests, cuts, before):
    async def talk() -> None:
        async with serving(echo) as served:
            left = b"".join(before + write(body) for body, write in requests)
            place = 0
            while left:
                await served.send(left[: cuts[place % len(cuts)]])
                left = left[cuts[place % len(cuts)] :]
                place += 1
                await asyncio.sleep(0)
            assert await served.said(len(requests)) == [body for body, _ in requests]

    asyncio.run(talk())


async def test_what_is_sent_ahead_waits_for_the_answer_before_it():
    slow = Slow()
    async with serving(slow.answer) as served:
        second = GET.replace(b"/ ", b"/2 ")
        await served.send(GET + second + b"GET /3 HTTP/1.1\r\nHost: x\r\n")
        await slow.begun.wait()
        assert served.handler.passed_on == GET
        slow.go_on.set()
        assert await served.said(2) == [b"/", b"/2"]
        await served.send(b"\r\n")
        assert await served.said(1) == [b"/3"]


async def test_only_empty_lines_may_come_before_a_request():
    async with serving(echo) as served:
        await served.send(b"\r\n \n\r\n\r\n" + GET)
        assert b" 400 " in await served.closed()
        assert GET not in served.handler.passed_on


@pytest.mark.parametrize(
    ("request_", "behind"),
    [
        (GET, GET),
        (GET + b"GET / HTTP/1.1\r\n", b"x: y\r\n"),
        (UPGRADE, b"x"),
        (GET.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"), b"x: y\r\n"),
        (GET.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"), b"1\r\nx\r\n"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n", b"x"),
    ],
    ids=["requests", "headers", "an upgrade", "trailers", "chunks", "a body"],
)
async def test_a_flood_behind_a_request_stays_with_the_client(request_, behind):
    slow = Slow()
    async with serving(slow.answer) as served:
        sending = asyncio.create_task(served.send(request_ + behind * (16_000_000 // len(behind))))
        await slow.begun.wait()
        await until(lambda: not served.handler.reads, "it reads no more")
        most = len(request_) + FRAMING * LIMITS.body_size
        assert len(served.handler.passed_on) <= most
        assert not sending.done()
        sending.cancel()


async def test_who_sends_a_body_that_nobody_wants_comes_to_read_the_answer():
    async with serving(refuse) as served:
        size = 8_000_000
        await served.send(GET.replace(b"\r\n\r\n", b"\r\nContent-Length: %d\r\n\r\n" % size))
        await asyncio.wait_for(served.send(bytes(size)), GIVE_UP_AFTER)
        ((head, _),) = await served.answers(1)
        assert head.startswith(b"HTTP/1.1 401 ")
        assert b"Connection: close" in head
        assert len(served.handler.passed_on) <= len(GET) + 50 + FRAMING * LIMITS.body_size


async def test_a_body_that_is_there_is_not_in_the_way():
    async with serving(refuse) as served:
        for _ in range(2):
            await served.send(with_length(b"v" * 3000))
            assert await served.said(1) == [b"no"]


async def test_what_is_no_http_is_answered_at_once():
    async with serving(echo) as served:
        await served.send(b"\x16\x03\x01 and so on")
        assert b" 400 " in await served.closed()


async def test_a_head_of_the_largest_size_is_taken_and_no_larger_one():
    for size, status in ((LIMITS.head_size, b" 200 "), (LIMITS.head_size + 10, b" 431 ")):
        async with serving(echo) as served:
            head = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nx: "
            await served.send(head + b"y" * (size - len(head)) + b"\r\n\r\n")
            said = await served.closed()
            assert status in said
            assert b"Retry-After" not in said, "it would not help"


async def test_a_socket_is_given_more_when_it_has_taken_a_message():
    go_on = asyncio.Event()
    came: list[str] = []

    async def listen(request: web.Request) -> web.WebSocketResponse:
        answer = web.WebSocketResponse(max_msg_size=1024)
        await answer.prepare(request)
        let_talk(request, 1024)
        await go_on.wait()
        async for message in answer:
            let_talk(request, 1024)
            assert message.type is WSMsgType.TEXT
            came.append(message.data)
            if message.data == "end":
                break
        return answer

    def text(words: str) -> bytes:
        return bytes([0x81, 0x80 | len(words)]) + bytes(4) + words.encode()

    async with serving(listen) as served:
        messages = [f"message {number}" for number in range(1000)] + ["end"]
        sending = asyncio.create_task(served.send(UPGRADE + b"".join(map(text, messages))))
        await until(lambda: len(served.handler.passed_on) > len(UPGRADE) + PIECE, "messages")
        await until(lambda: not served.handler.reads, "it waits")
        assert len(served.handler.passed_on) <= len(UPGRADE) + FRAMING * 1024
        go_on.set()
        await sending
        await until(lambda: came[-1:] == ["end"], "the last message")
        assert came == messages
