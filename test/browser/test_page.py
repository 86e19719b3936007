# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The page in Chromium: live pictures, true colours, and what it does when something goes away."""

import time

import av
import numpy as np
import pytest
from playwright.sync_api import expect

from pi_webrtc_streamer.camera.pattern import COLOUR_BARS, bar_rows, ramp_rows
from support.browser import GIVE_UP_AFTER, PHONE
from support.browser import operator as looking
from support.program import Program, node

CODECS = ["h264", "vp8"]


@pytest.mark.parametrize("codec", CODECS)
def test_the_picture_is_live(streamer, operator, codec):
    operator.open(f"{streamer}?codec={codec}")
    operator.wait_for_frames(10)
    codes = []
    for _ in range(5):
        operator.wait_for_frames(2)
        codes.append(operator.barcode())
    assert codes == sorted(set(codes)), "the capture time moves on"
    age = (time.time_ns() // 1_000_000 - codes[-1]) % 2**32
    assert age < 60_000, "it is the time of a picture captured just now, not a misread code"
    # The page looks once a second.
    operator.page.wait_for_function("() => streamer.cameras.get('camera').stats.width > 0")
    stats = operator.page.evaluate("() => streamer.cameras.get('camera').stats")
    assert (stats["width"], stats["height"], stats["codec"].lower()) == (1280, 720, codec)
    way = operator.page.locator(".figure-way")
    expect(way).to_have_text("in one process", timeout=GIVE_UP_AFTER)
    operator.screenshot(f"live-{codec}")
    assert operator.hosts == {streamer.split("/")[2]}, "nothing comes from elsewhere"


@pytest.mark.parametrize("codec", CODECS)
def test_colours_arrive_true(streamer, operator, codec):
    operator.open(f"{streamer}?codec={codec}")
    operator.wait_for_frames(30)
    shown = operator.picture().astype(float)
    height, width, _ = shown.shape
    bars = shown[bar_rows(height)]
    for number, colour in enumerate(COLOUR_BARS):
        left, right = (width * (number + share) / len(COLOUR_BARS) for share in (0.3, 0.7))
        seen = bars[100:300, int(left) : int(right)].mean(axis=(0, 1))
        assert np.abs(seen - rgb(colour)).max() <= 4, f"bar {number}: {seen}, not {rgb(colour)}"
    rows = shown[ramp_rows(height)][20:-20]
    for column in range(16, width - 16, 32):
        seen = rows[:, column - 2 : column + 3].mean(axis=(0, 1))
        grey = 255 * column / (width - 1)
        assert np.abs(seen - grey).max() <= 4, f"column {column}: {seen}, not {grey}"


def rgb(yuv: tuple[int, int, int]) -> np.ndarray:
    """Convert full-range BT.601 (JFIF) to RGB."""
    y, u, v = yuv[0], yuv[1] - 128, yuv[2] - 128
    return np.clip([y + 1.402 * v, y - 0.344136 * u - 0.714136 * v, y + 1.772 * u], 0, 255)


def test_a_real_video_arrives(port, operator, big_buck_bunny):
    with Program(
        "pi-webrtc-streamer", "--source", str(big_buck_bunny), "--port", str(port)
    ) as program:
        program.wait_for_output("Open http")
        operator.open(f"http://127.0.0.1:{port}/")
        operator.wait_for_frames(20)
        sources = list(thumbnails(big_buck_bunny))
        for _ in range(3):
            operator.wait_for_frames(3)
            shown = operator.picture()
            assert shown.shape == (720, 1280, 3)
            grey = shown.mean(axis=2).reshape(36, 20, 64, 20).mean(axis=(1, 3))
            nearest = min(np.abs(grey - source).mean() for source in sources)
            assert nearest < 5, "what is shown is one of the video's pictures"
        operator.screenshot("big-buck-bunny")


def thumbnails(path):
    """Yield each picture of a video as 64x36 grey levels."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            rgb24 = frame.to_ndarray(format="rgb24").mean(axis=2)
            yield rgb24.reshape(36, 20, 64, 20).mean(axis=(1, 3))


def test_the_page_survives_restarts_of_either_node(port, operator):
    def start_bridge():
        return node("bridge_node", f"port:={port}", "robot_name:=Marvin")

    def start_camera():
        return node("camera_node", "source:=pattern")

    camera, bridge = start_camera(), start_bridge()
    try:
        bridge.wait_for_output("page: http")
        operator.open(f"http://127.0.0.1:{port}/")
        operator.wait_for_frames()
        operator.page.wait_for_function("() => document.title === 'Live · camera · Marvin'")

        camera.end()
        camera.__exit__()
        operator.wait_for_state("no-picture")
        operator.page.wait_for_selector("text=Nobody publishes /camera/image_raw/compressed")
        operator.screenshot("camera-gone")
        reconnects = operator.reconnects()
        camera = start_camera()
        operator.wait_for_frames()
        assert operator.reconnects() == reconnects, "the connection stayed; the topic came back"

        bridge.process.kill()
        bridge.__exit__()
        operator.wait_for_state("offline")
        operator.screenshot("bridge-gone")
        bridge = start_bridge()
        operator.wait_for_frames()
        before = operator.barcode()
        operator.wait_for_frames()
        assert operator.barcode() != before
        assert operator.never_reloaded()
    finally:
        camera.__exit__()
        bridge.__exit__()


def test_two_cameras_on_a_phone(port, browser, tmp_path):
    config = tmp_path / "two.yaml"
    config.write_text(
        "bridge: {ros__parameters: {cameras: [front, rear]}}\n"
        "front: {ros__parameters: {source: pattern, width: 640, height: 480}}\n"
        "rear: {ros__parameters: {source: pattern, width: 640, height: 480, rotation: 180}}\n"
    )
    with Program("pi-webrtc-streamer", "--config", str(config), "--port", str(port)) as program:
        program.wait_for_output("Open http")
        with looking(browser, PHONE, device_scale_factor=2, has_touch=True) as operator:
            operator.open(f"http://127.0.0.1:{port}/")
            for camera in ("front", "rear"):
                operator.wait_for_frames(camera=camera)
            front, rear = operator.picture("front"), operator.picture("rear")
            assert front.shape == rear.shape == (480, 640, 3)
            ramp = front[-20, ::80].mean(axis=1)
            assert np.abs(ramp - rear[20, ::-80].mean(axis=1)).max() < 8, "one is upside down"
            wide = operator.page.evaluate("() => document.documentElement.scrollWidth")
            assert wide <= PHONE["width"], "nothing sticks out at the side"
            operator.screenshot("phone-two-cameras")


def test_the_page_says_when_the_server_refuses(port, operator):
    with (
        node("camera_node", "source:=pattern"),
        node("bridge_node", f"port:={port}", "max_viewers:=1", "codecs:=[vp8]") as bridge,
    ):
        bridge.wait_for_output("page: http")
        operator.open(f"http://127.0.0.1:{port}/?codec=h264")
        operator.page.wait_for_selector("text=no codec in common", timeout=30_000)
        operator.screenshot("no-codec")
        operator.open(f"http://127.0.0.1:{port}/")
        operator.wait_for_frames()
        with looking(operator.page.context.browser) as other:
            other.open(f"http://127.0.0.1:{port}/")
            other.page.wait_for_selector("text=all 1 places for viewers are taken", timeout=30_000)
            other.screenshot("no-place")
