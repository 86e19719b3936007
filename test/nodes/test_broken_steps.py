"""Each step of setting up and taking down is broken, one at a time: nothing is left, and the bridge
goes on.

The steps are found by running our code: what it takes onto its exit stacks and gives back, and each
place where one of its tasks waits.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

import aiohttp
import pytest

from pi_webrtc_streamer import bridge as bridge_module
from pi_webrtc_streamer.camera_node import CameraNode
from pi_webrtc_streamer.runtime import async_owning
from pi_webrtc_streamer.runtime import loop as loop_module
from pi_webrtc_streamer.webrtc import viewers as viewers_module
from support.faults import Waits, step_broken, steps_recorded
from support.leaks import all_given_back, held, held_at_rest
from support.nodes import Lifecycle, Publisher, grey_jpeg, make_bridge, running
from support.predecessor import Client, connected
from support.program import free_port
from support.waiting import until
from support.whep import WhepViewer, watching

Condition = Callable[[], object]


async def watch_and_leave(url: str, broken: Condition) -> None:
    """Watch until a picture comes or something breaks, and say good-bye."""
    async with (
        aiohttp.ClientSession() as session,
        watching_while(session, url, broken) as viewer,
    ):
        if viewer.resource:
            await session.delete(viewer.resource)


@asynccontextmanager
async def watching_while(session, url: str, broken: Condition) -> AsyncIterator[WhepViewer]:
    """Watch, from a picture or something that breaks to the end of the context.

    The viewer itself is not interrupted: aioice would leave a socket open.
    """
    viewer = WhepViewer(session, f"{url}whep/camera")
    try:
        response = await viewer.connect()
        if response.status == 201:
            await either(viewer.next_frame(), broken)
        else:
            assert broken(), viewer.answer
        yield viewer
    finally:
        await viewer.connection.close()


async def either(coroutine, broken: Condition) -> None:
    """Wait for something, or until something is broken; that may well be why it fails."""
    task = asyncio.ensure_future(coroutine)
    await until(lambda: task.done() or broken(), "what is waited for, or what is broken")
    task.cancel()
    (trouble,) = await asyncio.gather(task, return_exceptions=True)
    assert not isinstance(trouble, BaseException) or broken(), repr(trouble)


async def serves(url: str) -> None:
    async with watching(url) as viewer:
        await viewer.next_frame()
        await viewer.session.delete(viewer.resource)


@pytest.fixture
def bridge(node, monkeypatch):
    # So that the task that controls the rates soon sees that it has nothing to do.
    monkeypatch.setattr(viewers_module, "CONTROL_INTERVAL", 0.02)
    bridge = make_bridge(camera__signalling_port=free_port())
    with running(bridge), Publisher(node, grey_jpeg(320, 240)):
        yield bridge


async def held_for_nobody(bridge) -> dict[str, int]:
    """Count what the bridge holds when nobody watches any more."""
    for _ in range(2):
        await serves(bridge.url)
    await until(lambda: not (held(bridge)["tasks"] or held(bridge)["peers"]), "the end of all")
    return await held_at_rest(bridge)  # threads and encoders end after the tasks


@pytest.fixture
def impatient(monkeypatch):
    """What hangs is given up sooner."""
    monkeypatch.setattr(async_owning, "LONGEST_RELEASE", 0.3)
    monkeypatch.setattr(viewers_module, "LONGEST_RELEASE", 0.3)
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
async def test_each_step_of_a_socket(bridge):
    """As above, for a viewer that came by the predecessor's signalling."""
    before = await held_for_nobody(bridge)
    with steps_recorded() as steps:
        await call_and_leave(bridge, lambda: False)
        await all_given_back(before, bridge, "after a client")
    assert ("taken", "a socket's viewer") in steps
    for step in [step for step in steps if "socket" in step[1] or "signalling" in step[1]]:
        with step_broken(step) as broken:
            await call_and_leave(bridge, lambda broken=broken: broken)
            await until(lambda broken=broken: broken, f"{step}")
        await all_given_back(before, bridge, f"after {step} was broken")
    await call_and_leave(bridge, lambda: False)


async def call_and_leave(bridge, broken: Condition) -> None:
    """Watch by the predecessor's signalling until a picture comes or something breaks."""

    async def see(client: Client) -> None:
        await client.watch()
        await client.next_frame()

    port = bridge._predecessor.state.ports["camera"]
    async with connected("go", port) as client:
        await either(see(client), broken)


@pytest.mark.slow
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
VIEWERS_OWN = ("viewer.py", "viewers.py", "sender.py")


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
    bridge = make_bridge(legacy=True, camera__signalling_port=free_port())
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
