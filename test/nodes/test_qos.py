# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Publishers and subscribers whose QoS does not fit, or changes: followed, or said.

DDS may tell of a misfit a moment before it knows more of the other side, which is then said to have
"another" value.
"""

import re
from functools import partial

import pytest
from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage

from pi_webrtc_streamer.camera_node import CameraNode
from pi_webrtc_streamer.ros.process import spinning
from support.cameras import get_stats, reaches
from support.nodes import TOPIC, ImagePublisher, Publisher, grey_jpeg, make_bridge, running
from support.raw_images import halves, message
from support.waiting import until, wait_for
from support.whep import mean_luma, watching

RELIABLE, BEST_EFFORT = ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT


def grey_image(luma: int):
    return message(halves("mono8", 320, 240, (luma,) * 3, (luma,) * 3))


def has_luma(luma: int):
    return lambda frame: abs(mean_luma(frame) - luma) < 8


async def test_a_publisher_replaced_by_one_with_another_qos(remote):
    """Of JPEG, the bridge takes whatever is offered."""
    profiles = [
        {"reliability": BEST_EFFORT},
        {"reliability": RELIABLE},
        {"reliability": RELIABLE, "durability": DurabilityPolicy.TRANSIENT_LOCAL},
        {"deadline": Duration(seconds=1), "liveliness_lease_duration": Duration(seconds=5)},
        {"liveliness": LivelinessPolicy.MANUAL_BY_TOPIC},
    ]
    bridge = make_bridge()
    with running(bridge):
        async with watching(bridge.url) as viewer:
            for number, qos in enumerate(profiles):
                luma = 50 + 40 * number
                with Publisher(remote, grey_jpeg(luma=luma), **qos):
                    await viewer.frame_with(has_luma(luma))
            assert len((await get_stats(bridge.url))["viewers"]) == 1


async def test_a_reliable_publisher_replaced_by_a_best_effort_one_is_followed(remote, capfd):
    """Uncompressed pictures are asked for reliably where they are offered so."""
    bridge = make_bridge()
    with running(bridge):
        async with watching(bridge.url) as viewer:
            with ImagePublisher(remote, grey_image(60), reliability=RELIABLE):
                await viewer.frame_with(has_luma(60))
                await until(lambda: reliabilities(remote) == [RELIABLE], "a reliable subscription")
            with ImagePublisher(remote, grey_image(160), reliability=BEST_EFFORT):
                await viewer.frame_with(has_luma(160))
                assert reliabilities(remote) == [BEST_EFFORT]
                assert (await reaches(bridge.url, "live"))["reason"] == ""
    said = (
        r"A publisher of /camera/image_raw/compressed offers "
        r"(?:reliability best_effort|another reliability), and the "
    )
    assert len(re.findall(said, capfd.readouterr().err)) == 1


def reliabilities(node) -> list[ReliabilityPolicy]:
    infos = node.get_subscriptions_info_by_topic(TOPIC)
    return [info.qos_profile.reliability for info in infos]


@pytest.mark.parametrize(
    ("asked", "offered", "fitting", "why"),
    [
        (
            {"reliability": "reliable"},
            {"reliability": BEST_EFFORT},
            {"reliability": RELIABLE},
            r"offers (reliability best_effort|another reliability), and the bridge asks for "
            r"reliability reliable: .*"
            r"qos_overrides./camera/image_raw/compressed.subscription.reliability",
        ),
        (
            {"deadline": 100_000_000},
            {},
            {"deadline": Duration(seconds=0.05)},
            r"offers (deadline none|another deadline), and the bridge asks for deadline 0.1 s",
        ),
    ],
)
async def test_a_publisher_that_does_not_fit_is_named_until_one_does(
    remote, capfd, asked, offered, fitting, why
):
    """Only parameters make the bridge ask for more than every publisher offers."""
    prefix = f"qos_overrides.{TOPIC}.subscription."
    bridge = make_bridge(**{prefix + policy: value for policy, value in asked.items()})
    with running(bridge):
        async with watching(bridge.url) as viewer:
            with Publisher(remote, grey_jpeg(luma=60), **fitting):
                await viewer.frame_with(has_luma(60))
            with Publisher(remote, grey_jpeg(), **offered):
                camera = await reaches(bridge.url, "stale", "nothing arrives from it")
                assert re.search(why, camera["reason"])
                assert re.search(why, capfd.readouterr().err)
            with Publisher(remote, grey_jpeg(luma=160), **fitting):
                await viewer.frame_with(has_luma(160))
                assert (await reaches(bridge.url, "live"))["reason"] == ""


async def test_a_reliable_camera_suits_everybody(remote):
    """Also who asks as ROS does by default: reliable, volatile, depth 10."""
    images: list[CompressedImage] = []
    camera = CameraNode(overrides={"source": "pattern", "reliability": "reliable"})
    with spinning([remote]), running(camera, bridge := make_bridge()):
        remote.create_subscription(CompressedImage, TOPIC, images.append, 10)
        for topic in (TOPIC, "/camera/camera_info"):
            look = partial(remote.get_publishers_info_by_topic, topic)
            (info,) = await until(look, f"a publisher of {topic}")
            assert info.qos_profile.reliability == RELIABLE
        async with watching(bridge.url) as viewer:
            await viewer.next_frame()
            await until(lambda: images, "pictures for who asks for reliable ones")


def test_a_subscriber_that_asks_too_much_of_the_camera_is_told_in_its_log(remote, capfd):
    images: list[CompressedImage] = []
    with spinning([remote]), running(CameraNode(overrides={"source": "pattern"})):
        qos = QoSProfile(depth=1, reliability=RELIABLE)
        remote.create_subscription(CompressedImage, TOPIC, images.append, qos)
        said: list[str] = []

        def warned() -> bool:
            said.append(capfd.readouterr().err)
            return "it gets nothing" in "".join(said)

        wait_for(warned, "a warning")
    assert re.search(
        r"\[WARN\] .*a subscriber of /camera/image_raw/compressed asks for (reliability reliable|"
        r"another reliability), and this node offers reliability best_effort: .* as for "
        r"sensor data, or start this node with reliability:=reliable",
        "".join(said),
    )
    assert not images
