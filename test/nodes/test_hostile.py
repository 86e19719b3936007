# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A bridge among hostile clients: each limit has its answer, and who is served stays so."""

import asyncio
import json
import socket
import zlib
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest

from pi_webrtc_streamer.media.intake import Intake
from pi_webrtc_streamer.ros.cv_convert import to_bgr
from pi_webrtc_streamer.telemetry.counts import held_counts
from support.cameras import get_json
from support.nodes import Publisher, grey_jpeg, make_bridge, running
from support.waiting import GIVE_UP_AFTER, until
from support.whep import SDP

GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def publisher(node):
    with Publisher(node, grey_jpeg()) as publisher:
        yield publisher


@asynccontextmanager
async def connected(url: str):
    """Open a TCP connection to a bridge."""
    host, port = url.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], str]:
    """Read one answer: its status, its headers and what its body says."""
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), GIVE_UP_AFTER)).decode()
    status, *lines = head.strip().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    body = await reader.readexactly(int(headers["Content-Length"]))
    return int(status.split()[1]), headers, json.loads(body).get("error", "")


async def closed(reader: asyncio.StreamReader) -> bytes:
    """Wait until the other side closes; returns what it said."""
    try:
        return await asyncio.wait_for(reader.read(), GIVE_UP_AFTER)
    except ConnectionError:
        return b""


# ---- TCP and HTTP


@pytest.mark.parametrize(
    "head", [b"", b"GET / HTTP/1.1\r\nHost: x", b"GET / HT", b"\x16\x03\x01", GET]
)
async def test_a_connection_that_asks_for_nothing_is_closed(head):
    bridge = make_bridge(request_timeout=1.0)
    with running(bridge):
        async with connected(bridge.url) as (reader, writer):
            writer.write(head)
            said = await closed(reader)
            assert (b"200 OK" in said) == (head == GET)


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01", GET], ids=["nothing", "little", "HTTP"])
async def test_a_tls_handshake_that_does_not_end_is_given_up(said, tmp_path, monkeypatch):
    monkeypatch.setenv("ROS_HOME", str(tmp_path))
    bridge = make_bridge(request_timeout=1.0, tls="self-signed")
    with running(bridge):
        sockets = held_counts()["sockets"]
        async with connected(bridge.url) as (reader, writer):
            writer.write(said)
            await closed(reader)
        await until(lambda: held_counts()["sockets"] <= sockets, "the connection's end")


async def test_a_byte_now_and_then_does_not_keep_a_connection():
    bridge = make_bridge(request_timeout=1.0)
    with running(bridge):
        async with connected(bridge.url) as (reader, writer):

            async def drip() -> None:
                writer.write(b"GET / HTTP/1.1\r\n")
                while True:
                    writer.write(b"x: y\r\n")
                    await asyncio.sleep(0.1)

            dripping = asyncio.create_task(drip())
            assert await closed(reader) == b""
            dripping.cancel()


async def test_a_body_that_does_not_come_is_408():
    bridge = make_bridge(request_timeout=1.0)
    with running(bridge):
        async with connected(bridge.url) as (reader, writer):
            writer.write(
                b"POST /whep/camera HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/sdp\r\nContent-Length: 1000\r\n\r\nv=0"
            )
            status, _, error = await read_answer(reader)
            assert (status, error) == (408, "the body took more than 1 s")
            await closed(reader)


async def test_too_many_headers_are_431():
    bridge = make_bridge(max_header_size=2048)
    with running(bridge):
        async with connected(bridge.url) as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\n" + b"x: yyyyyyyy\r\n" * 400)
            status, _, error = await read_answer(reader)
            assert (status, error) == (431, "the headers have more than 2048 bytes")


async def test_a_body_is_not_counted_as_headers():
    bridge = make_bridge(max_header_size=2048, max_body_size=4096)
    with running(bridge):
        async with aiohttp.ClientSession() as session:
            for size, status in ((4000, 400), (5000, 413), (100_000, 413)):
                async with session.post(
                    f"{bridge.url}whep/camera", data=b"v" * size, headers=SDP
                ) as response:
                    assert response.status == status


async def test_a_compressed_body_stays_compressed():
    bridge = make_bridge()
    with running(bridge):
        headers = {**SDP, "Content-Encoding": "deflate"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"{bridge.url}whep/camera", data=zlib.compress(bytes(10_000_000)), headers=headers
            ) as r,
        ):
            assert r.status == 400, "a bomb of 10 kB is 10 kB"


async def test_connections_beyond_the_limits_are_told_so():
    bridge = make_bridge(max_connections=3, max_connections_per_address=2)
    with running(bridge):
        async with AsyncExitStack() as stack:
            for _ in range(2):
                reader, writer = await stack.enter_async_context(connected(bridge.url))
                writer.write(GET)
                assert (await read_answer(reader))[0] == 200
            async with connected(bridge.url) as (reader, _):
                status, headers, error = await read_answer(reader)
                assert (status, error) == (429, "127.0.0.1 has 2 connections already")
                assert int(headers["Retry-After"]) >= 1
            await stack.enter_async_context(connected_from("127.0.0.2", bridge.url))
            async with connected_from("127.0.0.3", bridge.url) as (reader, _):
                status, headers, error = await read_answer(reader)
                assert (status, error) == (503, "all 3 connections are taken; try again later")

        async def served_again() -> bool:
            async with connected(bridge.url) as (reader, writer):
                writer.write(GET)
                return (await read_answer(reader))[0] == 200

        for _ in range(600):
            if await served_again():
                return
        raise AssertionError("the places did not come back")


@asynccontextmanager
async def connected_from(address: str, url: str):
    """Connect from another address of this machine."""
    host, port = url.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port), local_addr=(address, 0))
    try:
        yield reader, writer
    finally:
        writer.close()


async def test_jpeg_clients_are_limited_and_must_read(publisher):
    publisher.data = grey_jpeg(1920, 1080)
    bridge = make_bridge(max_jpeg_clients=1, jpeg_client_timeout=1.0)
    with running(bridge):
        async with connected(bridge.url) as (reader, writer), aiohttp.ClientSession() as session:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            writer.write(b"GET /cameras/camera/stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await asyncio.wait_for(reader.readuntil(b"--frame"), GIVE_UP_AFTER)
            writer.transport.pause_reading()
            async with session.get(f"{bridge.url}cameras/camera/snapshot.jpg") as response:
                assert response.status == 503
                assert int(response.headers["Retry-After"]) >= 1
                error = (await response.json())["error"]
                assert error == "1 clients are served JPEG already; try again later"

            for _ in range(600):
                async with session.get(f"{bridge.url}cameras/camera/snapshot.jpg") as response:
                    if response.status == 200:
                        return
                await asyncio.sleep(0.05)
            raise AssertionError("the client that does not read kept its place")


# ---- The log


async def test_a_thousand_bad_messages_are_a_handful_of_lines(node, capfd):
    bridge = make_bridge()
    with running(bridge), Publisher(node, b"") as publisher:
        async with aiohttp.ClientSession() as session:
            waiting = asyncio.create_task(get_json(f"{bridge.url}cameras/camera/snapshot.jpg"))
            intake = Intake(bridge._bridge.feeds["camera"], to_bgr)
            for number in range(1000):
                intake.take_compressed(b"\0\1\0\0" + bytes(number % 50), 0)
            await until(lambda: publisher.sent > 3, "messages")
            for number in range(1000):
                async with session.post(
                    f"{bridge.url}whep/camera", data=f"v=0 {number}\r\nm=", headers=SDP
                ) as response:
                    assert response.status == 400
            await waiting
    lines = [line for line in capfd.readouterr().err.splitlines() if "cannot be shown" in line]
    assert 1 <= len(lines) <= 40


async def test_bad_http_is_answered_and_not_logged_each_time(capfd):
    bridge = make_bridge(max_connections=1000, max_connections_per_address=1000)
    with running(bridge):
        for _ in range(200):
            async with connected(bridge.url) as (reader, writer):
                writer.write(b"GET /\x01 HTTP/9.9\r\nnonsense\r\n\r\n")
                assert b" 400 " in await closed(reader)
    log = capfd.readouterr().err
    assert log.count("Traceback") <= 10
    assert "more messages like those from" in log
