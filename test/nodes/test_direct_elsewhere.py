# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How far the direct way leads. Of a camera node that it does not lead to, pictures come over DDS,
and directly again once there is one that it leads to. All of them are processes.
"""

import asyncio
import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from pi_webrtc_streamer.direct.inlet import LOOK_AGAIN_AFTER
from pi_webrtc_streamer.direct.messages import VERSION
from support.cameras import camera_state, goes, reaches
from support.network import NoNetwork, link
from support.ordinary_user import ordinary_user
from support.program import Program, free_port
from support.waiting import until
from support.whep import drain, watching

# Between users, and between network namespaces, Fast DDS cannot use its own shared memory.
BY_UDP = {
    "ROS_DOMAIN_ID": os.environ["ROS_DOMAIN_ID"],
    "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET",
    "FASTDDS_BUILTIN_TRANSPORTS": "UDPv4",
}
# Pictures, at the pattern's rate, that come while the bridge looks for the direct way again.
ENOUGH = round(1.5 * 30 * LOOK_AGAIN_AFTER)
MakeCamera = Callable[[], Program]
CAMERA = ("source:=pattern", "width:=320", "height:=240", "autostart:=true")


def given(*parameters: str) -> list[str]:
    return ["--ros-args", *(argument for each in parameters for argument in ("-p", each))]


def camera_node(**options) -> Program:
    return Program("camera_node", *given(*CAMERA), environment=BY_UDP, **options)


OTHER_VERSION = f"""
from pi_webrtc_streamer.direct import messages
messages.VERSION = {VERSION + 1}
messages.pack_hello.__defaults__ = ({VERSION + 1},)
from pi_webrtc_streamer.programs import camera_node
camera_node()
"""


@contextmanager
def of_another_version() -> Iterator[MakeCamera]:
    arguments = ("-c", OTHER_VERSION, *given(*CAMERA))
    yield lambda: Program("python", *arguments, environment=BY_UDP)


@contextmanager
def of_another_user() -> Iterator[MakeCamera]:
    with ordinary_user() as user:
        yield lambda: camera_node(user=user)


@contextmanager
def in_another_network_namespace() -> Iterator[MakeCamera]:
    """As in a container that has a network of its own."""
    try:
        with link() as network:
            within = ("ip", "netns", "exec", network.namespace)
            yield lambda: camera_node(within=within)
    except NoNetwork as error:
        pytest.skip(str(error))


@pytest.fixture(params=[in_another_network_namespace, of_another_user, of_another_version])
def elsewhere(request: pytest.FixtureRequest) -> Iterator[MakeCamera]:
    """Each place where a camera node is out of reach of the direct way; makes one there."""
    with request.param() as make:
        yield make


@pytest.fixture
def bridge() -> Iterator[Program]:
    parameters = given(f"port:={free_port()}", "autostart:=true")
    with Program("bridge_node", *parameters, environment=BY_UDP) as bridge:
        yield bridge


async def test_it_is_left_and_found_again(elsewhere, bridge):
    url = page(bridge)
    async with watching(url) as viewer:
        with camera_node():
            await goes(url, "shared memory")
            await viewer.next_frame()
        with elsewhere() as camera:
            await asyncio.to_thread(camera.wait_for_output, "publishing")
            await reaches(url, "live")
            await drain(viewer)
            for _ in range(ENOUGH):
                await viewer.next_frame()
            assert (await camera_state(url))["way"] == "dds"
        with camera_node():
            await goes(url, "shared memory")
            await viewer.next_frame()
    why = f"no direct pictures: the camera node speaks version {VERSION + 1}, the bridge {VERSION}"
    assert (why in bridge.output) == (OTHER_VERSION in camera.process.args)
    assert "Traceback" not in bridge.output


async def test_containers_of_one_network_share_memory(bridge):
    """They have nothing else in common: neither files, /dev/shm, IPC nor the machine's name."""
    with camera_node(within=container()):
        async with watching(page(bridge)) as viewer:
            await viewer.next_frame()
            await goes(page(bridge), "shared memory")
            await viewer.next_frame()


def container() -> list[str]:
    """Return what a command begins with that sees no more of the machine than its network."""
    if os.geteuid():
        pytest.skip("namespaces take root")
    private = 'mount -t tmpfs tmpfs /dev/shm && exec "$@"'
    return ["unshare", "--mount", "--ipc", "--uts", "sh", "-c", private, "sh"]


async def test_one_that_hangs_is_left_and_found_again(bridge):
    """The kernel lets a bridge in, and nobody answers it."""
    url = page(bridge)
    with camera_node() as camera:
        camera.wait_for_output("publishing")
        camera.process.send_signal(signal.SIGSTOP)
        try:
            async with watching(url) as viewer:
                await until(lambda: "does not answer" in bridge.output, "what is wrong")
                assert (await camera_state(url))["way"] == "dds"
                camera.process.send_signal(signal.SIGCONT)
                await goes(url, "shared memory")
                await viewer.next_frame()
        finally:
            camera.process.send_signal(signal.SIGCONT)


def page(bridge: Program) -> str:
    """Return the address of a bridge's page, once it is active."""
    return re.findall(r"page: (\S+)", bridge.wait_for_output("active"))[0]
