# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""STUN and TURN servers that do not answer, at real addresses: no viewer waits for them."""

import asyncio
import re
import socket

import pytest
from aioice import stun

from support.network import NoNetwork, link
from support.nodes import Publisher, grey_jpeg, make_bridge, running
from support.waiting import until
from support.whep import WhepViewer


@pytest.fixture
def silent():
    """The port of a server that takes whatever comes, by UDP and TCP, and says nothing."""
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        udp.bind(tcp.getsockname())
        yield tcp.getsockname()[1]


@pytest.mark.parametrize(
    ("parameter", "url", "name"),
    [
        ("stun_urls", "stun:127.0.0.1:{}", "STUN server 127.0.0.1:{}"),
        ("turn_urls", "turn:127.0.0.1:{}", "TURN server 127.0.0.1:{}"),
        ("turn_urls", "turn:127.0.0.1:{}?transport=tcp", "TURN server 127.0.0.1:{}"),
        ("turn_urls", "turns:127.0.0.1:{}?transport=tcp", "TURN server 127.0.0.1:{}"),
    ],
)
async def test_a_silent_server_is_not_waited_for_and_named(
    silent, node, session, capfd, parameter, url, name
):
    servers = {parameter: [url.format(silent)], "turn_username": "u", "turn_password": "p"}
    bridge = make_bridge(**servers)
    named = name.format(silent)
    viewers = []
    with running(bridge), Publisher(node, grey_jpeg()):
        try:
            for _ in range(2):
                viewers.append(WhepViewer(session, f"{bridge.url}whep/camera"))
                assert (await viewers[-1].connect()).status == 201
                await viewers[-1].next_frame()
            await until(lambda: not asking(bridge), "the end of both viewers' patience")
        finally:
            for viewer in viewers:
                await viewer.connection.close()
        assert await warnings(session, bridge) == [
            f"The {named} gives no address: it did not answer in 5 s."
        ]
    assert capfd.readouterr().err.count(f"{named} gives no address") == 1, "once"


async def test_the_answer_is_there_while_the_server_is_still_asked(silent, session):
    bridge = make_bridge(stun_urls=[f"stun:127.0.0.1:{silent}"])
    with running(bridge):
        viewer = WhepViewer(session, f"{bridge.url}whep/camera")
        try:
            assert (await viewer.connect()).status == 201
            assert await warnings(session, bridge) == [], "it may answer yet"
            assert asking(bridge)
        finally:
            await viewer.connection.close()


async def test_a_server_that_refuses_says_why(session, capfd):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        port = taken.getsockname()[1]
        bridge = make_bridge(
            turn_urls=[f"turn:127.0.0.1:{port}?transport=tcp"], turn_username="u", turn_password="p"
        )
        with running(bridge):
            viewer = WhepViewer(session, f"{bridge.url}whep/camera")
            try:
                assert (await viewer.connect()).status == 201
                (warning,) = await warnings(session, bridge)
            finally:
                await viewer.connection.close()
    assert warning.startswith(f"The TURN server 127.0.0.1:{port} gives no address: ")
    assert "Connect call failed" in warning


async def test_a_viewer_that_goes_meanwhile_leaves_nothing(silent, session):
    bridge = make_bridge(stun_urls=[f"stun:127.0.0.1:{silent}"])
    with running(bridge):
        viewer = WhepViewer(session, f"{bridge.url}whep/camera")
        assert (await viewer.connect()).status == 201
        async with session.delete(viewer.resource) as response:
            assert response.status == 200
        await viewer.connection.close()
        assert not asking(bridge)


class OneSided(asyncio.DatagramProtocol):
    """A STUN server that one of this machine's addresses reaches, and no other."""

    def __init__(self, reached_from: str) -> None:
        self._reached_from = reached_from

    def connection_made(self, transport):
        self._transport = transport

    def datagram_received(self, data, address):
        if address[0] == self._reached_from:
            request = stun.parse_message(data)
            kinds = request.message_method, stun.Class.RESPONSE
            response = stun.Message(*kinds, transaction_id=request.transaction_id)
            response.attributes["XOR-MAPPED-ADDRESS"] = ("198.51.100.7", 40000)
            self._transport.sendto(bytes(response), address)


async def test_a_server_that_one_interface_of_two_reaches_is_enough(session):
    try:
        with link() as second:
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_datagram_endpoint(
                lambda: OneSided(second.here), ("0.0.0.0", 0)
            )
            port = transport.get_extra_info("sockname")[1]
            bridge = make_bridge(stun_urls=[f"stun:{second.here}:{port}"])
            with running(bridge):
                viewer = WhepViewer(session, f"{bridge.url}whep/camera")
                try:
                    assert (await viewer.connect()).status == 201
                    hosts = re.findall(r"a=candidate:.* (\S+) \d+ typ host", viewer.answer)
                    assert len([host for host in hosts if ":" not in host]) > 1
                    assert "198.51.100.7 40000 typ srflx" in viewer.answer
                    await until(lambda: not asking(bridge), "the end of its patience")
                    assert await warnings(session, bridge) == []
                finally:
                    await viewer.connection.close()
            transport.close()
    except NoNetwork as error:
        pytest.skip(str(error))


def asking(bridge) -> list[str]:
    """What asks servers at the moment."""
    names = [task.get_coro().__qualname__ for task in asyncio.all_tasks(bridge._loop.loop)]
    return [name for name in names if "Gathering" in name]


async def warnings(session, bridge) -> list[str]:
    async with session.get(f"{bridge.url}health") as response:
        return (await response.json())["warnings"]
