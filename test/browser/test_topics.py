# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What other people's nodes publish, from real DDS to what Chromium shows."""

import io
from urllib.request import urlopen

import numpy as np
import pytest
import rclpy
from PIL import Image

from pi_webrtc_streamer.ros.process import ros_context
from support.browser import operator as looking
from support.foreign_pictures import depth, four_colours, publishing
from support.program import free_port, node
from support.quadrants import assert_quadrants
from support.raw_images import NEEDS_CV_BRIDGE

COLOURED = sorted(four_colours())
DEPTH = sorted(depth())
NEED_CV_BRIDGE = ("raw_bayer_grbg8", "raw_bayer_rggb16", "mosaic")
MARKED = [
    pytest.param(each, marks=NEEDS_CV_BRIDGE if each in NEED_CV_BRIDGE else ()) for each in COLOURED
]


@pytest.fixture(scope="module")
def robot():
    """All of them at once, at one bridge."""
    names, port = [*COLOURED, *DEPTH], free_port()
    parameters = [f"cameras:=[{','.join(names)}]", *(f"{name}.topic:=/{name}" for name in names)]
    most = len(names) + 1
    limits = [f"{each}:={most}" for each in ("max_viewers", "max_viewers_per_address")]
    bridge = node("bridge_node", f"port:={port}", *parameters, *limits, f"max_connecting:={most}")
    with ros_context([]):
        ours = rclpy.create_node("drivers")
        with publishing(ours, {**four_colours(), **depth()}), bridge as program:
            program.wait_for_output("active")
            yield f"http://127.0.0.1:{port}/"
        ours.destroy_node()


@pytest.fixture(scope="module")
def page(browser, robot):
    """The page with all of them."""
    with looking(browser) as operator:
        operator.open(robot)
        yield operator


def snapshot(robot: str, name: str) -> np.ndarray:
    with urlopen(f"{robot}cameras/{name}/snapshot.jpg", timeout=60) as response:
        return np.asarray(Image.open(io.BytesIO(response.read())).convert("RGB"))


@pytest.mark.parametrize("name", MARKED)
def test_four_colours_are_seen_as_they_are(page, robot, name):
    page.wait_for_frames(3, name)
    assert_quadrants(page.picture(name))
    assert_quadrants(snapshot(robot, name))


@pytest.mark.parametrize("name", DEPTH)
def test_depth_is_a_readable_grey(page, robot, name):
    page.wait_for_frames(3, name)
    for picture in (page.picture(name), snapshot(robot, name)):
        width = picture.shape[1]
        for column, level in ((width // 4, 64), (3 * width // 4, 191)):
            assert np.abs(picture[:, column].astype(int) - level).max() <= 8
    page.screenshot("topics")
