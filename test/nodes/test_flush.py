# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""After a disconnect or a change of state, nobody is shown a picture from before it."""

import asyncio
import threading

import aiohttp
import pytest

from pi_webrtc_streamer.link.rate_control import LinkEstimate
from pi_webrtc_streamer.media.codec import Codec
from pi_webrtc_streamer.media.distributor import Mailbox
from support.cameras import camera_state
from support.leaks import held
from support.nodes import TOPIC, Lifecycle, Publisher, grey_jpeg, running
from support.waiting import GIVE_UP_AFTER, until
from support.whep import mean_luma, watching

BEFORE, AFTER = 60, 160  # luma


@pytest.fixture
def bridge(way):
    bridge = way.bridge()
    with running(bridge):
        yield bridge


async def see_a_picture(node, bridge, way) -> None:
    """Be the last one to watch, and leave."""
    with way.publisher(node, grey_jpeg(luma=BEFORE)):
        async with watching(bridge.url, "h264") as viewer:
            assert abs(mean_luma(await viewer.next_frame()) - BEFORE) < 8
            assert (await camera_state(bridge.url))["way"] == way.name
            await viewer.session.delete(viewer.resource)


async def reactivate(node) -> None:
    lifecycle = Lifecycle(node, "bridge")
    assert await lifecycle.change_soon(Lifecycle.DEACTIVATE)
    assert await lifecycle.change_soon(Lifecycle.ACTIVATE)


@pytest.mark.parametrize("change", ["the last viewer left", "deactivated and activated"])
async def test_who_comes_next_sees_what_is_captured_from_then_on(node, bridge, way, change):
    """They come while the camera is silent, when only an old picture could be shown."""
    await see_a_picture(node, bridge, way)
    if change != "the last viewer left":
        await reactivate(node)
    async with aiohttp.ClientSession() as session, watching(bridge.url, "h264") as viewer:
        part = asyncio.ensure_future(first_part(session, bridge.url))
        snapshot = asyncio.ensure_future(get_snapshot(session, bridge.url))
        await until(lambda: bridge._bridge.viewers.counts()["camera"] == 1, "the viewer")
        await until(lambda: node.count_subscribers(TOPIC) == 1, "the subscription")
        await until(lambda: viewer.connection.connectionState == "connected", "the connection")
        jpeg = grey_jpeg(luma=AFTER)
        with way.publisher(node, jpeg):
            assert abs(mean_luma(await viewer.next_frame()) - AFTER) < 8
            assert await part == jpeg
            assert await snapshot == jpeg


async def first_part(session: aiohttp.ClientSession, url: str) -> bytes:
    async with session.get(f"{url}cameras/camera/stream.mjpg") as response:
        part = await aiohttp.MultipartReader.from_response(response).next()
        return await part.read()


async def get_snapshot(session: aiohttp.ClientSession, url: str) -> bytes:
    while True:  # it is given up after three seconds without a picture
        async with session.get(f"{url}cameras/camera/snapshot.jpg") as response:
            if response.status == 200:
                return await response.read()


async def test_without_viewers_nothing_is_decoded_or_encoded(node, bridge, way):
    """Not even while somebody takes the JPEG pictures as they are."""
    before = held()
    await see_a_picture(node, bridge, way)
    async with aiohttp.ClientSession() as session:
        with way.publisher(node, grey_jpeg()):
            await first_part(session, bridge.url)
            assert await open_streams(session, bridge.url) == []
            for kind in ("encoders", "pictures"):
                await until(lambda kind=kind: held()[kind] <= before[kind], f"no {kind}")


async def open_streams(session: aiohttp.ClientSession, url: str) -> list:
    async with session.get(f"{url}stats") as response:
        return (await response.json())["streams"]["camera"]


async def test_a_unit_under_way_is_not_for_the_next_viewer(node, bridge, way):
    """The stream is closed and opened again while the event loop has a unit yet to send."""
    await see_a_picture(node, bridge, way)
    fanout = bridge._bridge.viewers._viewers._broadcasts["camera", Codec.H264]._fanouts[0]
    first, second = Receiver(), Receiver()

    async def change_viewers() -> None:
        fanout.add(first)
        with way.publisher(node, grey_jpeg(luma=BEFORE)):
            outlet = fanout._outlet
            while outlet.ready:  # and nothing is sent meanwhile: the loop is kept
                pass
        fanout.remove(first)
        fanout.add(second)

    await asyncio.to_thread(bridge._loop.run, change_viewers())
    with way.publisher(node, grey_jpeg(luma=AFTER)) as publisher:
        await until(lambda: second.units, "a unit")
        started = publisher.stamps[0]
    bridge._loop.loop.call_soon_threadsafe(fanout.remove, second)
    assert first.units == []
    assert second.units[0].keyframe
    assert second.units[0].times.captured >= started
    await until(lambda: fanout._stream is None, "the end of the stream")


@pytest.mark.parametrize("way", ["dds"], indirect=True)
async def test_a_message_that_waits_in_dds_is_not_for_the_next_audience(node, bridge):
    """One audience goes and another one comes while the executor is busy with something else."""
    distributor = bridge._bridge.feeds["camera"].distributor
    first, second = Mailbox(), Mailbox()
    busy, go_on = threading.Event(), threading.Event()

    def keep_busy() -> None:
        busy.set()
        assert go_on.wait(GIVE_UP_AFTER)

    with Publisher(node, grey_jpeg(luma=BEFORE)) as publisher:
        distributor.attach(first)
        await until(first.take, "a picture")
        bridge.executor.create_task(keep_busy)
        await until(busy.is_set, "a busy executor")
        sent = publisher.sent
        await until(lambda: publisher.sent > sent + 1, "one that is received meanwhile")
    distributor.detach(first)
    distributor.attach(second)
    jpeg = grey_jpeg(luma=AFTER)
    go_on.set()
    with Publisher(node, jpeg):
        assert (await until(second.take, "a picture of after")).data == jpeg
    distributor.detach(second)


class Receiver:
    """Takes what a viewer's sender is to send."""

    def __init__(self) -> None:
        self.units = []
        self.link = LinkEstimate(10_000_000)

    def send(self, unit, now: float) -> None:
        self.units.append(unit)
