# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""One UDP port for all viewers: who they are is told apart, and others get nothing through."""

import asyncio
import re
import secrets
import socket
from contextlib import AsyncExitStack, ExitStack
from ipaddress import ip_address

import pytest
from aioice import stun

from pi_webrtc_streamer.web.access import machine_addresses
from support.gstreamer import caps, gstreamer
from support.narrow_link import NarrowLink
from support.nodes import Lifecycle, Publisher, grey_jpeg, make_bridge, running
from support.program import free_udp_port
from support.waiting import until
from support.whep import SDP, make_offer, watching

CANDIDATE = re.compile(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host")


@pytest.fixture
def port():
    return free_udp_port()


@pytest.fixture
def bridge(node, port):
    bridge = make_bridge(udp_port=port)
    with running(bridge), Publisher(node, grey_jpeg()):
        yield bridge


def addresses(answer: str) -> dict[str, int]:
    return {host: int(port) for host, port in CANDIDATE.findall(answer)}


async def test_viewers_share_it_and_leave_each_other_alone(bridge, port):
    async with AsyncExitStack() as stack:
        viewers = [
            await stack.enter_async_context(watching(bridge.url, codec))
            for codec in ("h264", "vp8", "h264")
        ]
        for viewer in viewers:
            assert set(addresses(viewer.answer).values()) == {port}
            await viewer.next_frame()
        async with viewers[1].session.delete(viewers[1].resource) as response:
            assert response.status == 200
        for _ in range(30):
            await viewers[0].next_frame()
            await viewers[2].next_frame()
    await until(lambda: not bridge._bridge.viewers.counts(), "the end of all")


def test_it_is_given_back_and_taken_again(node, port):
    bridge = make_bridge(udp_port=port)

    async def watch():
        async with watching(bridge.url) as viewer:
            await viewer.next_frame()
            with pytest.raises(OSError, match="in use"):
                bind(port)  # for every address

    with running(bridge), Publisher(node, grey_jpeg()):
        lifecycle = Lifecycle(node, "bridge")
        for _ in range(2):
            asyncio.run(watch())
            assert lifecycle.change(Lifecycle.DEACTIVATE)
            bind(port)
            assert lifecycle.change(Lifecycle.ACTIVATE)


def bind(port: int) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as trial:
        trial.bind(("", port))


async def test_who_knows_no_password_takes_nobodys_place(bridge):
    """A check with a viewer's name and another password is refused, and changes nothing."""
    async with watching(bridge.url) as viewer:
        await viewer.next_frame()
        (name,) = re.findall(r"a=ice-ufrag:(\S+)", viewer.answer)
        where = next(iter(addresses(viewer.answer).items()))
        with socket.socket(type=socket.SOCK_DGRAM) as stranger:
            stranger.settimeout(30)
            request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
            request.attributes["USERNAME"] = f"{name}:abcd"
            request.add_message_integrity(b"not the password")
            stranger.sendto(bytes(request), where)
            answer = stun.parse_message(stranger.recv(2000))
            assert answer.message_class == stun.Class.ERROR
            for data in (b"", b"\0", b"\x80" * 1200, b"\x16" * 40, secrets.token_bytes(1400)):
                stranger.sendto(data, where)
            unknown = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE)
            stranger.sendto(bytes(unknown), where)
        for _ in range(30):
            await viewer.next_frame()


async def test_an_address_elsewhere_leads_to_it(node, port):
    """As a container's host passes the port on: this is the only address that the viewer tries."""
    host = "127.0.0.1"  # which the bridge itself does not have
    bridge = make_bridge(udp_port=port, udp_addresses=[host, "2001:db8::7"])
    container_host = NarrowLink(100e6, at=(host, port))
    with running(bridge), Publisher(node, grey_jpeg()):
        async with watching(bridge.url, link=container_host) as viewer:
            await viewer.next_frame()
            assert list(addresses(viewer.answer)) == [host]
        async with watching(bridge.url) as viewer:
            named = addresses(viewer.answer)
    assert named[host] == port
    assert len(named) > 1


async def test_an_address_that_is_taken_is_named(node, session, port):
    bridge = make_bridge(udp_port=port)
    with running(bridge), ExitStack() as taken:
        for address in machine_addresses():
            if not ip_address(address).is_loopback:
                family = socket.AF_INET6 if ":" in address else socket.AF_INET
                other = taken.enter_context(socket.socket(family, socket.SOCK_DGRAM))
                other.bind((address, port))
        offer = await make_offer()
        async with session.post(f"{bridge.url}whep/camera", data=offer, headers=SDP) as response:
            assert response.status == 503
            assert f"UDP port {port} cannot be had" in (await response.json())["error"]
        async with session.get(f"{bridge.url}health") as response:
            assert "Address already in use" in str((await response.json())["warnings"])


def test_a_port_that_is_taken_is_said_at_once(port, capfd):
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("", port))
        bridge = make_bridge(udp_port=port)
        with pytest.raises(AssertionError, match="did not come up"), running(bridge):
            pass
    assert f"port {port} on 0.0.0.0 is in use" in (said := capfd.readouterr().err)
    assert "udp_port (ss -lunp shows who listens)" in said


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_gstreamer(node, port, codec):
    with running(bridge := make_bridge(udp_port=port)), Publisher(node, grey_jpeg()):
        url = f"{bridge.url}whep/camera"
        with gstreamer(url, caps(codec)) as viewer, gstreamer(url, caps(codec)) as other:
            assert viewer.answer()["status"] == 201
            assert set(addresses(other.answer()["answer"]).values()) == {port}
            viewer.frame(60)
            other.frame(60)
