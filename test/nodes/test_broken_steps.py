# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Each step of setting up and taking down is broken, one at a time: nothing is left, and the bridge
goes on.

The steps are found by running our code: what it takes onto its exit stacks and gives back, and each
place where one of its tasks waits.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import aiohttp
import pytest

from pi_webrtc_streamer import bridge as bridge_module
from pi_webrtc_streamer.camera_node import CameraNode
from pi_webrtc_streamer.runtime import async_owning
from pi_webrtc_streamer.runtime import loop as loop_module
from pi_webrtc_streamer.webrtc import owners as owners_module
from pi_webrtc_streamer.webrtc import viewers as viewers_module
from support.broken_steps import (
    Condition,
    either,
    held_for_nobody,
    serves,
    watch_and_leave,
    watching_while,
)
from support.faults import Waits, step_broken, steps_recorded
from support.leaks import all_given_back, held
from support.nodes import Lifecycle, Publisher, every_part, grey_jpeg, make_bridge, running
from support.waiting import until


@pytest.fixture
def bridge(node, way, monkeypatch):
    # So that the task that controls the rates soon sees that it has nothing to do.
    monkeypatch.setattr(viewers_module, "CONTROL_INTERVAL", 0.02)
    bridge = way.bridge()
    # The capture thread of a camera node goes on when a step is broken in it.
    pictures = (
        Publisher(node, grey_jpeg(320, 240))
        if way.name == "dds"
        else running(CameraNode(overrides={"source": "pattern", "width": 320, "height": 240}))
    )
    with running(bridge), pictures:
        yield bridge


@pytest.fixture
def impatient(monkeypatch):
    """What hangs is given up sooner."""
    monkeypatch.setattr(async_owning, "LONGEST_RELEASE", 0.3)
    monkeypatch.setattr(owners_module, "LONGEST_RELEASE", 0.3)
    monkeypatch.setattr(bridge_module, "LONGEST_RELEASE", 0.3)
    monkeypatch.setattr(loop_module, "LONGEST_RELEASE", 0.3)
    monkeypatch.setattr(loop_module, "LONGEST_RUN", 1.0)


@pytest.mark.slow
async def test_each_step_of_a_viewer(bridge):
    before = await held_for_nobody(bridge)
    with steps_recorded() as steps:
        await serves(bridge.url)
        await all_given_back(before, bridge, "after a viewer")
    for step in steps:
        with step_broken(step) as broken:
            await watch_and_leave(bridge.url, lambda broken=broken: broken)
            await until(lambda broken=broken: broken, f"{step}")
        await all_given_back(before, bridge, f"after {step} was broken")
        await serves(bridge.url)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["dds"], indirect=True)
@pytest.mark.parametrize("how", ["raise", "cancel", "hang"])
async def test_each_wait_of_a_viewer(bridge, impatient, monkeypatch, how):
    loop = bridge._loop.loop
    before = await held_for_nobody(bridge)
    with Waits().watched(loop) as waits:
        await serves(bridge.url)
        await all_given_back(before, bridge, "after a viewer")
    viewers = bridge._bridge.viewers._viewers
    for wait in waits.found:
        if wait[0].startswith(CONNECTIONS):
            continue
        with Waits(wait, how).watched(loop) as faulty, monkeypatch.context() as patience:
            if how == "hang":
                patience.setattr(viewers_module, "ANSWER_TIMEOUT", 0.5)
                soon = replace(viewers._settings, connect_timeout=0.5)
                patience.setattr(viewers, "_settings", soon)
            await watch_and_leave(bridge.url, lambda faulty=faulty: faulty.done)
            await until(lambda faulty=faulty: faulty.done, f"{wait}")
        await all_given_back(before, bridge, f"after it did {how} at {wait}")
        await serves(bridge.url)


# Where the task of a TCP connection begins; it is broken below.
CONNECTIONS = "listener.py"
# Where the tasks of a viewer begin; these are broken above.
VIEWERS_OWN = ("owners.py", "peer.py", "viewer.py", "viewers.py", "sender.py")


class Cycle:
    """Takes a node from unconfigured to active and back; a bridge, with somebody who watches."""

    def __init__(self, client, node) -> None:
        self.node = node
        self._lifecycle = Lifecycle(client, node.get_name())

    async def change(self, transition: int) -> bool:
        return await self._lifecycle.change_soon(transition)

    async def run(self, broken: Condition = lambda: False) -> None:
        """Go as far as it goes, and back to where nothing is held."""
        if await self.up():
            async with aiohttp.ClientSession() as session:
                await either(self._look(session), broken)
                async with watching_while(session, self.node.url, broken):
                    await self.down()
        await self.down()

    async def up_and_down(self) -> bool:
        """Do so without anybody who watches; returns whether it became active."""
        active = await self.up()
        await self.down()
        return active

    async def up(self) -> bool:
        return await self.change(Lifecycle.CONFIGURE) and await self.change(Lifecycle.ACTIVATE)

    async def down(self) -> None:
        for _ in range(2):
            if self.node.state_label == "active":
                await self.change(Lifecycle.DEACTIVATE)
            if self.node.state_label == "inactive":
                await self.change(Lifecycle.CLEANUP)
        assert self.node.state_label == "unconfigured"

    async def _look(self, session: aiohttp.ClientSession) -> None:
        """See pictures by HTTP, of which more come until the session is closed."""
        response = await session.get(f"{self.node.url}cameras/camera/stream.mjpg")
        await response.content.readuntil(b"\xff\xd9")


@pytest.fixture
def cycle(node, monkeypatch):
    monkeypatch.setattr(viewers_module, "CONTROL_INTERVAL", 0.02)
    bridge = make_bridge(**every_part())
    with running(bridge, up=False), Publisher(node, grey_jpeg(320, 240)):
        yield Cycle(node, bridge)


@pytest.mark.slow
async def test_each_step_of_the_bridge(cycle):
    for _ in range(2):
        await cycle.run()
    before = held()
    with steps_recorded() as steps:
        await cycle.run()
        await all_given_back(before, None, "after a cycle")
    for step in [step for step in steps if "viewer" not in step[1]]:
        with step_broken(step) as broken:
            await cycle.run(lambda broken=broken: broken)
            assert broken, step
        await all_given_back(before, None, f"after {step} was broken")
    await cycle.run()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["raise", "cancel", "hang"])
async def test_each_wait_of_the_bridge(cycle, impatient, monkeypatch, how):
    for _ in range(2):
        await cycle.run()
    before = held()
    waits = Waits()
    with loops_watched(monkeypatch, waits):
        await cycle.run()
    for wait in waits.found:
        if wait[0].startswith(VIEWERS_OWN):
            continue
        faulty = Waits(wait, how)
        with loops_watched(monkeypatch, faulty):
            await cycle.run(lambda faulty=faulty: faulty.done)
            assert faulty.done, wait
        await all_given_back(before, None, f"after it did {how} at {wait}")
    await cycle.run()


@contextmanager
def loops_watched(monkeypatch, waits: Waits) -> Iterator[None]:
    """Watch the tasks of event loops that are made in this context."""

    class WatchedLoop(async_owning.ScopedLoop):
        def __init__(self) -> None:
            super().__init__()
            self.set_task_factory(waits.make_task)

    with monkeypatch.context() as patch:
        patch.setattr(loop_module, "ScopedLoop", WatchedLoop)
        yield


@pytest.mark.slow
async def test_each_step_of_the_camera(node):
    camera = CameraNode(overrides={"source": "pattern", "width": 320, "height": 240})
    with running(camera, up=False):
        cycle = Cycle(node, camera)
        await cycle.up_and_down()
        before = held()
        with steps_recorded() as steps:
            await cycle.up_and_down()
            await all_given_back(before, None, "after a cycle")
        assert {what for _, what in steps} >= {"the source", "the capture thread", "the log"}
        for step in steps:
            with step_broken(step) as broken:
                await cycle.up_and_down()
                assert broken, step
            await all_given_back(before, None, f"after {step} was broken")
        assert await cycle.up_and_down()
