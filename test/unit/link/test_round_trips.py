# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Full queues, by the round trips over a link."""

from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.link.rate_control import LinkEstimate
from pi_webrtc_streamer.link.round_trips import FULL_QUEUE, LASTING, LATE, RoundTrips

STANDING = (LATE + FULL_QUEUE) / 2


def test_one_far_above_the_least_is_a_full_queue():
    round_trips = RoundTrips()
    assert not round_trips.tell_full(0.3, 0)
    assert not round_trips.tell_full(0.02, 1)
    assert round_trips.tell_full(0.02 + 1.1 * FULL_QUEUE, 2)
    assert not round_trips.tell_full(0.02, 3)


def test_what_was_noted_before_there_were_pictures_counts():
    round_trips = RoundTrips()
    round_trips.note(0.001)
    assert round_trips.tell_full(0.2, 1)


def test_a_queue_that_stands_is_full_after_a_while():
    round_trips = RoundTrips()
    round_trips.note(0.01)
    for second in range(4):
        assert not round_trips.tell_full(0.01 + STANDING, second)
    assert round_trips.tell_full(0.01 + STANDING, LASTING)
    assert not round_trips.tell_full(0.01, LASTING + 1)
    assert not round_trips.tell_full(0.01 + STANDING, LASTING + 2), "it begins anew"


@given(st.floats(0, 10), st.lists(st.floats(0, 0.99 * LATE), max_size=50))
def test_what_varies_a_little_is_no_queue(least, above):
    round_trips = RoundTrips()
    for second, excess in enumerate(above):
        assert not round_trips.tell_full(least + excess, second)


@given(st.floats(0.001, 0.2), st.floats(0.16, 5))
def test_a_way_that_has_become_longer_is_learnt_and_the_link_recovers(least, more):
    """That of a robot that has moved to another network, say."""
    highest = 2_500_000
    link = LinkEstimate(highest)
    link.on_round_trip(least, highest, 0)
    for second in range(1, 200):
        sent = link.capacity(second)
        link.on_round_trip(least + more, sent, second)
    assert link.capacity(200) == highest
