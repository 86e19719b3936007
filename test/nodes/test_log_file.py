# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A log file that cannot be written: the nodes go on, and say so."""

import os
import subprocess
from pathlib import Path

import pytest
from sensor_msgs.msg import CompressedImage

from pi_webrtc_streamer.ros.qos import newest_only
from support.nodes import TOPIC
from support.program import Program
from support.waiting import wait_for

DISK, PAGE = 64 * 1024, 4096  # bytes


@pytest.fixture
def disk(tmp_path):
    """A disk that is nearly full."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid():
        pytest.skip("mounting takes root")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, timeout=10, check=False)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True, timeout=10)


@pytest.fixture
def images(node):
    """All pictures that arrive while the fixture lives."""
    messages: list[CompressedImage] = []
    subscription = node.create_subscription(CompressedImage, TOPIC, messages.append, newest_only())
    yield messages
    node.destroy_subscription(subscription)


def start_camera(log: Path, *arguments: str) -> Program:
    parameters = ["-p", "source:=pattern", "-p", "autostart:=true"]
    environment = {"ROS_LOG_DIR": str(log)}
    return Program("camera_node", "--ros-args", *parameters, *arguments, environment=environment)


def test_a_disk_that_is_full_from_the_start(disk, images):
    (disk / "other").write_bytes(bytes(DISK))
    with start_camera(disk) as camera:
        wait_for(lambda: len(images) > 10, "pictures")
        assert "active" in camera.output
        assert camera.end() == 0


def test_a_disk_that_fills_up(disk, images):
    (disk / "other").write_bytes(bytes(DISK - PAGE))
    with start_camera(disk, "--log-level", "debug") as camera:  # which soon fills a page
        wait_for(lambda: os.statvfs(disk).f_bfree == 0, "a full disk")
        images.clear()
        wait_for(lambda: len(images) > 10, "pictures all the same")
        assert camera.end() == 0
        assert len(camera.output) > 2 * PAGE, "the console has what the file could not take"


@pytest.mark.parametrize("obstacle", ["a file", "a disk that is read-only"])
def test_a_folder_that_cannot_be_written_to(disk, images, obstacle):
    log = disk / "log"
    if obstacle == "a file":
        log.touch()
    else:
        remount = ["mount", "-o", "remount,ro", str(disk)]
        subprocess.run(remount, check=True, timeout=10)
    with start_camera(log) as camera:
        wait_for(lambda: len(images) > 3, "pictures")
        assert camera.output.count("no log file can be written, only this console") == 1
        assert "set ROS_LOG_DIR to a folder that can be written to" in camera.output
        assert camera.end() == 0
        assert "Traceback" not in camera.output
