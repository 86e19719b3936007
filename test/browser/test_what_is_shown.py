# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Cameras of other nodes, very large, very small and very slow: what Chromium shows of them."""

import numpy as np
import pytest
from playwright.sync_api import expect

from support.browser import GIVE_UP_AFTER
from support.program import free_port, node
from support.publishing import publishing
from support.quadrants import COLOURS, TOLERANCE, colours_of
from support.waiting import wait_for

CAMERAS = ("large", "portrait", "thermal", "slow")
RAW = ("--raw", "--reliable")
SLOW = 1.5  # seconds between two pictures; a fast camera is frozen after one

# Notes each state in which a tile is, and each word that it says, from now on.
NOTE_STATES = """name => {
    const tile = streamer.cameras.get(name);
    window.states = new Set();
    setInterval(() => states.add(`${tile.state} ${tile.freshness}`), 20);
}"""


@pytest.fixture(scope="module")
def bridge():
    """The address of a bridge that shows four topics."""
    port = free_port()
    topics = [f"{name}.topic:=/{name}/image" for name in CAMERAS]
    cameras = f"cameras:=[{', '.join(CAMERAS)}]"
    with node("bridge_node", f"port:={port}", "discover:=never", cameras, *topics) as program:
        program.wait_for_output("page: http")
        yield f"http://127.0.0.1:{port}/"


LARGE = "large", "4608x2592", (), (4096, 2304), "4096×2304, 4608×2592 too large"
PORTRAIT = "portrait", "3040x4056", (), (2656, 3544), "2656×3544, 3040×4056 too large"
THERMAL = "thermal", "8x8", RAW, (240, 240), "8×8, enlarged"


@pytest.mark.parametrize(
    ("codec", "camera", "size", "options", "shown", "said"),
    [
        pytest.param(codec, *what, id=f"{what[1]} in {codec}")
        for codec, what in [
            ("h264", LARGE),
            ("vp8", LARGE),
            ("h264", PORTRAIT),
            ("h264", THERMAL),
            ("vp8", THERMAL),
        ]
    ],
)
def test_every_size_is_shown(bridge, operator, codec, camera, size, options, shown, said):
    with publishing(f"/{camera}/image", size, 0.5, options=options):
        operator.open(f"{bridge}?camera={camera}&codec={codec}")
        operator.wait_for_state("live", camera)
        figure = operator.page.locator(".figure-size")
        expect(figure).to_have_text(said, timeout=GIVE_UP_AFTER)
        expect(operator.page.locator(".figure-way")).to_have_text("over DDS", timeout=GIVE_UP_AFTER)
        assert operator.picture(camera).shape == (shown[1], shown[0], 3)
        # The first picture of VP8 is coarse where it is large.
        wait_for(lambda: are_quadrants(operator.picture(camera)), "the four colours")
        operator.screenshot(f"{camera}-{codec}")


def are_quadrants(picture: np.ndarray) -> bool:
    return np.abs(colours_of(picture) - COLOURS).max() <= TOLERANCE


def test_a_slow_camera_stays_live_until_it_stops(bridge, operator):
    with publishing("/slow/image", "320x240", SLOW) as camera:
        operator.open(f"{bridge}?camera=slow")
        operator.wait_for_frames(2, "slow")
        figure = operator.page.locator(".figure-fps")
        expect(figure).to_have_text("0.67 fps", timeout=GIVE_UP_AFTER)
        operator.page.evaluate(NOTE_STATES, "slow")
        operator.wait_for_frames(5, "slow")
        assert operator.page.evaluate("() => [...states]") == ["live fresh"]
        camera.every(1000)
        wait_for(lambda: "frozen" in operator.page.evaluate("() => [...states].join()"), "its end")
        text = operator.page.locator(".message-text")
        expect(text).to_contain_text("one came every 1.5 s. Has the camera stopped?")
