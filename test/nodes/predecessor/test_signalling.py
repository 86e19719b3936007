# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The predecessor's clients on a camera's signalling port, in both dialects."""

import asyncio
import socket
import ssl
from contextlib import AsyncExitStack, contextmanager, suppress
from types import SimpleNamespace

import aiohttp
import pytest
from lifecycle_msgs.msg import Transition

from pi_webrtc_streamer.predecessor import ports
from pi_webrtc_streamer.predecessor.web import session, signalling
from pi_webrtc_streamer.runtime import async_owning
from pi_webrtc_streamer.web.ports import listen
from support.cameras import get_stats
from support.leaks import all_given_back, held, held_at_rest
from support.nodes import Lifecycle, Publisher, grey_jpeg, make_bridge, running
from support.predecessor.clients import DIALECTS, connected
from support.program import free_port
from support.waiting import until
from support.whep import mean_luma, watching

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
PING = b"\x89\xfd" + bytes(4) + bytes(125)  # masked, of the longest kind (RFC 6455, 5.5)
VIEW, DRIVE = "watch-only-0123", "drive-too-4567"
LUMA = 100


@contextmanager
def legacy_bridge(node, **parameters):
    """A bridge with a signalling port, and pictures; yields both, bridge and port."""
    port = free_port()
    bridge = make_bridge(camera__signalling_port=port, **parameters)
    with running(bridge), Publisher(node, grey_jpeg(320, 240, LUMA)):
        yield bridge, port


@pytest.fixture
def bridge(node):
    with legacy_bridge(node, max_viewers=5) as bridge:
        yield bridge


def sockets_of(bridge) -> int:
    return len(bridge._predecessor.state.sockets["camera"])


def viewers_of(bridge) -> int:
    return sum(bridge._bridge.viewers.counts().values())


@pytest.mark.parametrize("candidates_first", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_client_gets_pictures_and_leaves_nothing(bridge, dialect, candidates_first):
    bridge, port = bridge
    async with watching(bridge.url) as viewer:  # loads what stays loaded
        await viewer.next_frame()
        await viewer.session.delete(viewer.resource)
    await until(lambda: held(bridge)["tasks"] == 0, "the end of every task")
    before = await held_at_rest(bridge)  # threads and encoders end after the tasks
    async with connected(dialect, port) as client:
        await client.watch(candidates_first)
        assert abs(mean_luma(await client.next_frame()) - LUMA) < 5
        assert viewers_of(bridge) == 1
        assert client.errors == []
    await all_given_back(before, bridge, f"after a client of the {dialect} streamer's")


@pytest.mark.parametrize("candidates_first", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_candidates_of_a_client_are_used(bridge, dialect, candidates_first):
    _, port = bridge
    async with connected(dialect, port) as client:
        client.passive = True
        await client.watch(candidates_first)
        await client.next_frame()


async def test_who_vanishes_leaves_nothing(bridge):
    """Wherever the bridge is with the answer."""
    bridge, port = bridge
    async with connected("go", port) as client:
        await client.watch()
        await client.next_frame()
        sdp = client.connection.localDescription.sdp
    await until(lambda: held(bridge)["tasks"] == 0, "the end of every task")
    before = await held_at_rest(bridge)  # threads and encoders end after the tasks
    for turns in range(0, 200, 10):
        async with connected("go", port) as client:
            await client.send_offer(sdp)
            for _ in range(turns):
                await asyncio.sleep(0.0005)
            client.socket.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
    await all_given_back(before, bridge, "after clients that vanished")


async def test_five_at_once_and_the_next_is_refused(bridge):
    bridge, port = bridge
    async with AsyncExitStack() as stack:
        for dialect in ("go", "rust", "go", "rust", "go"):
            client = await stack.enter_async_context(connected(dialect, port))
            await client.watch()
            await client.next_frame()
        for dialect in DIALECTS:
            async with connected(dialect, port) as refused:
                sdp, _ = await refused.offer()
                await refused.send_offer(sdp)
                code, reason = await refused.until_closed()
                assert code == aiohttp.WSCloseCode.TRY_AGAIN_LATER
                assert refused.errors == [reason]
                assert "all 5 places" in reason
        await client.next_frame()
        assert viewers_of(bridge) == 5
    await until(lambda: viewers_of(bridge) == 0, "the end of the viewers")
    await until(lambda: sockets_of(bridge) == 0, "no sockets")


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_new_offer_replaces_the_session(node, dialect):
    with legacy_bridge(node, max_viewers=1) as (bridge, port):
        async with connected(dialect, port) as client:
            await client.watch()
            await client.next_frame()
            (first,) = (await get_stats(bridge.url))["viewers"]
            await client.again()
            await client.next_frame()
            (second,) = (await get_stats(bridge.url))["viewers"]
            assert first != second
            assert client.errors == []


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_after_the_end_of_its_connection_a_client_may_offer_anew(bridge, dialect):
    bridge, port = bridge
    async with connected(dialect, port) as client:
        await client.watch()
        await client.next_frame()
        await client.connection.close()
        await until(lambda: viewers_of(bridge) == 0, "the end of the viewer")
        await client.again()
        await client.next_frame()


async def test_an_offer_that_comes_just_when_the_viewer_ends_is_not_lost(bridge, monkeypatch):
    real_end = session._end

    async def end_late(receiving: asyncio.Task) -> None:
        await asyncio.wait([receiving], timeout=0.2)
        await real_end(receiving)

    monkeypatch.setattr(session, "_end", end_late)
    bridge, port = bridge
    async with connected("go", port) as client:
        await client.watch()
        await client.next_frame()
        await client.connection.close()
        await client.again()
        await client.next_frame()


@pytest.mark.parametrize("polite", [True, False])
async def test_the_end_of_the_socket_is_the_end_of_the_viewer(bridge, polite):
    """Though the client's connection would go on."""
    bridge, port = bridge
    async with connected("rust", port) as client:
        await client.watch()
        await client.next_frame()
        if polite:
            await client.socket.close()
        else:
            client.socket.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        await until(lambda: viewers_of(bridge) == 0, "the end of the viewer")
        await until(lambda: sockets_of(bridge) == 0, "no sockets")


async def test_what_is_no_message_of_the_rust_streamers_is_ignored_or_refused(bridge):
    _, port = bridge
    async with connected("rust", port) as client:
        await client.socket.send_str("{nonsense")
        await client.socket.send_bytes(b"\xff\xfe")
        await client.send({"dance": True})
        await client.send({"offer": {"type": "offer"}})
        await client.take_message()
        assert client.errors == ["offer has no text sdp"], "and nothing of what came before"
        await client.send({"iceCandidate": None})
        await client.send_offer("no SDP")
        await client.take_message()
        assert "v=" in client.errors[1]
        await client.watch()
        await client.next_frame()
        stale = {"candidate": "candidate:nonsense", "usernameFragment": "ofAnother"}
        await client.send({"iceCandidate": stale})
        await client.send({"iceCandidate": {"candidate": "candidate:nonsense"}})
        while len(client.errors) < 3:
            await client.take_message()
        assert "is no candidate" in client.errors[2]
        await client.next_frame()


async def test_what_is_no_message_of_the_go_streamers_closes_the_socket(bridge):
    _, port = bridge
    async with connected("go", port) as client:
        await client.send({"type": "ping"})
        await client.send({"type": "dance", "data": {}})
        await client.take_message()
        await client.take_message()
        assert client.pongs == 1
        assert "its type is none of" in client.errors[0]
        await client.socket.send_str("{nonsense")
        code, reason = await client.until_closed()
        assert code == aiohttp.WSCloseCode.INVALID_TEXT
        assert "no JSON" in reason
        assert client.errors[1] == reason


async def test_the_first_message_tells_the_dialect_whatever_the_path(bridge):
    _, port = bridge
    url = f"http://127.0.0.1:{port}/some/where"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await socket.send_json({"type": "ping"})
        assert await socket.receive_json() == {"type": "pong"}
    async with aiohttp.ClientSession() as session, session.ws_connect(url + "/ws") as socket:
        await socket.send_json({"offer": {}})
        assert await socket.receive_json() == {"error": "offer has no text sdp"}


async def test_without_a_socket_there_is_a_banner(bridge):
    _, port = bridge
    url = f"http://127.0.0.1:{port}/"
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as response:
            assert response.status == 200
            assert response.content_type == "text/plain"
            assert "camera" in await response.text()
        async with session.get(url + "ws") as response:
            assert response.status == 426
            assert "WebSocket" in (await response.json())["error"]


async def test_limits_of_a_socket(node):
    limits = {
        "websocket_idle_timeout": 1.0,
        "websocket_max_message": 2048,
        "websocket_messages_per_second": 5.0,
    }
    with legacy_bridge(node, **limits) as (bridge, port):
        async with connected("go", port) as client:
            assert await client.until_closed() == (1008, "nothing came for 1 s")
            assert client.errors == ["nothing came for 1 s"]
        async with connected("go", port) as client:
            await client.send({"type": "ping", "data": "x" * 2048})
            assert (await client.until_closed())[0] == 1009
        for send in ("ping", "message"):
            async with connected("rust", port) as client:
                for _ in range(30):
                    if send == "ping":
                        await client.socket.ping()
                    else:
                        await client.socket.send_str("x")
                code, reason = await client.until_closed()
                assert code == 1008
                assert "5 messages a second" in reason
        await until(lambda: sockets_of(bridge) == 0, "no sockets")


async def test_a_client_that_says_something_now_and_then_may_stay(bridge, monkeypatch):
    now = 0.0
    monkeypatch.setattr(session, "time", SimpleNamespace(monotonic=lambda: now))
    _, port = bridge
    async with connected("go", port) as client:
        for pongs in range(1, 4):
            await client.send({"type": "ping"})
            await client.take_message()
            assert client.pongs == pongs
            now += 599
        await client.watch()
        await client.next_frame()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_who_watches_a_bridge_that_is_deactivated_is_told(bridge, node, dialect):
    bridge, port = bridge
    async with connected(dialect, port) as client:
        await client.watch()
        await client.next_frame()
        lifecycle = Lifecycle(node, "bridge")
        assert await lifecycle.change_soon(Transition.TRANSITION_DEACTIVATE)
        assert await client.until_closed() == (1001, "the bridge is deactivated")
        assert client.errors == ["the bridge is deactivated"]
        with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
            async with connected(dialect, port):
                pass
        assert await lifecycle.change_soon(Transition.TRANSITION_ACTIVATE)
    async with connected(dialect, port) as client:
        await client.watch()
        await client.next_frame()
        closed = asyncio.create_task(client.until_closed())
        assert await lifecycle.change_soon(Transition.TRANSITION_DEACTIVATE)
        assert await lifecycle.change_soon(Transition.TRANSITION_CLEANUP)
        assert (await closed)[0] == 1001


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_who_is_slow_to_be_given_up_is_told_before_the_server_goes(
    bridge, node, monkeypatch, dialect
):
    """As on a busy machine, where the server has gone before a viewer is given back."""
    bridge, port = bridge
    let_go = session.Session.close

    async def close_slowly(self) -> None:
        await asyncio.sleep(3.0)
        await let_go(self)

    monkeypatch.setattr(session.Session, "close", close_slowly)
    monkeypatch.setattr(async_owning, "LONGEST_RELEASE", 5.0)
    async with connected(dialect, port) as client:
        lifecycle = Lifecycle(node, "bridge")
        assert await lifecycle.change_soon(Transition.TRANSITION_DEACTIVATE)
        assert await lifecycle.change_soon(Transition.TRANSITION_CLEANUP)
        assert await client.until_closed() == (1001, "the bridge is deactivated")
        assert client.errors == ["the bridge is deactivated"]


async def test_a_client_that_ends_for_the_bridge_is_told_why(node):
    with legacy_bridge(node, connect_timeout=1.0) as (bridge, port):
        async with connected("go", port) as client:
            sdp, _ = await client.offer()
            await client.send_offer(sdp)  # and nothing more: its answer is left alone
            code, reason = await client.until_closed()
            assert code == 1013
            assert "did not connect within 1 s" in reason
        await until(lambda: viewers_of(bridge) == 0, "the end of the viewers")


async def test_a_client_that_answers_no_ping_is_hung_up_on(node, monkeypatch):
    monkeypatch.setattr(signalling, "HEARTBEAT", 0.5)
    with legacy_bridge(node) as (bridge, port):
        async with connected("go", port, autoping=False) as client:
            await client.watch()
            assert viewers_of(bridge) == 1
            await until(lambda: viewers_of(bridge) == 0, "the end of the viewer")
            await client.until_closed()


async def test_a_client_that_reads_nothing_does_not_keep_the_bridge(node, monkeypatch, caplog):
    def listen_with_little_room(*arguments):
        listening = listen(*arguments)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        return listening

    monkeypatch.setattr(ports, "listen", listen_with_little_room)
    with legacy_bridge(node, websocket_messages_per_second=10_000.0) as (bridge, port):
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", port))
            client.sendall(HANDSHAKE)
            assert b" 101 " in client.recv(4096)
            client.settimeout(0.5)
            with suppress(TimeoutError):  # then it is stuck, and reads no more either
                for _ in range(200):
                    client.sendall(100 * PING)
            await until(lambda: sockets_of(bridge) == 1, "the socket")
            lifecycle = Lifecycle(node, "bridge")
            for transition in (Lifecycle.DEACTIVATE, Lifecycle.CLEANUP):
                assert await lifecycle.change_soon(transition)
        assert sockets_of(bridge) == 0
    assert caplog.text == ""


def test_a_port_that_cannot_be_had_is_named(caplog):
    bridge = make_bridge()
    with running(bridge):
        taken = int(bridge.url.rsplit(":", 1)[1].strip("/"))
        other = make_bridge(camera__signalling_port=taken)
        with running(other, up=False):
            assert not other.bring_up()
            assert "parameter camera.signalling_port" in other._last_failure


# Who may come in


async def status(port: int, query: str = "", **headers) -> int:
    """Return the status with which a socket is refused, 101 if it is not."""
    try:
        async with connected("go", port, query, headers=headers) as client:
            await client.send({"type": "ping"})
            await client.take_message()
            return 101
    except aiohttp.WSServerHandshakeError as error:
        return error.status


async def test_a_token_is_asked_for_where_there_is_one(node):
    tokens = {"auth": "token", "token_view": VIEW, "token_drive": DRIVE}
    with legacy_bridge(node, **tokens) as (bridge, port):
        own = bridge.url.rstrip("/")
        assert await status(port) == 401
        assert await status(port, "?token=wrong-token") == 401
        assert await status(port, f"?token={VIEW}") == 101
        assert await status(port, f"?token={VIEW}", Origin="http://elsewhere.example") == 101
        assert await status(port, Authorization=f"Bearer {DRIVE}") == 101
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            await (await session.get(f"{bridge.url}?token={VIEW}")).release()
            (cookie,) = session.cookie_jar
        cookie = f"{cookie.key}={cookie.value}"
        assert await status(port, Cookie=cookie, Origin=own) == 101
        assert await status(port, Cookie=cookie, Origin="http://elsewhere.example") == 403
        assert await status(port, Cookie=cookie, Origin=f"http://127.0.0.1:{port}") == 403
        assert await status(port, Host="elsewhere.example", Cookie=cookie) == 421
        async with connected("rust", port, f"?token={VIEW}") as client:
            await client.watch()
            await client.next_frame()


@pytest.mark.parametrize(("auth", "foreign"), [("auto", 403), ("open", 101), ("none", 101)])
async def test_pages_from_elsewhere_may_watch_where_everybody_may(node, auth, foreign):
    with legacy_bridge(node, auth=auth) as (bridge, port):
        assert await status(port) == 101
        assert await status(port, Origin=bridge.url.rstrip("/")) == 101
        assert await status(port, Origin="http://elsewhere.example") == foreign
        assert await status(port, Origin="null") == foreign
        assert await status(port, Host="elsewhere.example") == 421


async def test_over_tls_sockets_are_as_well(node, tmp_path, monkeypatch):
    monkeypatch.setenv("ROS_HOME", str(tmp_path))
    with legacy_bridge(node, tls="self-signed") as (_, port):
        kept = tmp_path / "pi_webrtc_streamer" / "self-signed.pem"
        trusting = ssl.create_default_context(cadata=kept.read_text())
        async with connected("go", port, scheme="wss", ssl=trusting) as client:
            await client.watch()
            await client.next_frame()
