# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Both nodes through their lifecycle, by their services, as often as it takes to see a leak."""

import asyncio
import itertools

import aiohttp
import pytest
from aiortc.mediastreams import MediaStreamError

from pi_webrtc_streamer.camera_node import CameraNode
from pi_webrtc_streamer.ros.process import spinning
from support.cameras import goes, reaches
from support.faults import step_broken
from support.leaks import all_given_back, held, held_at_rest
from support.nodes import Lifecycle, Publisher, grey_jpeg, make_bridge, running
from support.program import free_port
from support.waiting import until
from support.ways import Way
from support.whep import WhepViewer, watching

FULL_CIRCLE = (
    Lifecycle.CONFIGURE,
    Lifecycle.ACTIVATE,
    Lifecycle.DEACTIVATE,
    Lifecycle.CLEANUP,
)
TRANSITIONS_OF = {
    "unconfigured": {Lifecycle.CONFIGURE},
    "inactive": {Lifecycle.ACTIVATE, Lifecycle.CLEANUP},
    "active": {Lifecycle.DEACTIVATE},
}
WAY_TO = {"unconfigured": 0, "inactive": 1, "active": 2}  # transitions


def make_camera(**parameters) -> CameraNode:
    return CameraNode(overrides={"source": "pattern", "width": 320, "height": 240, **parameters})


MAKERS = {"bridge": make_bridge, "camera": make_camera}


@pytest.mark.parametrize("name", MAKERS)
def test_of_a_node_that_has_ended_nothing_is_left_in_the_ros_graph(node, name):
    before = in_graph(node)
    with running(MAKERS[name]()):
        assert name in node.get_node_names()
        assert f"rq/{name}/change_stateRequest" in in_graph(node)
    assert name not in node.get_node_names()
    assert in_graph(node) == before


def in_graph(node) -> set[str]:
    """Return all topics of DDS, those of services included.

    But for one service: rclpy 7 keeps that of any node, were it a bare one.
    """
    topics = {topic for topic, _ in node.get_topic_names_and_types(no_demangle=True)}
    return {topic for topic in topics if "get_type_description" not in topic}


@pytest.fixture
def remote_control(remote):
    """Change a node's state from another participant, as from another process."""
    with spinning([remote]):
        yield lambda name: Lifecycle(remote, name)


class Visitors:
    """Viewers who come one after the other, whatever the bridge's state."""

    def __init__(self, url: str) -> None:
        self.pictures = 0
        self._url = f"{url}whep/camera"
        self._leaving = False
        self._task = asyncio.ensure_future(self._come_and_go())

    async def leave(self) -> None:
        self._leaving = True
        await self._task

    async def _come_and_go(self) -> None:
        async with aiohttp.ClientSession() as session:
            while not self._leaving:
                viewer = WhepViewer(session, self._url)
                try:
                    await self._watch(viewer)
                except aiohttp.ClientError:  # the bridge is not configured
                    await asyncio.sleep(0.01)
                finally:
                    await viewer.connection.close()

    async def _watch(self, viewer: WhepViewer) -> None:
        response = await viewer.connect()
        if response.status != 201:
            await asyncio.sleep(0.01)
            return
        frame = asyncio.ensure_future(viewer.next_frame())
        # Who is not yet connected when the bridge is deactivated does not hear of it.
        await asyncio.wait([frame], timeout=2)
        frame.cancel()
        (picture,) = await asyncio.gather(frame, return_exceptions=True)
        if isinstance(picture, Exception) and not isinstance(picture, MediaStreamError):
            raise picture
        self.pictures += not isinstance(picture, BaseException)


UP, DOWN = FULL_CIRCLE[:2], FULL_CIRCLE[2:]


class Pair:
    """A camera and a bridge that go through their states, and somebody who looks on."""

    def __init__(self, url: str, way: Way, remote_control) -> None:
        self._url, self._way = url, way
        self._lifecycles = {name: remote_control(name) for name in MAKERS}

    async def go(self, name: str, *transitions: int) -> None:
        for transition in transitions:
            assert await self._lifecycles[name].change_soon(transition)

    async def watch(self, camera_goes: int = 0) -> None:
        """See pictures come their way; also after the camera has gone so many steps down and up."""
        async with watching(self._url, "h264") as viewer:
            await viewer.next_frame()
            await goes(self._url, self._way.name)
            if camera_goes:
                await self.go("camera", *DOWN[:camera_goes])
                await goes(self._url, "dds")
                await reaches(self._url, "stale")
                await self.go("camera", *UP[-camera_goes:])
                await reaches(self._url, "live")
                await goes(self._url, self._way.name)

    async def go_round(self, first: str, second: str, steps: int) -> dict[str, int]:
        """Come up in an order and go down in the same one, and each of them in between."""
        await self.go(first, *UP)
        await self.go(second, *UP)
        await self.watch(camera_goes=steps)
        await self.go("bridge", *DOWN[:steps], *UP[-steps:])
        await self.watch()
        await self.go(first, *DOWN)
        await self.go(second, *DOWN)
        return await held_at_rest()


async def test_both_nodes_come_and_go_in_any_order(node, remote_control, way):
    port = free_port()
    with running(make_camera(), way.bridge(port=port), up=False):
        pair = Pair(f"http://127.0.0.1:{port}/", way, remote_control)
        before = await pair.go_round("camera", "bridge", steps=1)
        await pair.go_round("bridge", "camera", steps=2)
        await all_given_back(before, None, "after both came and went")


@pytest.mark.slow
async def test_200_cycles_of_the_bridge_with_viewers_coming_and_going(node, remote_control):
    port = free_port()
    bridge = make_bridge(port=port)
    with running(bridge, up=False), Publisher(node, grey_jpeg(320, 240)):
        lifecycle = remote_control("bridge")

        async def cycles(count: int) -> dict[str, int]:
            """Run cycles, in every tenth of which somebody sees a picture; returns what is held."""
            visitors = Visitors(f"http://127.0.0.1:{port}/")
            for number in range(count):
                for transition in FULL_CIRCLE:
                    if transition == Lifecycle.DEACTIVATE and number % 10 == 0:
                        seen = visitors.pictures
                        await until(lambda seen=seen: visitors.pictures > seen, "a picture")
                    assert await lifecycle.change_soon(transition), number
            await visitors.leave()
            return await held_at_rest()

        before = await cycles(10)
        remembered = set(bridge.default_callback_group.entities)
        await cycles(190)
        await all_given_back(before, None, "after 200 cycles")
        assert set(bridge.default_callback_group.entities) == remembered


@pytest.mark.slow
async def test_200_cycles_of_the_camera(remote_control):
    camera = make_camera()
    with running(camera, up=False):
        lifecycle = remote_control("camera")

        async def cycles(count: int) -> dict[str, int]:
            for _ in range(count):
                for transition in FULL_CIRCLE:
                    assert await lifecycle.change_soon(transition)
            return await held_at_rest()

        before = await cycles(10)
        remembered = set(camera.default_callback_group.entities)
        await cycles(190)
        await all_given_back(before, None, "after 200 cycles")
        assert set(camera.default_callback_group.entities) == remembered


@pytest.mark.parametrize(("name", "state"), itertools.product(MAKERS, WAY_TO))
def test_transitions_in_a_wrong_order_are_refused(remote_control, name, state):
    node = MAKERS[name]()
    with running(node, up=False):
        lifecycle = remote_control(name)
        for transition in FULL_CIRCLE[: WAY_TO[state]]:
            assert lifecycle.change(transition)
        for transition in {*FULL_CIRCLE, 99} - TRANSITIONS_OF[state]:
            assert not lifecycle.change(transition)
            assert node.state_label == state


@pytest.mark.parametrize(("name", "state"), itertools.product(MAKERS, WAY_TO))
async def test_shutdown_works_from_every_state_and_leaves_nothing(remote_control, name, state):
    node = MAKERS[name]()
    with running(node, up=False):
        lifecycle = remote_control(name)
        before = held()
        for transition in FULL_CIRCLE[: WAY_TO[state]]:
            assert lifecycle.change(transition)
        assert lifecycle.change(Lifecycle.SHUTDOWN[state])
        assert node.state_label == "finalized"
        await all_given_back(before, None, f"after shutdown while {state}")
        for transition in FULL_CIRCLE:
            assert not lifecycle.change(transition)


@pytest.mark.parametrize(
    ("name", "step", "why", "state"),
    [
        ("bridge", ("taken", "the HTTP server"), "cannot configure", "unconfigured"),
        ("bridge", ("taken", "the viewers"), "cannot activate", "inactive"),
        ("camera", ("taken", "the source"), "cannot configure", "unconfigured"),
        ("camera", ("taken", "the capture thread"), "cannot activate", "inactive"),
    ],
)
async def test_a_transition_that_fails_says_why_and_leaves_nothing(
    remote_control, capfd, name, step, why, state
):
    node = MAKERS[name]()
    way = FULL_CIRCLE[: WAY_TO[state]]
    with running(node, up=False):
        lifecycle = remote_control(name)
        assert all(lifecycle.change(transition) for transition in way)
        before = held()
        with step_broken(step):
            assert not lifecycle.change(FULL_CIRCLE[len(way)])
        assert node.state_label == state
        await all_given_back(before, None, f"after {step} was broken")
        assert lifecycle.change(FULL_CIRCLE[len(way)]), "it works the next time"
    said = capfd.readouterr().err
    assert said.count(f"{why}: InjectedError(") == 1
    assert f"{step} is broken" in said
