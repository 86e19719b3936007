# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The thread that compresses a topic's pictures: what goes in comes out, and it ends."""

import threading

import numpy as np
import pytest
import simplejpeg
from rclpy.serialization import serialize_message

from pi_webrtc_streamer.media.distributor import Mailbox
from pi_webrtc_streamer.media.feed import CameraFeed
from pi_webrtc_streamer.media.frame import JpegFrame
from pi_webrtc_streamer.media.intake import Intake
from pi_webrtc_streamer.ros.cv_convert import to_bgr
from support.raw_images import NEEDS_CV_BRIDGE, halves, message
from support.waiting import GIVE_UP_AFTER, wait_for

TYPE = "sensor_msgs/msg/Image"
RED = halves("rgb8", 64, 48, (255, 0, 0), (255, 0, 0), padding=3)


@pytest.fixture
def feed():
    return CameraFeed("camera", "/camera/image_raw")


@pytest.fixture
def frames(feed):
    mailbox: Mailbox[JpegFrame] = Mailbox()
    with feed.distributor.subscribed(mailbox):
        yield mailbox


def test_a_picture_is_published_as_jpeg_with_its_stamp(feed, frames, intake):
    intake.take_image(
        serialize_message(message(RED._replace(stamp=12_000_000_034))), 13_000_000_000
    )

    frame = frames.wait(GIVE_UP_AFTER)
    assert frame is not None
    assert frame.times[:2] == (12_000_000_034, 13_000_000_000)
    assert frame.times.received
    assert (frame.width, frame.height) == (64, 48)
    assert np.abs(simplejpeg.decode_jpeg(frame.data, "RGB").mean((0, 1)) - (255, 0, 0)).max() < 6
    assert feed.status([TYPE]).state == "live"


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b"", "not even a CDR header"),
        (serialize_message(message(RED))[:-200], "data claims"),
        (serialize_message(message(RED._replace(height=49))), "is cut short"),
        (serialize_message(message(RED._replace(encoding="h264"))), '"h264"'),
    ],
)
def test_a_bad_message_is_named_and_the_next_good_one_is_shown(feed, frames, intake, bad, why):
    intake.take_image(bad)
    wait_for(lambda: feed.rejected, "the report")
    status = feed.status([TYPE])
    assert status.state == "error"
    assert why in status.reason

    intake.take_image(serialize_message(message(RED)))
    assert frames.wait(GIVE_UP_AFTER) is not None


def test_a_fault_in_converting_does_not_end_the_thread(feed, frames, caplog):
    def faulty(image):
        raise ZeroDivisionError

    intake = Intake(feed, faulty)
    intake.take_image(serialize_message(message(RED._replace(encoding="other"))))
    wait_for(lambda: "ZeroDivisionError" in caplog.text, "the trace")
    intake.take_image(serialize_message(message(RED)))
    assert frames.wait(GIVE_UP_AFTER) is not None
    intake.close()


def test_the_thread_begins_with_the_first_message_and_ends_with_close(feed, frames):
    before = threading.active_count()
    intake = Intake(feed, to_bgr)
    assert threading.active_count() == before
    intake.take_image(serialize_message(message(RED)))
    assert threading.active_count() == before + 1
    for _ in range(2):
        intake.close()
        assert threading.active_count() == before


@NEEDS_CV_BRIDGE
def test_a_picture_from_before_is_not_for_who_comes_next():
    """The one audience goes and another one comes while a picture is compressed."""
    converting, go_on = threading.Event(), threading.Event()

    def to_bgr_in_time(image):
        converting.set()
        assert go_on.wait(GIVE_UP_AFTER)
        return to_bgr(image)

    told: list[int] = []
    feed = CameraFeed("camera", "/camera/image_raw", told.append)
    bayer = halves("bayer_rggb8", 64, 48, (255, 0, 0), (255, 0, 0))
    intake = Intake(feed, to_bgr_in_time)
    mailbox: Mailbox[JpegFrame] = Mailbox()
    try:
        with feed.distributor.subscribed(Mailbox()):
            intake.take_image(serialize_message(message(bayer._replace(stamp=10**9))), 0, told[-1])
            assert converting.wait(GIVE_UP_AFTER)
        with feed.distributor.subscribed(mailbox):
            go_on.set()
            later = message(bayer._replace(stamp=2 * 10**9))
            intake.take_image(serialize_message(later), 0, told[-1])
            frame = mailbox.wait(GIVE_UP_AFTER)
            assert frame is not None
            assert frame.times.captured == 2 * 10**9
    finally:
        go_on.set()
        intake.close()
