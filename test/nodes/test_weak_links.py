# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Viewers whose links are weak, lost or slow, beside one that is well."""

import asyncio
import random
from collections import Counter

import pytest
from aiortc.rtp import RTCP_PSFB_APP, RtcpPsfbPacket, pack_remb_fci

from pi_webrtc_streamer.camera_node import CameraNode
from pi_webrtc_streamer.media.codec import Codec
from pi_webrtc_streamer.webrtc import fanout
from support.cameras import get_stats
from support.narrow_link import NarrowLink
from support.nodes import Publisher, grey_jpeg, make_bridge, running
from support.waiting import until
from support.whep import watching


@pytest.fixture
def many_viewers(monkeypatch):
    """As if there were too many of them to follow the pictures to each: estimates count then."""
    monkeypatch.setattr(fanout, "MOST_FOLLOWED", 0)


async def send_estimate(viewer, bitrate: int) -> None:
    """Tell the bridge what the link carries, as Chromium does."""
    fci = pack_remb_fci(bitrate, list(viewer.receiver._RTCRtpReceiver__remote_streams))
    packet = RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=1, media_ssrc=0, fci=fci)
    await viewer.receiver.transport._send_rtp(bytes(packet))


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["h264", "vp8"])
async def test_a_weak_link_gets_a_smaller_picture_and_the_others_do_not(node, codec, many_viewers):
    bridge = make_bridge()
    with running(bridge), Publisher(node, grey_jpeg(1280, 720)):
        async with watching(bridge.url, codec) as weak, watching(bridge.url, codec) as strong:
            for viewer in (weak, strong):
                assert (await viewer.next_frame()).width == 1280
                # aiortc's own estimates, of a quiet scene, would disturb
                viewer.receiver._RTCRtpReceiver__remote_bitrate_estimator = None
            await send_estimate(weak, 3_000_000)
            await send_estimate(weak, 900_000)
            frame = await weak.frame_with(lambda frame: frame.width == 640)
            assert frame.height == 360
            for _ in range(5):
                assert (await strong.next_frame()).width == 1280
            streams = (await get_stats(bridge.url))["streams"]["camera"]
            assert {stream["tier"]: stream["viewers"] for stream in streams} == {
                "full": 1,
                "half": 1,
            }
            padding = padding_seen(weak)
            await weak.frame_with(lambda frame: frame.width == 1280)
            await until_streams(bridge.url, {"full": 2})
            assert sum(padding) > 100_000, "it was found out first what the link carries"


@pytest.mark.slow
async def test_a_link_that_is_too_full_when_it_is_probed_keeps_its_small_picture(
    node, many_viewers
):
    bridge = make_bridge()
    with running(bridge), Publisher(node, grey_jpeg(1280, 720)):
        async with watching(bridge.url) as viewer:
            await viewer.next_frame()
            viewer.receiver._RTCRtpReceiver__remote_bitrate_estimator = None
            await send_estimate(viewer, 3_000_000)
            await send_estimate(viewer, 900_000)
            await viewer.frame_with(lambda frame: frame.width == 640)
            padding = padding_seen(viewer)
            await viewer.frame_with(lambda frame: len(padding) > 20)
            await send_estimate(viewer, 850_000)

            async def probed() -> bool:
                return (await only_viewer(bridge))["probed"]

            while await probed():
                assert (await viewer.next_frame()).width == 640
            assert (await only_viewer(bridge))["capacity"] > 850_000, "that was the padding's fault"
            after = len(padding)
            for _ in range(60):
                assert (await viewer.next_frame()).width == 640
            assert len(padding) == after


async def test_over_a_narrow_link_the_second_picture_is_a_smaller_one(node):
    """The first says what the link carries, and nothing is sent that would wait behind it."""
    bridge = make_bridge()
    with running(bridge), running(CameraNode(overrides={"source": "pattern:busy"})):
        async with watching(bridge.url, link=NarrowLink(1_000_000)) as viewer:
            widths = [(await viewer.next_frame()).width for _ in range(5)]
            assert widths[0] == 1280
            assert 1280 not in widths[1:]
            assert (await only_viewer(bridge))["capacity"] < 1_000_000


@pytest.mark.slow
async def test_pictures_are_withheld_where_they_would_wait_before_a_link(node):
    """And the key frame of a smaller one would, too, or be lost."""
    link = NarrowLink(100_000_000)
    bridge = make_bridge()
    with running(bridge), running(CameraNode(overrides={"source": "pattern:busy"})):
        async with watching(bridge.url, link=link) as viewer:
            assert (await viewer.next_frame()).width == 1280
            link.rate = 500_000
            withheld = 0
            while (await viewer.next_frame()).width == 1280:
                for stream in (await get_stats(bridge.url))["streams"]["camera"]:
                    withheld = max(withheld, stream["withheld"])
            assert withheld > 0


@pytest.mark.slow
async def test_over_a_link_that_loses_some_here_and_there_packets_come_twice(node):
    bridge = make_bridge()
    with running(bridge), running(CameraNode(overrides={"source": "pattern:busy"})):
        async with watching(bridge.url) as viewer:
            viewer.receiver._RTCRtpReceiver__remote_bitrate_estimator = None
            await viewer.next_frame()
            (stream,) = (await get_stats(bridge.url))["streams"]["camera"]
            counts = lose_some(viewer, 0.05)
            while not (await only_viewer(bridge))["repeats"]:
                await viewer.next_frame()
            counts.clear()
            for _ in range(60):
                assert (await viewer.next_frame()).width == 1280
            once, again = counts.values()
            assert again > 0.9 * once
            (now,) = (await get_stats(bridge.url))["streams"]["camera"]
            assert now["bitrate"] == stream["bitrate"] / 2, "so that it is no more than before"


async def only_viewer(bridge) -> dict[str, object]:
    (viewer,) = (await get_stats(bridge.url))["viewers"].values()
    return viewer


async def test_the_way_is_measured_before_there_are_pictures(node):
    """When there are, it may be too late: the queue may be full, and stay so."""
    bridge = make_bridge()
    with running(bridge), Publisher(node, grey_jpeg()):
        async with watching(bridge.url) as viewer:
            viewer.receiver.transport._send_rtp = silent  # reports would tell a round trip, too
            await viewer.next_frame()
            (place,) = bridge._bridge.viewers._viewers._broadcasts["camera", Codec.H264]._places
            await until(lambda: place.link._round_trips._least < 1, "an answer")


def lose_some(viewer, share: float) -> Counter[int]:
    """Lose packets by chance; returns a count of those that come, by their payload type."""
    counts: Counter[int] = Counter()
    chance = random.Random(1)
    handle = viewer.receiver._handle_rtp_packet

    async def lose(packet, arrival_time_ms):
        counts[packet.payload_type] += 1
        if chance.random() >= share:
            await handle(packet, arrival_time_ms)

    viewer.receiver._handle_rtp_packet = lose
    return counts


async def silent(data: bytes) -> None:
    """Send nothing."""


def padding_seen(viewer) -> list[int]:
    """Collect how many octets of padding each packet has that arrives from now on."""
    seen: list[int] = []
    handle = viewer.receiver._handle_rtp_packet

    async def look(packet, arrival_time_ms):
        if packet.padding_size:
            seen.append(packet.padding_size)
        await handle(packet, arrival_time_ms)

    viewer.receiver._handle_rtp_packet = look
    return seen


async def until_streams(url: str, expected: dict[str, int]) -> None:
    for _ in range(200):
        streams = (await get_stats(url))["streams"]["camera"]
        if {stream["tier"]: stream["viewers"] for stream in streams} == expected:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"streams are {streams}, not {expected}")


@pytest.mark.slow
async def test_a_viewer_that_vanishes_without_a_word_is_disconnected(node):
    bridge = make_bridge()
    with running(bridge), Publisher(node, grey_jpeg()):
        async with watching(bridge.url) as gone, watching(bridge.url) as stays:
            await gone.next_frame()
            await stays.next_frame()

            async def lost(packet):
                """The network is gone: no RTCP comes through."""

            gone.receiver.transport._send_rtp = lost
            # Nor an answer to ICE's checks.
            gone.receiver.transport.transport._connection.request_received = lambda *_: None

            async def reason() -> str:
                async with gone.session.delete(gone.resource) as response:
                    return (await response.json())["error"] if response.status == 404 else ""

            async def disconnected() -> bool:
                return (await get_stats(bridge.url))["disconnected"] == 1

            for _ in range(600):
                if await disconnected():
                    break
                await asyncio.sleep(0.05)
            assert "nothing was heard from it" in await reason()
            await stays.next_frame()
            assert len((await get_stats(bridge.url))["viewers"]) == 1


async def test_stats_tell_the_stages_of_the_way(node, way):
    bridge = way.bridge()
    with running(bridge), way.publisher(node, grey_jpeg()):
        async with watching(bridge.url, "h264") as viewer:
            for _ in range(10):
                await viewer.next_frame()
            stats = await get_stats(bridge.url)
        (stream,) = stats["streams"]["camera"]
        assert (stream["codec"], stream["tier"], stream["viewers"]) == ("h264", "full", 1)
        assert set(stream["stages"]) == {
            "published",
            "received",
            "decoded",
            "encoded",
            "sent",
            "total",
        }
        for stage, figures in stream["stages"].items():
            assert figures["p50"] <= figures["p95"]
            assert figures["p50"] > 0, stage
        assert stats["frames"]["camera"]["received"] >= 10
        assert stats["frames"]["camera"]["way"] == way.name
        await until(lambda: node.count_subscribers("/camera/image_raw/compressed") == 0, "the end")
