# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Names for cameras of which only the topics are known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.settings.bridge import BridgeSettings
from pi_webrtc_streamer.settings.schema import SettingsError
from pi_webrtc_streamer.settings.topics import name_topics


@pytest.mark.parametrize(
    ("topic", "name"),
    [
        ("/camera/image_raw/compressed", "camera"),
        ("/usb_cam/image_raw", "usb_cam"),
        ("/head/left/image_rect_color/compressed", "left"),
        ("camera/camera/color/image_raw", "camera"),
        ("/camera1/rgb/image_raw", "camera1"),
        ("/image_raw", "image_raw"),
        ("~/eye", "eye"),
        ("/video", "video"),
    ],
)
def test_a_camera_is_called_as_its_topic_is(topic, name):
    assert name_topics([topic]) == {name: topic}


def test_those_of_one_name_are_told_apart():
    topics = ["/r1/eye/image_raw", "/r2/eye/image_raw", "/r3/eye", "/r3/eye/image_raw"]
    assert list(name_topics(topics)) == ["eye", "r2_eye", "r3_eye", "r3_eye_2"]


names = st.sampled_from(
    ["a", "eye", "left", "image_raw", "compressed", "color", "bridge", "teleop"]
)
topic = st.lists(names, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))


@given(st.lists(topic, min_size=1, max_size=8, unique=True))
def test_every_topic_gets_a_name_that_the_bridge_takes(topics):
    named = name_topics(topics)
    assert list(named.values()) == topics
    BridgeSettings(cameras=list(named))


@pytest.mark.parametrize(
    ("topics", "why"),
    [
        (["a topic"], '"a topic" is no topic name'),
        (["/1/image"], "is no topic name"),
        (["/a//b"], "is no topic name"),
        (["/"], "is no topic name"),
        (["/a/b", "/a/b"], "the topic /a/b is given twice"),
    ],
)
def test_what_is_no_topic_is_named(topics, why):
    with pytest.raises(SettingsError, match=why):
        name_topics(topics)
