# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the bridge says of a camera, and what it makes of bad messages."""

import array
import logging
import re

import numpy as np
import pytest
import simplejpeg
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage

from pi_webrtc_streamer.media.distributor import Mailbox
from pi_webrtc_streamer.media.feed import CameraFeed, explain
from pi_webrtc_streamer.media.frame import JpegFrame
from pi_webrtc_streamer.media.intake import Intake
from pi_webrtc_streamer.ros.cv_convert import to_bgr

TOPIC = "/camera/image_raw/compressed"
TYPE = "sensor_msgs/msg/CompressedImage"
JPEG = simplejpeg.encode_jpeg(np.zeros((48, 64, 3), np.uint8), colorsubsampling="420")


class Clock:
    """Time as the test wants it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def feed(clock):
    feed = CameraFeed("camera", TOPIC, clock=clock)
    feed.distributor.attach(Mailbox())
    return feed


def message(data: bytes = JPEG, image_format: str = "jpeg") -> bytes:
    return serialize_message(CompressedImage(format=image_format, data=array.array("B", data)))


def test_a_frame_reaches_the_mailbox_as_a_view(feed, intake):
    mailbox: Mailbox[JpegFrame] = Mailbox()
    feed.distributor.attach(mailbox)
    raw = message()
    intake.take_compressed(raw)
    frame = mailbox.take()
    assert frame is not None
    assert frame.data.obj is raw
    assert bytes(frame.data) == JPEG
    assert (frame.width, frame.height) == (64, 48)


def test_states_from_waiting_to_live_to_stale(feed, intake, clock):
    assert feed.status([TYPE]).state == "waiting"
    for _ in range(30):
        clock.now += 0.1
        intake.take_compressed(message())
    status = feed.status([TYPE])
    assert (status.state, status.reason) == ("live", "")
    assert status.rate == pytest.approx(10)
    assert (status.width, status.height) == (64, 48)
    clock.now += 5
    status = feed.status([TYPE])
    assert status.state == "stale"
    assert "5 s" in status.reason
    assert status.age == pytest.approx(5)
    assert "Nobody publishes" in feed.status([]).reason


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (message(JPEG[:23]), "cut short"),
        (b"", "not even a CDR header"),
        (message()[:30], "where .* are left|ends before"),
    ],
)
def test_a_bad_message_is_named_and_the_next_good_one_is_shown(
    feed, intake, clock, caplog, bad, why
):
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            clock.now += 0.03
            intake.take_compressed(bad)
    status = feed.status([TYPE])
    assert status.state == "error"
    assert TOPIC in status.reason
    assert re.search(why, status.reason)
    assert len(caplog.records) == 1, "the same problem is said once, not at every frame"
    for _ in range(60):
        clock.now += 0.03
        intake.take_compressed(message())
    assert feed.status([TYPE]).state == "live"
    assert feed.rejected == 3


def test_one_bad_message_among_many_good_ones_is_no_error(feed, intake, clock):
    for number in range(60):
        clock.now += 0.03
        intake.take_compressed(b"" if number == 58 else message())
    assert feed.status([TYPE]).state == "live"


def test_the_explanation_fits_what_is_wrong():
    def explained(**changes):
        facts = {
            "wanted": True,
            "publisher_types": [TYPE],
            "age": None,
            "waited": 100.0,
            "period": None,
            "patience": 1.0,
            "problem": None,
        }
        return explain(topic=TOPIC, **{**facts, **changes})

    assert explained(wanted=False) == ("idle", "")
    assert explained(wanted=False, publisher_types=[])[0] == "idle"
    assert "ROS_DOMAIN_ID" in explained(publisher_types=[])[1]
    assert "carries std_msgs/msg/String;" in explained(publisher_types=["std_msgs/msg/String"])[1]
    for types in (["sensor_msgs/msg/Image"], ["std_msgs/msg/String", TYPE]):
        assert "no message has come yet" in explained(publisher_types=types)[1]
    assert "no message has come yet" in explained()[1]
    assert explained(misfit="It offers too little.") == ("waiting", "It offers too little.")
    assert "Nobody publishes" in explained(misfit="It is gone.", publisher_types=[])[1]
    assert explained(age=0.1) == ("live", "")
    assert explained(age=3.0)[0] == "stale"
    assert explained(age=3.0, patience=10.0) == ("live", "")
    slow = {"period": 3.33, "patience": 10.0}
    assert explained(**slow, age=400.0, waited=5.0) == (
        "waiting",
        f"On {TOPIC} a picture comes every 3.3 s: the next one is due.",
    )
    state, reason = explained(**slow, age=400.0, waited=11.0)
    assert state == "stale"
    assert "No message on" in reason
    assert "for 11 s" in reason
    assert "one came every 3.3 s. Has the camera stopped?" in reason


@pytest.mark.parametrize("period", [0.033, 1.0, 3.33, 20.0])
def test_a_slow_camera_is_live_all_the_time_and_has_its_true_rate(feed, intake, clock, period):
    intake.take_compressed(message())
    clock.now += period
    for _ in range(5):
        intake.take_compressed(message())
        for _ in range(10):
            status = feed.status([TYPE])
            assert (status.state, status.reason) == ("live", "")
            assert status.rate == pytest.approx(1 / period, rel=0.01)
            clock.now += period / 10
    clock.now += 1.99 * period
    assert feed.status([TYPE]).state == "live"
    clock.now += max(0.02 * period, 1.0)
    status = feed.status([TYPE])
    assert status.state == "stale"
    assert "Has the camera stopped?" in status.reason


def test_who_comes_later_waits_for_a_slow_camera_and_is_told_so(clock):
    feed = CameraFeed("camera", TOPIC, clock=clock)
    intake = Intake(feed, to_bgr)
    mailbox: Mailbox[JpegFrame] = Mailbox()
    with feed.distributor.subscribed(mailbox):
        for _ in range(3):
            intake.take_compressed(message())
            clock.now += 20
    clock.now += 1000
    assert feed.status([TYPE]).state == "idle"
    with feed.distributor.subscribed(mailbox):
        clock.now += 15
        status = feed.status([TYPE])
        assert status.state == "waiting"
        assert "a picture comes every 20 s: the next one is due" in status.reason
        intake.take_compressed(message())
        assert feed.status([TYPE]).state == "live"
        clock.now += 59
        assert feed.status([TYPE]).state == "live"


def test_a_slow_camera_whose_messages_are_no_use_stays_an_error(feed, intake, clock):
    intake.take_compressed(b"")
    clock.now += 10
    for _ in range(5):
        intake.take_compressed(b"")
        for _ in range(10):
            assert feed.status([TYPE]).state == "error"
            clock.now += 1
    intake.take_compressed(message())
    assert feed.status([TYPE]).state == "live"
