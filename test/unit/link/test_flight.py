# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is in flight: whether more should follow, and how fast it passes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.link.flight import (
    COUNTED,
    FEWEST,
    LEAST_COUNTED,
    LONGEST,
    MEASURED,
    SLACK,
    STALL,
    Flight,
)

WAY = 0.04  # seconds there and back
PERIOD = 1 / 30


def fly(flight: Flight, bits: int, took: float, now: float, waits: float = 0.0) -> None:
    """Send a picture, which takes so long beside the way and what it waits for."""
    if flight.measures_next:
        flight.on_answer_before(WAY + waits, now)
    flight.on_sent(bits, now)
    flight.on_answer(WAY + waits + took, now)


def flown(pictures: int, bits: int, took: float, waits: float = 0.0) -> Flight:
    """Send pictures one after the other."""
    flight = Flight()
    flight.on_echo(WAY)
    for number in range(pictures):
        fly(flight, bits, took, number * PERIOD, waits)
    return flight


def test_nothing_should_follow_what_has_not_passed_in_time():
    flight = Flight()
    flight.on_echo(WAY)
    assert not flight.full(0.0)
    flight.on_sent(1000, 0.0)
    assert not flight.full(WAY + SLACK)
    assert flight.full(WAY + SLACK + 0.001)
    flight.on_answer(3.0, 0.0)
    assert not flight.full(3.0)
    assert not flight.under_way


@pytest.mark.parametrize(("took", "usual"), [(0.03, 0.03), (5 * LONGEST, LONGEST)])
def test_what_is_usual_is_in_time_unless_it_is_very_long(took, usual):
    flight = flown(60, 20_000, took)
    now = 60 * PERIOD
    flight.on_sent(20_000, now)
    assert not flight.full(now + WAY + usual + SLACK - 0.001)
    assert flight.full(now + WAY + usual + SLACK + 0.001)


def test_a_picture_that_is_larger_than_others_may_take_longer():
    flight = flown(60, 20_000, took=0.02)
    now = 60 * PERIOD
    flight.on_sent(80_000, now)
    assert not flight.full(now + WAY + 0.08 + SLACK - 0.001)
    assert flight.full(now + WAY + 0.08 + SLACK + 0.001)


@given(st.floats(200e3, 5e6), st.floats(0.1, 0.9), st.floats(1, 4))
def test_over_a_steady_link_nothing_is_late(rate, load, larger):
    """Not even if every tenth picture is larger than the others, as long as it passes soon."""
    flight = Flight()
    flight.on_echo(WAY)
    free_at = 0.0
    under_way: list[tuple[float, float, float]] = []  # when sent, when its turn came, when passed
    for number in range(90):
        now = number * PERIOD
        while under_way and under_way[0][2] + WAY <= now:
            sent, begun, passed = under_way.pop(0)
            flight.on_answer_before(begun + WAY - sent, sent)
            flight.on_answer(passed + WAY - sent, sent)
        if number > 30 and flight.full(now):
            assert any(passed - sent > LONGEST for sent, _, passed in under_way)
        begun = max(free_at, now)
        bits = round(load * rate * PERIOD * (larger if number % 10 == 9 else 1))
        free_at = begun + bits / rate
        flight.on_sent(bits, now)
        under_way.append((now, begun, free_at))


def test_a_later_answer_says_that_what_came_before_has_passed_too():
    flight = Flight()
    for number in range(3):
        flight.on_sent(1000, number * PERIOD)
    flight.on_answer(WAY, PERIOD)
    assert flight.full(2 * PERIOD + WAY + LONGEST + SLACK), "the third has not passed"
    flight.on_answer(WAY, 2 * PERIOD)
    assert not flight.under_way
    flight.on_answer(WAY, 0.0)  # and one that comes late says nothing


def test_a_link_carries_the_bits_that_pass_in_the_time_that_they_take():
    flight = flown(60, 20_000, took=0.02)
    assert flight.carries(60 * PERIOD) == pytest.approx(1_000_000, rel=0.01)


def test_what_makes_all_answers_late_is_not_counted():
    """A radio has to wait for its turn, and a viewer may have other work."""
    flight = flown(60, 20_000, took=0.0125, waits=0.02)
    assert flight.carries(60 * PERIOD) == pytest.approx(1_600_000, rel=0.01)
    assert flight.usual(-math.inf) == pytest.approx(0.0325)


def test_pictures_that_are_small_do_not_show_what_the_link_carries():
    """A dark room's, over a network that is fast: what they take is other work's."""
    flight = flown(60, 4_000, took=0.003)
    assert flight.carries(60 * PERIOD) == math.inf


def test_a_picture_is_measured_now_and_then_and_not_by_another_ones_answer():
    flight = Flight()
    measured = 0
    for number in range(10 * MEASURED):
        measured += flight.measures_next
        flight.on_sent(20_000, number * PERIOD)
        flight.on_answer_before(WAY, number * PERIOD - 0.01)
        flight.on_answer(WAY + 0.02, number * PERIOD)
    assert measured == 10
    assert flight.carries(10 * MEASURED * PERIOD) == math.inf


def test_most_pictures_say_what_is_usual_and_few_say_nothing():
    assert flown(FEWEST - 1, 1000, took=0.02).usual(-math.inf) == 0.0
    flight = flown(60, 1000, took=0.02)
    assert flight.usual(-math.inf) == pytest.approx(0.02)
    assert flight.usual(60 * PERIOD) == 0.0, "none was sent since"
    for number in range(60, 66):
        flight.on_sent(1000, number * PERIOD)
        flight.on_answer(WAY + 0.3, number * PERIOD)
    assert flight.usual(-math.inf) == pytest.approx(0.02), "six of 60"


def test_a_stall_says_nothing_of_what_the_link_carries():
    flight = flown(60, 20_000, took=0.02)
    now = 60 * PERIOD
    before = flight.carries(now)
    fly(flight, 20_000, 2 * STALL, now)
    assert flight.carries(now) == pytest.approx(before, rel=0.01)


def test_a_link_that_takes_long_for_each_picture_does_not_stall_but_is_slow():
    flight = Flight()
    flight.on_echo(WAY)
    for number in range(6 * MEASURED):
        fly(flight, 80_000, 1.5 * STALL, number * 2 * STALL)
    assert flight.carries(12 * MEASURED * STALL) == pytest.approx(80_000 / 1.5 / STALL)


def test_a_way_that_has_become_longer_is_the_usual_one_after_a_while():
    flight = flown(30, 1000, took=0.0)
    now = 30 * PERIOD
    while now < 1 + 2 * LEAST_COUNTED:
        flight.on_sent(1000, now)
        flight.on_answer(WAY + 0.3, now)
        now += 0.35
    flight.on_sent(1000, now)
    assert not flight.full(now + WAY + 0.3)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["sent", "before", "answer", "echo"]), st.floats(0, 3), st.floats(0, 5)
        ),
        max_size=80,
    )
)
def test_whatever_comes_the_figures_make_sense(script):
    flight = Flight()
    now = 0.0
    for kind, step, back in script:
        now += step
        if kind == "sent":
            flight.on_sent(1000, now)
        elif kind == "before":
            flight.on_answer_before(back, now - back)
        elif kind == "answer":
            flight.on_answer(back, now - back)
        else:
            flight.on_echo(back)
        assert flight.carries(now) > 0
        assert flight.usual(now - COUNTED) >= 0
        assert flight.under_way or not flight.full(now)
    flight.on_answer(0.0, now)
    assert not flight.full(now), "an answer of now opens it again"
