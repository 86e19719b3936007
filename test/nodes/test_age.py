# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the bridge says of the age of pictures: its clock, and when they were captured on it."""

import asyncio
import time
from functools import partial

import aiohttp
import pytest

from pi_webrtc_streamer.media.codec import CLOCK_RATE
from support.cameras import get_json
from support.nodes import (
    ImagePublisher,
    Publisher,
    SimulatedTime,
    grey_jpeg,
    make_bridge,
    running,
)
from support.raw_images import halves, message
from support.ways import WAYS, taking
from support.whep import watching

HOUR = 3600 * 10**9  # nanoseconds
MILLISECOND = 1e-3


async def picture(url: str) -> dict:
    """Return what the bridge says of the camera's newest picture; it must have one."""
    _, body = await get_json(f"{url}clock")
    return body["pictures"]["camera"]


async def test_nothing_is_said_of_a_camera_that_nobody_watches(node):
    bridge = make_bridge(stale_after=0.5)
    with running(bridge), Publisher(node, grey_jpeg()):
        before = time.monotonic()
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{bridge.url}clock") as response,
        ):
            body = await response.json()
            assert response.headers["Cache-Control"] == "no-store"
        assert before <= body["time"] <= time.monotonic(), "it is one machine, and one clock"
        assert body["pictures"] == {}
        _, cameras = await get_json(f"{bridge.url}cameras")
        assert cameras["stale_after"] == 0.5
        async with watching(bridge.url, "h264") as viewer:
            await viewer.next_frame()
            assert await picture(bridge.url)


@pytest.fixture(params=[*WAYS, "raw"])
def publish(request, monkeypatch, node):
    """Publish pictures each way or, over DDS, uncompressed."""
    if request.param == "raw":
        image = message(halves("bgr8", 320, 240, (30, 30, 30), (90, 90, 90)))
        return partial(ImagePublisher, node, image)
    return partial(taking(request.param, monkeypatch).publisher, node, grey_jpeg())


async def test_a_picture_was_captured_when_its_stamp_says(publish):
    bridge = make_bridge()
    with running(bridge), publish() as publisher:
        async with watching(bridge.url, "vp8") as viewer:
            await viewer.next_frame()
            told = await picture(bridge.url)
    assert told["certain"]
    # One of the stamps, to the tick; the publisher goes on while it is asked.
    (stamp,) = (each for each in publisher.stamps if ticks(each) == told["rtp"])
    ahead = time.time() - time.monotonic()
    assert told["captured"] + ahead == pytest.approx(stamp / 1e9, abs=2 * MILLISECOND)


async def test_simulated_time_is_believed_where_it_is_to_be_used(node, publish):
    """Its clock began at 0 some time ago, and goes half as fast."""
    bridge = make_bridge(use_sim_time=True)
    with (
        running(bridge),
        publish() as publisher,
        SimulatedTime(node, rate=0.5) as simulated,
    ):
        publisher.now = simulated.now
        async with watching(bridge.url, "vp8") as viewer:
            await viewer.next_frame()
            await until_certain(bridge.url, True)
            _, body = await get_json(f"{bridge.url}clock")
            told = body["pictures"]["camera"]
            # What arrived lately was stamped lately, and not in 1970.
            assert told["captured"] <= body["time"]
            assert body["time"] - told["captured"] < 3600


async def test_without_a_clock_simulated_time_is_not_known(node):
    bridge = make_bridge(use_sim_time=True)
    with running(bridge), Publisher(node, grey_jpeg()):
        async with watching(bridge.url, "vp8") as viewer:
            await viewer.next_frame()
            assert not (await picture(bridge.url))["certain"]


def ticks(stamp: int) -> int:
    return stamp * CLOCK_RATE // 10**9 % 2**32


async def test_a_clock_that_is_not_ours_is_not_believed(node, way):
    bridge = way.bridge()
    with running(bridge), way.publisher(node, grey_jpeg()) as publisher:
        async with watching(bridge.url, "vp8") as viewer:
            await viewer.next_frame()
            for hours in (1, -1, 0, -24 * 365, 0):
                publisher.clock_error = hours * HOUR
                await until_certain(bridge.url, hours == 0)
                _, body = await get_json(f"{bridge.url}clock")
                assert body["pictures"]["camera"]["captured"] <= body["time"]
                age = body["time"] - body["pictures"]["camera"]["captured"]
                assert age < 3600, "it counts from the picture's arrival"


async def until_certain(url: str, certain: bool) -> None:
    """Wait until the newest picture's capture time is certain, or until it is not."""
    for _ in range(600):
        if (await picture(url))["certain"] is certain:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"it was never {'certain' if certain else 'uncertain'}")
