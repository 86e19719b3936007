"""Each step of setting up and taking down is broken, one at a time: nothing is left, and the bridge
goes on.

The steps are found by running our code: what it takes onto its exit stacks and gives back, and each
place where one of its tasks waits.
"""

import asyncio
from contextlib import suppress

import aiohttp
import pytest
from aiortc.mediastreams import MediaStreamError

from pi_webrtc_streamer import async_owning
from pi_webrtc_streamer.webrtc import viewer as viewer_module
from pi_webrtc_streamer.webrtc import viewers as viewers_module
from support.faults import Waits, step_broken, steps_recorded
from support.leaks import all_given_back, held
from support.nodes import Publisher, grey_jpeg, make_bridge, running
from support.waiting import until
from support.whep import WhepViewer, watching


async def watch_and_leave(url: str, broken=lambda: False) -> None:
    """Watch until a picture comes or something breaks, and say good-bye."""
    async with aiohttp.ClientSession() as session:
        viewer = WhepViewer(session, f"{url}whep/camera")
        try:
            response = await viewer.connect()
            if response.status != 201:
                return
            frame = asyncio.ensure_future(viewer.next_frame())
            await until(lambda: frame.done() or broken(), "a picture, or what is broken")
            frame.cancel()
            with suppress(asyncio.CancelledError, MediaStreamError):
                await frame
            await session.delete(viewer.resource)
        finally:
            await viewer.connection.close()


async def serves(url: str) -> None:
    async with watching(url) as viewer:
        await viewer.next_frame()
        await viewer.session.delete(viewer.resource)


@pytest.fixture
def bridge(node, monkeypatch):
    # So that the task that controls the rates soon sees that it has nothing to do.
    monkeypatch.setattr(viewers_module, "CONTROL_INTERVAL", 0.02)
    bridge = make_bridge()
    with running(bridge), Publisher(node, grey_jpeg(320, 240)):
        yield bridge


async def held_at_rest(bridge) -> dict[str, int]:
    """Count what the bridge holds when nobody watches."""
    for _ in range(2):
        await serves(bridge.url)
    await until(lambda: held(bridge)["tasks"] == 0, "the end of every task")
    return held(bridge)


@pytest.fixture
def impatient(monkeypatch):
    """What hangs is given up sooner."""
    monkeypatch.setattr(async_owning, "LONGEST_RELEASE", 0.3)
    monkeypatch.setattr(viewers_module, "LONGEST_RELEASE", 0.3)


@pytest.mark.slow
async def test_each_step_of_a_viewer(bridge):
    before = await held_at_rest(bridge)
    with steps_recorded() as steps:
        await serves(bridge.url)
        await all_given_back(before, bridge, "after a viewer")
    for step in steps:
        with step_broken(step) as broken:
            await watch_and_leave(bridge.url, lambda broken=broken: broken)
            await until(lambda broken=broken: broken, f"{step}")
        await all_given_back(before, bridge, f"after {step} was broken")
        await serves(bridge.url)
    print(len(steps), *steps, sep="\n")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["raise", "cancel", "hang"])
async def test_each_wait_of_a_viewer(bridge, impatient, monkeypatch, how):
    loop = bridge._loop.loop
    before = await held_at_rest(bridge)
    with Waits().watched(loop) as waits:
        await serves(bridge.url)
        await all_given_back(before, bridge, "after a viewer")
    print(len(waits.found), *waits.found, sep="\n")
    for wait in waits.found:
        with Waits(wait, how).watched(loop) as faulty, monkeypatch.context() as patience:
            if how == "hang":
                patience.setattr(viewers_module, "ANSWER_TIMEOUT", 0.5)
                patience.setattr(viewer_module, "CONNECT_TIMEOUT", 0.5)
            await watch_and_leave(bridge.url, lambda faulty=faulty: faulty.done)
            await until(lambda faulty=faulty: faulty.done, f"{wait}")
        await all_given_back(before, bridge, f"after it did {how} at {wait}")
        await serves(bridge.url)
