# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the nodes' processes do not load; docs/memory.md says what it would take."""

import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from support.program import Program, free_port, node
from support.waiting import wait_for


def loaded(program: Program) -> set[str]:
    """Return the Python packages and libraries of which a process has a shared object."""
    places = {
        Path(line.split(maxsplit=5)[5])
        for line in Path(f"/proc/{program.process.pid}/maps").read_text().splitlines()
        if ".so" in line
    }
    return {part.partition(".")[0] for place in places for part in place.parts}


@pytest.fixture
def bridge():
    port = free_port()
    with node("bridge_node", f"port:={port}") as program:
        program.wait_for_output("active")
        yield program, f"http://127.0.0.1:{port}/"


@pytest.fixture
def driven_bridge():
    with node("bridge_node", f"port:={free_port()}", "teleop.enabled:=true") as program:
        program.wait_for_output("active")
        yield program


NEVER_NEEDED = {"numpy", "cv2", "simplejpeg", "yaml", "PIL"}
FOR_VIEWERS = {"av", "cryptography", "pylibsrtp"}
FOR_DRIVING = {"geometry_msgs", "std_srvs"}
FOR_DIAGNOSTICS = {"diagnostic_msgs"}


def test_a_bridge_that_nobody_watches(bridge):
    program, _ = bridge
    packages = loaded(program)
    assert {"rclpy", "aiohttp", *FOR_DIAGNOSTICS} <= packages  # they can be seen
    assert not (NEVER_NEEDED | FOR_VIEWERS | FOR_DRIVING) & packages


def test_a_bridge_without_diagnostics():
    parameters = [f"port:={free_port()}", "diagnostic_period:=0.0"]
    with node("bridge_node", *parameters) as program:
        program.wait_for_output("active")
        assert not FOR_DIAGNOSTICS & loaded(program)


def test_a_bridge_that_can_be_driven_and_that_nobody_drives(driven_bridge):
    packages = loaded(driven_bridge)
    assert packages >= FOR_DRIVING
    assert not (NEVER_NEEDED | FOR_VIEWERS) & packages


def test_a_bridge_prepares_for_viewers_when_its_page_is_opened(bridge):
    program, url = bridge
    urllib.request.urlopen(f"{url}cameras").close()
    assert not FOR_VIEWERS & loaded(program)
    urllib.request.urlopen(url).close()
    wait_for(lambda: loaded(program) >= FOR_VIEWERS, "what viewers need to be loaded")
    assert not NEVER_NEEDED & loaded(program)


def test_a_camera_does_without_yaml():
    with node("camera_node", "source:=pattern") as camera:
        camera.wait_for_output("active")
        assert {"yaml", "cv2"}.isdisjoint(loaded(camera))


AFTER_IMPORT = """
import sys
from pi_webrtc_streamer.ros.lean import import_ros
import_ros()
assert {"numpy", "yaml", "lark"}.isdisjoint(sys.modules)
"""


@pytest.mark.parametrize(
    "use",
    [
        "from service_msgs.msg import ServiceEventInfo; ServiceEventInfo(); import numpy",
        "from rclpy.parameter import get_parameter_value as value\n"
        "assert value('[1, 2]').integer_array_value.tolist() == [1, 2]; import yaml",
        "import numpy; assert numpy.zeros(3).sum() == 0",
        "import yaml; assert yaml.safe_load('[1]') == [1]",
        "from rosidl_generator_py.generate_py_impl import generate_py; import lark",
    ],
)
def test_what_was_left_out_is_there_when_it_is_used(use):
    subprocess.run([sys.executable, "-c", AFTER_IMPORT + use], check=True, timeout=60)


METRICS = """
import asyncio, sys
from pi_webrtc_streamer.ros.lean import import_ros
import_ros()
import aiohttp, pi_webrtc_streamer.bridge_node
from support.serving import serving

async def ask():
    async with serving() as (url, _), aiohttp.ClientSession() as session:
        for path, loads in ("", False), ("stats", False), ("health", False), ("metrics", True):
            async with session.get(url + path) as response:
                await response.read()
            assert ("prometheus_client" in sys.modules) is loads, path

asyncio.run(ask())
"""


def test_what_writes_metrics_is_loaded_when_somebody_asks_for_them():
    tests = Path(__file__).parents[1]
    subprocess.run([sys.executable, "-c", METRICS], check=True, timeout=60, cwd=tests)
