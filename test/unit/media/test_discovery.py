# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which topics of other nodes are shown, and for how long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.media.discovery import GONE_AFTER, MOST, Discovery, new_name
from pi_webrtc_streamer.media.feed import COMPRESSED_IMAGE, IMAGE

ALL = [".*"]


def images(*topics: str) -> dict[str, list[str]]:
    return {
        topic: [COMPRESSED_IMAGE if topic.endswith("/compressed") else IMAGE] for topic in topics
    }


@pytest.mark.parametrize(
    ("published", "found"),
    [
        (images("/eye/image_raw"), {"eye": "/eye/image_raw"}),
        (
            images("/eye/image_raw", "/eye/image_raw/compressed"),
            {"eye": "/eye/image_raw/compressed"},
        ),
        (images("/front/image_raw"), {}),  # is shown in its compressed form
        ({"/scan": ["sensor_msgs/msg/LaserScan"]}, {}),
        ({"/depth/image_raw/compressedDepth": [COMPRESSED_IMAGE]}, {}),
        (images("/a/front/compressed"), {"a_front": "/a/front/compressed"}),
    ],
)
def test_what_is_found_beside_what_is_shown(published, found):
    shown = {"front": "/front/image_raw/compressed"}
    assert Discovery(ALL).look(published, shown, 0.0) == found


def test_patterns_match_whole_names():
    published = images("/robot1/eye", "/robot2/eye", "/robot10/eye")
    assert Discovery(["/robot1/.*"]).look(published, {}, 0.0) == {"eye": "/robot1/eye"}
    assert Discovery(["/robot1"]).look(published, {}, 0.0) == {}
    assert len(Discovery(["/robot1/.*", "/robot2/.*"]).look(published, {}, 0.0)) == 2


def test_a_camera_that_comes_back_soon_keeps_its_name_and_place():
    discovery = Discovery(ALL)
    both = images("/a/eye", "/b/eye")
    named = discovery.look(both, {}, 0.0)
    assert list(named) == ["eye", "b_eye"]
    assert discovery.look(images("/b/eye"), {}, GONE_AFTER) == named
    assert discovery.look(both, {}, GONE_AFTER + 1) == named
    assert discovery.look(images("/b/eye"), {}, 2 * GONE_AFTER + 2) == {"b_eye": "/b/eye"}
    assert discovery.look(both, {}, 2 * GONE_AFTER + 3) == {"b_eye": "/b/eye", "eye": "/a/eye"}


def test_what_is_given_a_name_by_hand_is_shown_once():
    discovery = Discovery(ALL)
    assert discovery.look(images("/a/eye"), {}, 0.0) == {"eye": "/a/eye"}
    assert discovery.look(images("/a/eye"), {"mine": "/a/eye"}, 1.0) == {}


parts = st.sampled_from(["a", "b", "eye", "image_raw", "compressed", "color"])
topics = st.lists(parts, min_size=1, max_size=4).map(lambda each: "/" + "/".join(each))


@given(st.lists(st.tuples(st.sets(topics, max_size=6), st.floats(0, 10)), max_size=8))
def test_names_are_unique_and_never_change(looks):
    discovery, now = Discovery(ALL), 0.0
    before: dict[str, str] = {}
    for published, passed in looks:
        now += passed
        found = discovery.look(images(*published), {"front": "/front/compressed"}, now)
        assert "front" not in found
        assert len(set(found.values())) == len(found)
        for name, topic in found.items():
            assert before.get(name, topic) == topic or topic not in before.values()
        before = found


def test_there_are_not_more_than_a_page_can_show():
    found = Discovery(ALL).look(images(*(f"/c{number}/eye" for number in range(200))), {}, 0.0)
    assert len(found) == MOST


@given(topics, st.sets(st.sampled_from(["a", "b", "eye", "a_eye", "a_eye_2"])))
def test_a_new_name_is_new(topic, taken):
    assert new_name(topic, taken) not in taken
