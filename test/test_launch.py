# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""streamer.launch.py, launched for real: pictures, crashes, states, a clean end."""

import json
import os
import signal
import socket
import tempfile
import unittest
from contextlib import ExitStack
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

import pytest

NO_LAUNCH = "ROS 2's launch is not installed; it comes with a ROS 2 installation, not as wheels"
launch_testing = pytest.importorskip("launch_testing", reason=NO_LAUNCH)
pytest.importorskip("launch_ros", reason=NO_LAUNCH)

import rclpy  # noqa: E402
from ament_index_python.packages import get_package_share_directory  # noqa: E402
from launch import LaunchDescription  # noqa: E402
from launch.actions import IncludeLaunchDescription, SetEnvironmentVariable  # noqa: E402
from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402
from launch_testing.actions import ReadyToTest  # noqa: E402
from launch_testing.asserts import assertExitCodes  # noqa: E402
from lifecycle_msgs.srv import GetState  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402

from support.waiting import wait_for  # noqa: E402

PI_IP = "192.0.2.7"
CONFIG_TOML = """
[camera1]
width = 320
height = 240
webrtc_port = {}

[camera_2]
width = 640
target_width = 160
target_height = 120
webrtc-port = {}
"""
# The cameras, whether a config.toml has them, and whether all run in one process.
LAUNCHES = [
    (["camera"], False, False),
    (["front", "rear"], False, False),
    (["front", "rear"], False, True),
    (["camera1", "camera2"], True, False),
]

folder = tempfile.TemporaryDirectory()


@pytest.mark.launch_test
@pytest.mark.slow
@launch_testing.parametrize("cameras, toml, one_process", LAUNCHES)
def generate_test_description(cameras, toml, one_process):
    """Launch test patterns, as a user would from another launch file, on free ports."""
    port, *signalling = free_ports(3)
    path = Path(get_package_share_directory("pi_webrtc_streamer"), "launch", "streamer.launch.py")
    arguments = {"source": "pattern", "port": str(port)}
    if one_process:
        arguments["one_process"] = "true"
    if toml:
        file = Path(folder.name, "robot.conf")
        file.write_text(CONFIG_TOML.format(*signalling))
        arguments |= {"config_toml": str(file)}
    else:
        arguments |= {"cameras": ",".join(cameras), "width": "640", "height": "480"}
    streamer = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(path)), launch_arguments=arguments.items()
    )
    description = LaunchDescription(
        [SetEnvironmentVariable("PI_IP", PI_IP), streamer, ReadyToTest()]
    )
    return description, {"url": f"http://127.0.0.1:{port}", "signalling": signalling}


def free_ports(count):
    """Return different ports that nobody listens on."""
    with ExitStack() as stack:
        address = ("127.0.0.1", 0)
        free = [stack.enter_context(socket.create_server(address)) for _ in range(count)]
        return [each.getsockname()[1] for each in free]


class TestRunning(unittest.TestCase):
    """While the nodes run; the tests go by their names, and the crashes come last."""

    def test_1_every_camera_has_a_picture(self, url, cameras):
        wait_for(lambda: b'"status": "ok"' in get(f"{url}/health"), "the bridge is well")
        for camera in cameras:
            wait_for_picture(url, camera)

    def test_2_every_node_is_active(self, cameras):
        for node in (*cameras, "bridge"):
            wait_for(lambda node=node: state_of(node) == "active", f"{node} is active")

    def test_3_a_config_toml_takes_effect(self, url, toml, signalling):
        if not toml:
            self.skipTest("there is none")
        config = json.loads(get(f"{url}/api/config"))
        assert [config["camera1_port"], config["camera2_port"]] == signalling
        assert config["pi_ip"] == PI_IP, "the environment's"
        wait_for_picture(url, "camera1")
        wait_for_picture(url, "camera2")
        cameras = json.loads(get(f"{url}/api/cameras"))
        sizes = [(cameras[name]["width"], cameras[name]["height"]) for name in sorted(cameras)]
        assert sizes == [(320, 240), (160, 120)]
        for port in signalling:
            assert b"WebSocket" in get(f"http://127.0.0.1:{port}/")

    def test_4_what_was_killed_comes_back(self, url, cameras, one_process, proc_info):
        for node in ("streamer",) if one_process else (cameras[-1], "bridge"):
            killed = wait_for(lambda node=node: pid_of(node, proc_info), f"{node} runs")
            os.kill(killed, signal.SIGKILL)
            wait_for(
                lambda node=node, killed=killed: pid_of(node, proc_info) not in (None, killed),
                f"{node} is started again",
            )
            wait_for_picture(url, cameras[-1])
            node = "bridge" if one_process else node
            wait_for(lambda node=node: state_of(node) == "active", f"{node} is active again")


@launch_testing.post_shutdown_test()
class TestAfterwards(unittest.TestCase):
    """After launch has sent SIGINT."""

    def test_every_node_ended_well(self, cameras, one_process, proc_info):
        assert len(proc_info.processes()) == (1 if one_process else len(cameras) + 1)
        assertExitCodes(proc_info)

    def test_the_port_is_free(self, url):
        assert get(f"{url}/health") == b""


def get(url):
    """Return what is at an address, nothing if there is nothing (yet)."""
    try:
        with urlopen(url, timeout=10) as response:
            return response.read()
    except (OSError, HTTPException):
        return b""


def wait_for_picture(url, camera):
    """Wait until a camera's next picture is there, a whole JPEG."""
    picture = wait_for(
        lambda: get(f"{url}/cameras/{camera}/snapshot.jpg"), f"there is a picture of {camera}"
    )
    assert picture.startswith(b"\xff\xd8")
    assert picture.endswith(b"\xff\xd9")


def pid_of(node, proc_info):
    """Return the id of a node's process, None while there is none."""
    names = [name for name in proc_info.process_names() if name.startswith(f"{node}-")]
    event = proc_info[names[0]] if names else None
    return None if event is None or hasattr(event, "returncode") else event.pid


def state_of(node):
    """Return a node's lifecycle state, None if it does not answer."""
    context = rclpy.Context()
    rclpy.init(context=context)
    asking = rclpy.create_node("test_launch", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(asking)
    try:
        client = asking.create_client(GetState, f"/{node}/get_state")
        if not client.wait_for_service(5):
            return None
        answer = client.call_async(GetState.Request())
        executor.spin_until_future_complete(answer, 2)
        return answer.result().current_state.label if answer.done() else None
    finally:
        executor.shutdown()
        asking.destroy_node()
        rclpy.shutdown(context=context)
