# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The camera node and the bridge as processes, and what the kernel says of a process."""

from __future__ import annotations

import itertools
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.domain import take_domain
from support.program import Program, free_port, node

TICKS = os.sysconf("SC_CLK_TCK")
TOPIC = "/camera/image_raw/compressed"
# No other machine's and, most likely, no other program's nodes are in this domain.
ENVIRONMENT = {
    "ROS_DOMAIN_ID": str(take_domain()),
    "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
    "RCUTILS_COLORIZED_OUTPUT": "0",
}
BITRATE = 2_500_000
UP_WITHIN = 30.0  # seconds


@dataclass(frozen=True)
class Shape:
    """What the camera delivers."""

    width: int = 1280
    height: int = 720
    framerate: float = 30

    def __str__(self) -> str:
        return f"{self.width}×{self.height}, {self.framerate:g} fps"


HD = Shape()
# At 30.0 fps the camera would keep its phase against the screen's 60 Hz for a whole round, and
# luck would add anything up to 16 ms. At this rate a round of 150 frames sees every phase once.
HD_ALL_PHASES = Shape(framerate=29.9)


@dataclass(frozen=True)
class Streamer:
    """A camera node and a bridge node that run."""

    url: str  # ends with /
    cameras: tuple[Program, ...]
    bridge: Program

    @property
    def camera(self) -> Program:
        """The first camera."""
        return self.cameras[0]

    def get(self, path: str) -> Any:
        """Return what the bridge answers, as JSON."""
        with urllib.request.urlopen(self.url + path, timeout=5) as response:
            return json.load(response)

    def viewers(self) -> int:
        """Return how many viewers the bridge has."""
        return int(self.get("cameras")["cameras"][0]["viewers"])


@dataclass(frozen=True)
class Camera:
    """A camera node: its name, and where it takes its pictures from."""

    name: str = "camera"
    source: str = "pattern:busy"
    number: str = "0"  # of a Raspberry Pi's cameras


@contextmanager
def streamer(shape: Shape = HD, host: str = "127.0.0.1", *parameters: str) -> Iterator[Streamer]:
    """Run both nodes with the busy test pattern, active, for the length of a context."""
    with robot([Camera()], shape, host, *parameters) as running:
        yield running


@contextmanager
def robot(
    cameras: Sequence[Camera], shape: Shape = HD, host: str = "127.0.0.1", *parameters: str
) -> Iterator[Streamer]:
    """Run camera nodes and the bridge node, active, for the length of a context."""
    port = free_port()
    bridge_parameters = (
        f"host:={host}",
        f"port:={port}",
        f"bitrate:={BITRATE}",
        "max_viewers_per_address:=1000",
        f"framerate:={float(shape.framerate)}",
        f"cameras:=[{', '.join(camera.name for camera in cameras)}]",
        *parameters,
    )
    with ExitStack() as stack:
        programs = [stack.enter_context(_camera_node(camera, shape)) for camera in cameras]
        bridge = stack.enter_context(_ending(node("bridge_node", *bridge_parameters)))
        running = Streamer(f"http://{host}:{port}/", tuple(programs), bridge)
        wait_for(lambda: _is_up(running), "the nodes are active", *programs, bridge)
        yield running


@contextmanager
def one_process(camera: Camera, shape: Shape = HD) -> Iterator[Streamer]:
    """Run a camera and the bridge in one process, for the length of a context."""
    port = free_port()
    options = {"source": camera.source, "width": shape.width, "height": shape.height}
    options |= {"framerate": shape.framerate, "port": port}
    parameters = (f"bitrate:={BITRATE}", f"framerate:={float(shape.framerate)}")
    with _ending(
        Program(
            "pi-webrtc-streamer",
            *(f"--{name}={value}" for name, value in options.items()),
            "--ros-args",
            *itertools.chain.from_iterable(("-p", f"bridge:{each}") for each in parameters),
        )
    ) as program:
        running = Streamer(f"http://127.0.0.1:{port}/", (program,), program)
        wait_for(lambda: _is_up(running), "the program is up", program)
        yield running


def _camera_node(camera: Camera, shape: Shape) -> AbstractContextManager[Program]:
    parameters = (
        f"source:={camera.source}",
        f"camera:='{camera.number}'",
        f"width:={shape.width}",
        f"height:={shape.height}",
        f"framerate:={float(shape.framerate)}",
    )
    return _ending(node("camera_node", *parameters, name=camera.name))


def _is_up(running: Streamer) -> bool:
    try:
        cameras = running.get("cameras")["cameras"]
    except OSError:
        return False
    # "idle": the camera is there, and nobody watches.
    return all(camera["state"] in ("idle", "live") for camera in cameras)


def wait_for(condition: Callable[[], bool], what: str, *programs: Program) -> None:
    """Wait until a condition holds.

    :raises RuntimeError: if it takes too long or a program ends; with the programs' output.
    """
    deadline = time.monotonic() + UP_WITHIN
    while not condition():
        ended = any(program.process.poll() is not None for program in programs)
        if ended or time.monotonic() > deadline:
            output = "\n".join(program.output for program in programs)
            raise RuntimeError(f"waited in vain: {what}\n{output}")
        time.sleep(0.05)


@contextmanager
def _ending(program: Program) -> Iterator[Program]:
    """End a program as Ctrl-C would, and keep it from staying."""
    with program:
        try:
            yield program
        finally:
            program.end()


@contextmanager
def server(*command: str, url: str) -> Iterator[Program]:
    """Run a rival's server until the end of the context, from when it answers at ``url``."""
    with Program(*command) as program, _ending(program):
        wait_for(lambda: _answers(url), f"{url} answers", program)
        yield program


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process, with all its threads, has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def descendants(pid: int) -> list[int]:
    """Return a process and all that it has started, directly or not."""
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            found += [int(child) for child in children.read_text().split()]
    return found


class CpuMeter:
    """Measures the CPU of processes since it was made, in percent of a core."""

    def __init__(self, *pids: int) -> None:
        self._pids = pids
        self._begun = time.monotonic(), self._used()

    def read(self) -> list[float]:
        """Return the use of each process so far."""
        begun, before = self._begun
        elapsed = time.monotonic() - begun
        return [
            100 * (now - then) / elapsed for now, then in zip(self._used(), before, strict=True)
        ]

    def _used(self) -> list[float]:
        return [cpu_seconds(pid) for pid in self._pids]


def memory(pid: int) -> dict[str, float]:
    """Return a process's memory in MB (10**6 bytes): resident, proportional, and its own."""
    found = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, kilobytes = line.split()[:2]
        found[name.rstrip(":")] = int(kilobytes) * 1024 / 1e6
    return {"rss": found["Rss"], "pss": found["Pss"], "anon": found["Anonymous"]}
