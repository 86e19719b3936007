# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The robot under test: two cameras and the bridge, in processes of their own or in one."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rclpy.node import Node

from bench.processes import Streamer, wait_for
from pi_webrtc_streamer.ros.process import ros_context, spinning
from pi_webrtc_streamer.settings.config import dump_parameters
from support.nodes import Lifecycle
from support.program import Program, free_port, node

STEADY, CHANGING = "front", "rear"
SIZES = ((640, 360), (320, 240), (480, 270), (400, 300))
FRAMERATE = 15.0
MOST_VIEWERS = 50  # all come from this address
# How pictures come to the bridge, as /cameras calls it, and its parameter.
DDS, SHARED_MEMORY, IN_PROCESS = "dds", "shared memory", "in process"
WAYS = {DDS: "off", SHARED_MEMORY: "auto", IN_PROCESS: "auto"}
COMPLAINT = re.compile(r"\[(ERROR|FATAL)\]|^Traceback", re.MULTILINE)


class Robot:
    """Runs for the length of a context (:func:`robot`).

    The front camera's node runs all the time; the rear one's is restarted with other sizes, and
    killed. Cameras in the bridge's process are not among ``cameras``.
    """

    def __init__(self, url: str, bridge: Program, lifecycle: Lifecycle) -> None:
        self.url = url
        self.bridge = bridge
        self.cameras: dict[str, Program] = {}
        self.complaints: list[str] = []
        self._streamer = Streamer(url, (), bridge)
        self._lifecycle = lifecycle

    def start_camera(self, name: str, size: tuple[int, int] = SIZES[0]) -> None:
        """Start a camera's node; returns when it publishes."""
        width, height = size
        camera = node(
            "camera_node",
            "source:=pattern",
            f"width:={width}",
            f"height:={height}",
            f"framerate:={FRAMERATE}",
            name=name,
        )
        self.cameras[name] = camera
        wait_for(lambda: "publishing" in camera.output, f"camera {name} publishes", camera)

    def end_camera(self, name: str, number: int = signal.SIGINT) -> None:
        """End a camera's node with a signal."""
        camera = self.cameras.pop(name)
        with camera:
            camera.end(number)
            self._read_log(camera)

    def restart_bridge(self) -> None:
        """Deactivate and activate the bridge, as ``ros2 lifecycle`` does.

        :raises RuntimeError: if it refuses.
        """
        for transition in (Lifecycle.DEACTIVATE, Lifecycle.ACTIVATE):
            if not self._lifecycle.change(transition):
                raise RuntimeError(f"the bridge refused transition {transition}")

    def stats(self) -> dict:
        """Return what the bridge says of itself.

        :raises RuntimeError: if it has ended.
        """
        status = self.bridge.process.poll()
        if status is not None:
            raise RuntimeError(f"the bridge has ended with {status}:\n{self.bridge.output[-4000:]}")
        return dict(self._streamer.get("stats"))

    def close(self) -> None:
        """End all processes."""
        for name in tuple(self.cameras):
            self.end_camera(name)
        self.bridge.end()
        self._read_log(self.bridge)

    def _read_log(self, program: Program) -> None:
        lines = program.output.splitlines()
        self.complaints += [line for line in lines if COMPLAINT.search(line)]


@contextmanager
def robot(way: str = SHARED_MEMORY) -> Iterator[Robot]:
    """Run the robot; ``way`` is how its pictures come, one of :data:`WAYS`."""
    port = free_port()
    with ExitStack() as stack:
        stack.enter_context(ros_context([]))
        client = Node("soak")
        stack.callback(client.destroy_node)
        stack.enter_context(spinning([client]))
        make = _one_process if way == IN_PROCESS else _bridge
        bridge = stack.enter_context(make(port, WAYS[way]))
        wait_for(lambda: "active" in bridge.output, "the bridge is active", bridge)
        running = Robot(f"http://127.0.0.1:{port}/", bridge, Lifecycle(client, "bridge"))
        stack.callback(running.close)
        for name in () if way == IN_PROCESS else (STEADY, CHANGING):
            running.start_camera(name)
        yield running


def _bridge(port: int, direct: str) -> Program:
    return node(
        "bridge_node",
        f"port:={port}",
        f"cameras:=[{STEADY}, {CHANGING}]",
        f"framerate:={FRAMERATE}",
        f"max_viewers_per_address:={MOST_VIEWERS}",
        f"direct:={direct}",
    )


@contextmanager
def _one_process(port: int, direct: str) -> Iterator[Program]:
    width, height = SIZES[0]
    camera = {"source": "pattern", "width": width, "height": height, "framerate": FRAMERATE}
    bridge = {
        "port": port,
        "cameras": [STEADY, CHANGING],
        "framerate": FRAMERATE,
        "max_viewers_per_address": MOST_VIEWERS,
        "direct": direct,
    }
    nodes = {STEADY: camera, CHANGING: dict(camera), "bridge": bridge}
    content = {name: {"ros__parameters": parameters} for name, parameters in nodes.items()}
    with TemporaryDirectory() as folder:
        file = Path(folder, "robot.yaml")
        file.write_text(dump_parameters(content))
        with Program("pi-webrtc-streamer", "--config", str(file)) as program:
            yield program


def kernel_figures(pid: int) -> dict[str, int]:
    """Return what the kernel says of a process: memory in bytes, threads, open files."""
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return {
        "memory": 1024 * int(status["VmRSS"].split()[0]),
        "anonymous": 1024 * int(status["RssAnon"].split()[0]),
        "threads": int(status["Threads"]),
        "descriptors": len(list(Path(f"/proc/{pid}/fd").iterdir())),
    }
