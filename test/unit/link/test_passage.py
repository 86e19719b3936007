# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the passage of key frames says of links that are simulated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.link.passage import MOST_MEASURED, NARROW, PATIENCE, Passage

rates = st.floats(1e5, 1e8)  # bit/s
sizes = st.integers(1_000, 1_000_000)  # bits
delays = st.floats(0, 0.9)  # seconds


def send(passage: Passage, bits: int, round_trip: float, now: float = 0.0) -> None:
    """Send a key frame between two questions, the first of which is answered."""
    passage.begin(bits, now)
    passage.on_answer_before(round_trip)


@given(rates, sizes, delays)
def test_a_narrow_link_is_known_by_its_first_key_frame(rate, bits, way):
    passage = Passage()
    assert passage.measures_next
    send(passage, bits, way)
    assert passage.under_way(0.0)
    took = bits / rate
    carried = passage.on_answer_behind(way + took, 0.0)
    assert not passage.under_way(0.0)
    if took > 1.001 * NARROW:
        assert carried == pytest.approx(rate, rel=1e-3)
        assert passage.measures_next
    elif took < 0.999 * NARROW:
        assert carried is None
        assert not passage.measures_next, "it is wide enough"


@given(rates, sizes, delays, st.floats(0.001, 0.9))
def test_the_first_question_behind_it_may_be_lost(rate, bits, way, later):
    """The next one stands behind what is still under way, or comes when nothing is."""
    passage = Passage()
    send(passage, bits, way)
    rest = max(0.0, bits / rate - later)
    carried = passage.on_answer_behind(way + rest, later)
    assert carried is None or carried == pytest.approx(rate, rel=1e-3)


@given(sizes, delays, st.floats(0, 10))
def test_what_makes_all_answers_late_says_nothing(bits, way, late):
    passage = Passage()
    send(passage, bits, way + late)
    assert passage.on_answer_behind(way + late, 0.0) is None


def test_without_an_answer_to_the_question_before_it_nothing_is_known():
    passage = Passage()
    passage.begin(200_000, 0.0)
    assert passage.on_answer_behind(0.5, 0.0) is None
    assert not passage.under_way(0.0)


def test_a_question_of_before_says_nothing():
    passage = Passage()
    send(passage, 200_000, 0.01, now=1.0)
    assert passage.on_answer_behind(0.5, 0.9) is None
    assert passage.under_way(1.0)


@pytest.mark.parametrize(("answered", "carried"), [(True, 200_000 / PATIENCE), (False, None)])
def test_who_does_not_answer_is_not_waited_for(answered, carried):
    """If the question before it was answered, the key frame is still under way."""
    passage = Passage()
    passage.begin(200_000, 5.0)
    if answered:
        passage.on_answer_before(0.01)
    assert passage.under_way(5.0 + 0.99 * PATIENCE)
    assert not passage.under_way(5.0 + PATIENCE)
    assert passage.give_up() == carried
    assert passage.on_answer_behind(2.0, 5.0) is None, "it is too late"


def test_a_narrow_link_is_measured_until_it_is_given_what_it_carries():
    passage = Passage()
    for _ in range(MOST_MEASURED):
        assert passage.measures_next
        send(passage, 200_000, 0.01)
        assert passage.on_answer_behind(0.3, 0.0) is not None
    assert not passage.measures_next, "it would be for ever"


def test_a_link_that_was_too_full_is_drained_and_measured_anew():
    passage = Passage()
    send(passage, 1_000, 0.01)
    passage.on_answer_behind(0.01, 0.0)
    assert not passage.measures_next
    passage.drain(10.0)
    assert passage.under_way(10.0)
    assert passage.on_answer_behind(0.4, 10.0) is None, "what drained is not known"
    assert not passage.under_way(10.0)
    assert passage.measures_next
