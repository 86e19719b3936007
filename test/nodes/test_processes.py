# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The nodes as processes that are told to end, or killed, at any time."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from pi_webrtc_streamer.ros.process import spinning
from support.cameras import camera_state, goes, reaches
from support.nodes import Lifecycle
from support.program import Program, free_port, node
from support.waiting import GIVE_UP_AFTER, until
from support.whep import watching

FULL_CIRCLE = (Lifecycle.CONFIGURE, Lifecycle.ACTIVATE, Lifecycle.DEACTIVATE, Lifecycle.CLEANUP)
CAMERA = ("source:=pattern", "width:=320", "height:=240")


class Hurry:
    """Sends a node one transition after the other.

    A request is lost where DDS still counts on a node of this name that was killed before, so none
    is waited for for ever.
    """

    def __init__(self, remote, name: str) -> None:
        self._lifecycle = Lifecycle(remote, name)
        self._stop = threading.Event()
        self.begun = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            for transition in FULL_CIRCLE:
                future = self._lifecycle.request(transition)
                for _ in range(500):
                    if future.done() or self._stop.wait(0.002):
                        break
                if future.done() and transition == Lifecycle.CLEANUP:
                    self.begun.set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("module", ["camera_node", "bridge_node"])
def test_a_signal_while_transitions_run(remote, module, number):
    parameters = [f"port:={free_port()}"] if module == "bridge_node" else CAMERA
    arguments = [argument for each in parameters for argument in ("-p", each)]
    with Program(module, "--ros-args", *arguments) as program, spinning([remote]):
        program.wait_for_output("waiting to be configured")
        with Hurry(remote, module.removesuffix("_node")) as hurry:
            assert hurry.begun.wait(GIVE_UP_AFTER)
            assert program.end(number) == 0, program.output
        assert "Traceback" not in program.output


@pytest.mark.parametrize("module", ["camera_node", "bridge_node"])
def test_further_signals_do_not_make_a_clean_end_look_like_a_crash(module):
    """A terminal and ros2 launch both send Ctrl-C's."""
    parameters = [f"port:={free_port()}"] if module == "bridge_node" else CAMERA
    with node(module, *parameters) as program:
        program.wait_for_output("active")
        while program.process.poll() is None:
            program.process.send_signal(signal.SIGINT)
            time.sleep(0.005)
        assert program.process.returncode == 0, program.output
        assert "Traceback" not in program.output


HANGING = """
import threading
from pi_webrtc_streamer.ros.lean import import_ros
from pi_webrtc_streamer.runtime.signals import stopping_on_signals
import_ros()
from pi_webrtc_streamer.ros.lifecycle import OwningNode
from pi_webrtc_streamer.ros.process import run_node

class Hanging(OwningNode):
    def __init__(self):
        super().__init__("hanging", {"autostart": True, "shutdown_timeout": 1.5})

    def activate(self, owned):
        owned.at_end("what hangs", self.hang_for_ever)

    def hang_for_ever(self):
        threading.Event().wait()

with stopping_on_signals() as stop:
    run_node(Hanging, stop)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_program_that_hangs_ends_all_the_same_and_says_where(number):
    with subprocess.Popen(
        [sys.executable, "-c", HANGING], stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            while "active" not in process.stderr.readline():
                assert process.poll() is None
            process.send_signal(number)
            assert process.wait(GIVE_UP_AFTER) == 1
            said = process.stderr.read()
            assert "in hang_for_ever" in said
            assert "Timeout (0:00:01.5" in said, "shutdown_timeout"
        finally:
            process.kill()


def shares_pictures(program: Program) -> bool:
    """Whether a process has memory for pictures, open or mapped."""
    process = Path("/proc", str(program.process.pid))
    held = [(process / "maps").read_text()]
    for descriptor in (process / "fd").iterdir():
        with suppress(FileNotFoundError):  # it has just been closed
            held.append(os.readlink(descriptor))
    return any("memfd:pi_webrtc_streamer.pictures" in each for each in held)


def offers_in_this_domain() -> list[str]:
    """Return the kernel's lines of sockets by which pictures are offered."""
    name = f"@pi_webrtc_streamer.direct.{os.environ['ROS_DOMAIN_ID']}."
    return [line for line in Path("/proc/net/unix").read_text().splitlines() if name in line]


@pytest.mark.parametrize(("direct", "way"), [("off", "dds"), ("auto", "shared memory")])
async def test_topics_may_be_remapped_on_both_sides(direct, way):
    port = free_port()
    camera = Program(
        "camera_node",
        *ros_arguments("autostart:=true", *CAMERA),
        *("-r", "~/image_raw/compressed:=/eyes/left"),
    )
    bridge = Program(
        "bridge_node",
        *ros_arguments("autostart:=true", f"port:={port}", f"direct:={direct}"),
        *("-p", "camera.topic:=/looked_at", "-r", "/looked_at:=/eyes/left"),
    )
    url = f"http://127.0.0.1:{port}/"
    with camera, bridge:
        bridge.wait_for_output("active")
        camera.wait_for_output("publishing /eyes/left")
        async with watching(url) as viewer:
            shown = await reaches(url, "live")
            assert shown["topic"] == "/eyes/left"
            await goes(url, way)
            await viewer.next_frame()


def ros_arguments(*parameters: str) -> list[str]:
    return ["--ros-args", *(argument for each in parameters for argument in ("-p", each))]


@pytest.mark.parametrize(("direct", "way"), [("off", "dds"), ("auto", "shared memory")])
async def test_either_node_is_killed_and_started_again(direct, way):
    """The other one goes on and recovers. Of the killed one nothing is left, so nothing hinders the
    next start.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    settings = f"port:={port}", f"direct:={direct}"
    with node("bridge_node", *settings) as bridge:
        bridge.wait_for_output("active")
        with node("camera_node", *CAMERA) as camera:
            camera.wait_for_output("publishing")
            async with watching(url) as viewer:
                await viewer.next_frame()
                assert (await camera_state(url))["way"] == way
                assert shares_pictures(camera) == shares_pictures(bridge) == (way != "dds")
                assert camera.end(signal.SIGKILL) == -signal.SIGKILL
                await reaches(url, "stale")
                assert not shares_pictures(bridge)
                assert not offers_in_this_domain()
                with node("camera_node", *CAMERA) as camera_again:
                    await reaches(url, "live")
                    await viewer.next_frame()
                    await goes(url, way)
                    assert bridge.end(signal.SIGKILL) == -signal.SIGKILL
                    await until(lambda: not shares_pictures(camera_again), "memory given back")
                    assert offers_in_this_domain()
                    with node("bridge_node", *settings) as bridge_again:
                        bridge_again.wait_for_output("active")
                        async with watching(url) as next_viewer:
                            await next_viewer.next_frame()
                            assert (await camera_state(url))["way"] == way
                        assert bridge_again.end() == 0
                    assert camera_again.end() == 0
    assert not offers_in_this_domain()
