# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The launch files in another one: two robots, with parameters and remappings for whole groups."""

import json
import tempfile
import unittest
from pathlib import Path
from urllib.request import urlopen

import pytest

NO_LAUNCH = "ROS 2's launch is not installed; it comes with a ROS 2 installation, not as wheels"
launch_testing = pytest.importorskip("launch_testing", reason=NO_LAUNCH)
pytest.importorskip("launch_ros", reason=NO_LAUNCH)

from ament_index_python.packages import get_package_share_directory  # noqa: E402
from launch import LaunchDescription  # noqa: E402
from launch.actions import (  # noqa: E402
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402
from launch_ros.actions import PushRosNamespace, SetParameter, SetRemap  # noqa: E402
from launch_testing.actions import ReadyToTest  # noqa: E402
from launch_testing.asserts import assertExitCodes  # noqa: E402

from support.program import free_port  # noqa: E402
from support.waiting import wait_for  # noqa: E402

ROBOTS = ("r1", "r2")
CONFIG = """
/**:
  ros__parameters: {robot_name: Marvin, use_sim_time: false}
nav2_controller:
  ros__parameters: {FollowPath: {max_vel_x: 0.26}}
/r1/**/front:
  ros__parameters: {width: 160, height: 120}
r2:
  front:
    ros__parameters: {width: 320, height: 240}
"""

folder = tempfile.TemporaryDirectory()


def included(name, **arguments):
    path = Path(get_package_share_directory("pi_webrtc_streamer"), "launch", f"{name}.launch.py")
    source = PythonLaunchDescriptionSource(str(path))
    return IncludeLaunchDescription(source, launch_arguments=arguments.items())


def robot(name, port, config):
    given = {"config": config, "cameras": "front"}
    return GroupAction(
        [
            PushRosNamespace(name),
            SetParameter("gains", [1.0, 2.0]),
            SetParameter("statistics_interval", 5.0),
            SetRemap("front/image_raw/compressed", "eye"),
            included("camera", source="pattern", framerate="10", **given),
            included("bridge", port=str(port), topics="eye"),
        ]
    )


@pytest.mark.launch_test
@pytest.mark.slow
def generate_test_description():
    """Launch two robots, each with a camera that was remapped and a bridge for its topic."""
    file = Path(folder.name, "robots.yaml")
    file.write_text(CONFIG)
    ports = {name: free_port() for name in ROBOTS}
    robots = [robot(name, port, str(file)) for name, port in ports.items()]
    whole = [DeclareLaunchArgument("mode", default_value="real"), SetParameter("list", ["a", "b"])]
    return LaunchDescription([*whole, *robots, ReadyToTest()]), {"ports": ports}


class TestRunning(unittest.TestCase):
    """While both run."""

    def test_each_robot_shows_its_own_camera(self, ports):
        for (name, port), size in zip(ports.items(), [(160, 120), (320, 240)], strict=True):
            url = f"http://127.0.0.1:{port}"
            wait_for(lambda url=url: get(f"{url}/cameras/eye/snapshot.jpg"), "a picture")
            (camera,) = json.loads(get(f"{url}/cameras"))["cameras"]
            assert camera["topic"] == f"/{name}/eye"
            assert (camera["width"], camera["height"]) == size


@launch_testing.post_shutdown_test()
class TestAfterwards(unittest.TestCase):
    """After launch has sent SIGINT."""

    def test_every_node_ended_well(self, proc_info):
        assert len(proc_info.processes()) == 2 * len(ROBOTS)
        assertExitCodes(proc_info)


def get(url):
    """Return what is at an address, nothing if there is nothing (yet)."""
    try:
        with urlopen(url, timeout=10) as response:
            return response.read()
    except OSError:
        return b""
