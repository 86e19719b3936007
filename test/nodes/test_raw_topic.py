# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Topics of uncompressed pictures: real DDS in, JPEG and WebRTC out."""

import asyncio
import gc
import subprocess
import sys
import threading

import aiohttp
import numpy as np
import pytest
import simplejpeg
from rclpy.qos import ReliabilityPolicy

from pi_webrtc_streamer.media.feed import COMPRESSED_IMAGE, IMAGE
from pi_webrtc_streamer.media.frame import live_frames
from support.cameras import reaches
from support.nodes import (
    TOPIC,
    ImagePublisher,
    Lifecycle,
    Publisher,
    grey_jpeg,
    make_bridge,
    running,
)
from support.raw_images import BAYER, NEEDS_CV_BRIDGE, halves, message
from support.waiting import GIVE_UP_AFTER, until
from support.whep import mean_luma, watching

COLOURS = ("rgb8", "bgr8", "rgba8", "bgra8", "8UC3", "yuv422", "yuv422_yuy2")
SCALED = ("mono16", "16UC1", "32FC1", "rgb16")
RED, CYAN, BLACK, WHITE = (255, 0, 0), (0, 255, 255), (0, 0, 0), (255, 255, 255)


def grey_image(luma: int, width: int = 640, height: int = 480):
    return message(halves("mono8", width, height, (luma,) * 3, (luma,) * 3))


def has_luma(luma: int):
    return lambda frame: abs(mean_luma(frame) - luma) < 8


async def snapshot(url: str) -> tuple[np.ndarray, str]:
    """Return the camera's next picture as RGB, and its X-Timestamp."""
    async with aiohttp.ClientSession() as session:
        for _ in range(10):  # a camera that has just been found answers 503 after 3 s
            async with session.get(f"{url}cameras/camera/snapshot.jpg") as response:
                body = await response.read()
                if response.status == 200:
                    picture = simplejpeg.decode_jpeg(body, "RGB")
                    return picture.astype(int), response.headers["X-Timestamp"]
    raise AssertionError(f"never a picture, but {body!r}")


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize(
    "encoding",
    [*COLOURS, "mono8", *SCALED, *(pytest.param(each, marks=NEEDS_CV_BRIDGE) for each in BAYER)],
)
async def test_every_encoding_keeps_its_colours(node, encoding, big_endian):
    if encoding in COLOURS or encoding.startswith("bayer"):
        left, right = RED, CYAN
    else:
        left, right = BLACK, WHITE
    image = halves(encoding, 320, 241, left, right, padding=8, big_endian=big_endian)
    bridge = make_bridge()
    with running(bridge), ImagePublisher(node, message(image)):
        picture, _ = await snapshot(bridge.url)
    assert picture.shape == (241, 320, 3)
    assert np.abs(picture[:, :150] - left).max() <= 6
    assert np.abs(picture[:, 170:] - right).max() <= 6


async def test_the_stamp_is_the_messages(node):
    bridge = make_bridge()
    with running(bridge), ImagePublisher(node, grey_image(100)) as publisher:
        _, stamp = await snapshot(bridge.url)
        assert int(stamp.replace(".", "")) in publisher.stamps


@pytest.mark.parametrize("codec", ["h264", "vp8"])
async def test_a_viewer_sees_uncompressed_pictures(node, codec):
    bridge = make_bridge()
    image = message(halves("bgr8", 1280, 720, (30, 30, 30), (170, 170, 170)))
    with running(bridge), ImagePublisher(node, image):
        async with watching(bridge.url, codec) as viewer:
            frame = await viewer.frame_with(has_luma(100))
            assert (frame.width, frame.height) == (1280, 720)
            left, right = np.hsplit(frame.to_ndarray(format="gray"), 2)
            assert abs(left.mean() - 30) < 8
            assert abs(right.mean() - 170) < 8
            camera = await reaches(bridge.url, "live")
            assert (camera["width"], camera["height"]) == (1280, 720)


async def test_without_a_viewer_nothing_is_subscribed_to(node):
    bridge = make_bridge()
    with running(bridge), ImagePublisher(node, grey_image(100)):
        assert node.count_subscribers(TOPIC) == 0
        await snapshot(bridge.url)
        await until(lambda: node.count_subscribers(TOPIC) == 0, "the end of the subscription")
        assert (await reaches(bridge.url, "idle"))["reason"] == ""


async def test_a_publisher_that_comes_later_or_is_replaced_by_the_other_type(remote):
    bridge = make_bridge()
    with running(bridge):
        async with watching(bridge.url) as viewer:
            await until(lambda: types_subscribed_to(remote) == [COMPRESSED_IMAGE], "a guess")
            with ImagePublisher(remote, grey_image(60)):
                await viewer.frame_with(has_luma(60))
                assert types_subscribed_to(remote) == [IMAGE]
            with Publisher(remote, grey_jpeg(luma=160)):
                await viewer.frame_with(has_luma(160))
                assert types_subscribed_to(remote) == [COMPRESSED_IMAGE]
            with ImagePublisher(remote, grey_image(100)):
                await viewer.frame_with(has_luma(100))
                assert (await reaches(bridge.url, "live"))["reason"] == ""
        await until(lambda: not types_subscribed_to(remote), "the end of the subscription")


async def test_a_subscription_is_as_reliable_as_the_publishers_of_raw_pictures(remote):
    bridge = make_bridge()
    with running(bridge):
        async with watching(bridge.url) as viewer:
            for luma, reliability in [
                (60, ReliabilityPolicy.RELIABLE),
                (100, ReliabilityPolicy.BEST_EFFORT),
                (160, ReliabilityPolicy.RELIABLE),
            ]:
                with ImagePublisher(remote, grey_image(luma), reliability=reliability):
                    await viewer.frame_with(has_luma(luma))
                    if luma == 60:
                        (info,) = remote.get_subscriptions_info_by_topic(TOPIC)
                        assert info.qos_profile.reliability == reliability


def types_subscribed_to(node) -> list[str]:
    return [info.topic_type for info in node.get_subscriptions_info_by_topic(TOPIC)]


async def test_compressed_is_preferred_where_both_are_published(remote, other_remote):
    bridge = make_bridge()
    with (
        running(bridge),
        ImagePublisher(other_remote, grey_image(60)),
        Publisher(remote, grey_jpeg(luma=160)),
    ):
        both = {COMPRESSED_IMAGE, IMAGE}
        await until(lambda: set(bridge._publisher_types(TOPIC)) == both, "the publishers")
        picture, _ = await snapshot(bridge.url)
        assert abs(picture.mean() - 160) < 8


async def test_a_type_that_the_process_uses_otherwise_does_not_stop_the_bridge(node, remote, capfd):
    """DDS has one type for a topic in each process; here the test's node took it."""
    bridge = make_bridge()
    with running(bridge), Publisher(remote, grey_jpeg(luma=160)):
        await until(lambda: bridge._publisher_types(TOPIC), "the publisher")
        with ImagePublisher(node, grey_image(60)):
            async with watching(bridge.url) as viewer:
                text = f"cannot subscribe to {TOPIC} as {COMPRESSED_IMAGE}"
                seen = ""

                def is_said() -> bool:
                    nonlocal seen
                    seen += capfd.readouterr().err
                    return text in seen

                await until(is_said, "the warning")
        async with watching(bridge.url) as viewer:
            await viewer.frame_with(has_luma(160))


@NEEDS_CV_BRIDGE
async def test_bad_pictures_are_named_and_good_ones_shown_again(node):
    good = halves("bgr8", 320, 240, RED, CYAN)
    bridge = make_bridge()
    with running(bridge), ImagePublisher(node, message(good)) as publisher:
        async with watching(bridge.url) as viewer:
            await viewer.next_frame()
            for changes, why in [
                ({"encoding": "nonsense"}, 'encoding "nonsense" is none that this cv_bridge can'),
                ({"data": good.data[:-1]}, 'encoding "bgr8") is cut short'),
                ({"step": 10}, "its publisher must set step"),
                ({"width": 0, "height": 0, "data": b""}, "holds no picture: its size is 0x0"),
            ]:
                publisher.image = message(good._replace(**changes))
                await reaches(bridge.url, "error", why)
                publisher.image = message(good)
                await reaches(bridge.url, "live")
                await viewer.next_frame()


async def test_deactivating_leaves_nothing(node):
    def held() -> tuple[list[str], int]:
        gc.collect()
        names = [thread.name for thread in threading.enumerate()]
        ours = sorted(name for name in names if not name.startswith("asyncio"))  # to_thread's
        return ours, live_frames()

    bridge = make_bridge()
    with running(bridge, up=False), ImagePublisher(node, grey_image(100)):
        lifecycle = Lifecycle(node, "bridge")
        before = held()
        for _ in range(2):
            assert await asyncio.to_thread(lifecycle.change, Lifecycle.CONFIGURE)
            assert await asyncio.to_thread(lifecycle.change, Lifecycle.ACTIVATE)
            await snapshot(bridge.url)
            assert "convert-camera" in held()[0]
            assert await asyncio.to_thread(lifecycle.change, Lifecycle.DEACTIVATE)
            assert await asyncio.to_thread(lifecycle.change, Lifecycle.CLEANUP)
            await until(lambda: held() == before, f"the counts of before, {before}")


BRIDGE = """
import sys
from pi_webrtc_streamer.bridge_node import BridgeNode
from pi_webrtc_streamer.ros.process import owning, ros_context, spinning
with ros_context([]), owning([BridgeNode(overrides={"port": 0})]) as (bridge,):
    assert bridge.bring_up()
    with spinning([bridge]):
        print(bridge.url, flush=True)
        sys.stdin.readline()
print(*sys.modules)
"""


@pytest.mark.parametrize(
    ("encoding", "loaded"),
    [
        ("", set()),
        ("bgr8", {"simplejpeg"}),
        pytest.param("bayer_rggb8", {"simplejpeg", "cv_bridge", "cv2"}, marks=NEEDS_CV_BRIDGE),
    ],
)
async def test_a_bridge_loads_only_what_its_topics_need(node, encoding, loaded):
    """numpy is always there: sensor_msgs imports it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", BRIDGE, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    if encoding:
        publisher = ImagePublisher(node, message(halves(encoding, 320, 240, RED, CYAN)))
    else:
        publisher = Publisher(node, grey_jpeg())
    try:
        with publisher:
            url = (await process.stdout.readline()).decode().strip()
            async with watching(url) as viewer:
                await viewer.next_frame()
        output, _ = await asyncio.wait_for(process.communicate(b"\n"), GIVE_UP_AFTER)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    assert {"simplejpeg", "cv_bridge", "cv2"}.intersection(output.decode().split()) == loaded
