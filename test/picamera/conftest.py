# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The tests here run in the tree that run.sh makes, where libcamera has virtual cameras."""

import os
from importlib.metadata import version
from pathlib import Path

IN_TREE = "VIRTUAL_CAMERAS" in os.environ

collect_ignore_glob = [] if IN_TREE else ["test_*.py"]

FRAMES = Path("/tmp/frames")  # as virtual.yaml has it


def pytest_report_header() -> list[str]:
    """Say what is tested on what: no other run has ROS 2 Kilted on Debian's Python 3.13."""
    if not IN_TREE:
        return []
    names = ("picamera2", "ros-kilted-rclpy", "numpy", "av")
    return ["virtual cameras: " + ", ".join(f"{name} {version(name)}" for name in names)]


def draw_picture(path: Path) -> None:
    """Draw a picture without any symmetry, so that every crop, mirroring and turn of it differs."""
    import numpy as np
    from PIL import Image

    height, width = 480, 640
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = (200, 60, 40)
    picture[:240, 320:] = (60, 200, 40)
    picture[240:, 320:] = (40, 60, 200)
    picture[:, :160] = np.linspace(0, 255, height).astype(np.uint8)[:, None, None]
    picture[400:440, 200:600] = np.linspace(0, 255, 400).astype(np.uint8)[None, :, None]
    Image.fromarray(picture).save(path, quality=95, subsampling="4:2:0")


if IN_TREE:  # libcamera reads them when the first test file asks which cameras there are
    FRAMES.mkdir(exist_ok=True)
    draw_picture(FRAMES / "picture.jpg")
