# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A bridge among hostile viewers: offers, datagrams and RTCP that nobody honest sends."""

import asyncio
import json
import os
import re
import socket
from contextlib import AsyncExitStack

import aiohttp
import pytest
from aioice import stun
from aiortc.rtp import RTCP_RTPFB_NACK, RtcpRrPacket, RtcpRtpfbPacket

from pi_webrtc_streamer.webrtc.peer import MOST_ADDRESSES
from pi_webrtc_streamer.webrtc.sender import MOST_FEEDBACK, MOST_REQUESTED
from support.cameras import get_json
from support.nodes import Publisher, grey_jpeg, make_bridge, running
from support.waiting import until
from support.whep import SDP, WhepViewer, watching

GARBAGE = [
    b"",
    b"\0",
    b"\x16",
    b"\x80",
    b"\x80\xc8",
    b"\xff" * 1500,
    bytes(20),
    # STUN, with an attribute that is shorter than its kind is: PRIORITY of one byte.
    bytes([0, 1, 0, 8, 0x21, 0x12, 0xA4, 0x42, *range(12), 0, 0x24, 0, 1, 7, 0, 0, 0]),
    *(
        bytes([first]) + os.urandom(size)
        for first in (0, 1, 20, 22, 63, 64, 128, 191, 192, 255)
        for size in (1, 19, 100, 1400)
    ),
]


@pytest.fixture
def publisher(node):
    with Publisher(node, grey_jpeg()) as publisher:
        yield publisher


async def post_offer(session: aiohttp.ClientSession, url: str, camera: str = "camera"):
    """Send an offer and never finish; returns the status, the body and its headers."""
    viewer = WhepViewer(session, "")
    offer = await viewer.offer()
    await viewer.connection.close()
    async with session.post(f"{url}whep/{camera}", data=offer, headers=SDP) as response:
        return response.status, await response.text(), response.headers


@pytest.mark.parametrize(
    ("limit", "status", "why"),
    [
        ("max_viewers", 503, "all 2 places for viewers are taken"),
        ("max_viewers_per_camera", 503, "all 2 places for viewers of camera are taken"),
        ("max_viewers_per_address", 429, "127.0.0.1 has 2 viewers already"),
        ("max_connecting", 503, "2 viewers are about to connect"),
    ],
)
async def test_viewers_that_never_connect_hold_a_place_for_a_while(limit, status, why):
    bridge = make_bridge(connect_timeout=1.0, **{limit: 2})
    with running(bridge):
        async with aiohttp.ClientSession() as session:
            for _ in range(2):
                assert (await post_offer(session, bridge.url))[0] == 201
            refused, text, headers = await post_offer(session, bridge.url)
            assert refused == status
            assert why in json.loads(text)["error"]
            assert int(headers["Retry-After"]) >= 1
            for _ in range(600):
                if (await post_offer(session, bridge.url))[0] == 201:
                    return
                await asyncio.sleep(0.05)
            raise AssertionError("no place came back")


def ice_ports(answer: str) -> list[tuple[str, int]]:
    """Return the addresses of the bridge that an answer names."""
    lines = [line.split() for line in answer.splitlines() if line.startswith("a=candidate:")]
    return [(words[4], int(words[5])) for words in lines if ":" not in words[4]]


async def test_garbage_at_the_port_of_a_viewer_harms_nobody(publisher, capfd):
    bridge = make_bridge()
    with running(bridge):
        async with watching(bridge.url, "h264") as viewer:
            await viewer.next_frame()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker:
                for _ in range(20):
                    for datagram in GARBAGE:
                        for address in ice_ports(viewer.answer):
                            attacker.sendto(datagram, address)
                    await viewer.next_frame()
            _, stats = await get_json(f"{bridge.url}stats")
            assert [each["state"] for each in stats["viewers"].values()] == ["connected"]
    log = capfd.readouterr().err
    assert "a viewer" not in log.replace("viewer of camera", "")
    assert "Traceback" not in log
    assert len(log.splitlines()) < 60, log


def connectivity_check(viewer: WhepViewer) -> bytes:
    """Return a check that the bridge takes for this viewer's, wherever it comes from (RFC 8445)."""

    def attribute(name: str, sdp: str) -> str:
        return re.search(f"a={name}:(\\S+)", sdp)[1]

    ours, theirs = viewer.connection.localDescription.sdp, viewer.answer
    check = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    check.attributes["USERNAME"] = (
        f"{attribute('ice-ufrag', theirs)}:{attribute('ice-ufrag', ours)}"
    )
    check.attributes["PRIORITY"] = 1
    check.attributes["ICE-CONTROLLING"] = 2**64 - 1
    check.add_message_integrity(attribute("ice-pwd", theirs).encode())
    return bytes(check)


async def test_a_viewer_that_is_everywhere_is_disconnected(publisher):
    bridge = make_bridge()
    with running(bridge):
        async with watching(bridge.url, "h264") as viewer, AsyncExitStack() as stack:
            await viewer.next_frame()
            for _ in range(MOST_ADDRESSES):
                elsewhere = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                elsewhere.sendto(connectivity_check(viewer), ice_ports(viewer.answer)[0])
            await until(lambda: not bridge._bridge.viewers.counts(), "its end")
            async with viewer.session.delete(viewer.resource) as response:
                error = (await response.json())["error"]
                assert error == "the session has ended: it has more than 64 addresses"


async def test_requests_for_packets_that_never_were_are_bounded(publisher):
    """One packet can ask for 6000; the other viewer's pictures must not wait for the search."""
    bridge = make_bridge()
    with running(bridge):
        async with watching(bridge.url, "h264") as attacker, watching(bridge.url, "h264") as viewer:
            await attacker.next_frame()
            (ssrc,) = attacker.receiver._RTCRtpReceiver__remote_streams
            lost = RtcpRtpfbPacket(fmt=RTCP_RTPFB_NACK, ssrc=1, media_ssrc=ssrc)
            lost.lost = list(range(0, 65_536, 1))[:5000]
            packet = bytes(lost)
            viewers = list(bridge._bridge.viewers._viewers._viewers.values())
            aiortcs, asked_for = viewers[0].sender._sender._sender, []
            answer = aiortcs._retransmit

            async def retransmit(sequence: int) -> None:
                asked_for.append(sequence)
                await answer(sequence)

            aiortcs._retransmit = retransmit
            for _ in range(30):
                for _ in range(20):
                    await attacker.receiver.transport._send_rtp(packet)
                await viewer.next_frame()
            assert 0 < len(asked_for) <= 30 * 20 * MOST_REQUESTED
            assert all(each.state == "connected" for each in viewers)


async def test_rtcp_is_looked_at_so_often_and_no_more(publisher):
    bridge = make_bridge()
    with running(bridge):
        async with watching(bridge.url, "h264") as attacker:
            await attacker.next_frame()
            (served,) = bridge._bridge.viewers._viewers._viewers.values()
            sender, came, looked_at = served.sender, [], []
            aiortcs = sender._sender
            note, look = sender.health.on_sign, aiortcs._handle_rtcp_data_original

            def on_sign(now: float) -> None:
                came.append(now)
                note(now)

            async def on_data(data: bytes) -> None:
                looked_at.append(data)
                await look(data)

            sender.health.on_sign, aiortcs._handle_rtcp_data_original = on_sign, on_data
            report = bytes(RtcpRrPacket(ssrc=1))
            while len(came) < 10 * MOST_FEEDBACK:
                for _ in range(100):
                    await attacker.receiver.transport._send_rtp(report)
                await asyncio.sleep(0)
            assert len(looked_at) <= MOST_FEEDBACK * (2 + came[-1] - came[0]) + 1


@pytest.mark.parametrize("first", ["audio", "data"])
async def test_what_a_viewer_would_send_is_not_taken(publisher, first):
    bridge = make_bridge()
    with running(bridge):
        async with aiohttp.ClientSession() as session:
            viewer = WhepViewer(session, f"{bridge.url}whep/camera")
            if first == "audio":
                viewer.connection.addTransceiver("audio", direction="sendrecv")
            offer = await viewer.offer()
            if first == "data":
                offer = with_data_channel_first(offer)
            async with session.post(
                f"{bridge.url}whep/camera", data=offer, headers=SDP
            ) as response:
                answer = await response.text()
                assert response.status == 201, answer
            sections = answer.split("m=")[1:]
            if first == "audio":
                assert "a=inactive" in sections[0]
            else:
                assert sections[0].startswith("application 0 ")
            assert "a=sendonly" in sections[1]
            await viewer.connection.close()


def with_data_channel_first(offer: str) -> str:
    """Return the offer with a data channel before its video, as a teleoperating page has it."""
    session, video = offer.split("m=", 1)
    data = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:data\r\n"
    lines = [
        line for line in video.split("\r\n") if line.startswith(("a=ice", "a=fing", "a=setup"))
    ]
    data += "".join(f"{line}\r\n" for line in lines) + "a=sctp-port:5000\r\n"
    return session.replace("BUNDLE ", "BUNDLE data ") + data + "m=" + video


async def test_a_viewer_that_offers_audio_first_sees_pictures(publisher):
    bridge = make_bridge()
    with running(bridge):
        async with aiohttp.ClientSession() as session:
            viewer = WhepViewer(session, f"{bridge.url}whep/camera")
            viewer.connection.addTransceiver("audio", direction="recvonly")
            assert (await viewer.connect("h264")).status == 201, viewer.answer
            await viewer.next_frame()
            await viewer.connection.close()
