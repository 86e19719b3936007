# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A camera has stopped when its own rhythm says so, and not before."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.media.rhythm import (
    LEAST_PATIENCE,
    LONGEST_PERIOD,
    REMEMBERED,
    UNKNOWN_PATIENCE,
    Rhythm,
)

periods = st.floats(0.005, 0.99 * LONGEST_PERIOD)
fast = st.floats(0.005, 0.3)


def play(intervals: Iterable[float], rhythm: Rhythm | None = None, begin: float = 100.0) -> Rhythm:
    """Let pictures come, the first at once, and each of the others an interval later."""
    rhythm = rhythm or Rhythm()
    now = begin
    rhythm.add(now)
    for interval in intervals:
        now += interval
        rhythm.add(now)
    return rhythm


@given(periods, st.integers(1, 200))
def test_a_steady_camera_is_waited_for_three_periods(period, count):
    rhythm = play([period] * count)
    assert rhythm.period == pytest.approx(period)
    assert rhythm.patience == pytest.approx(max(LEAST_PATIENCE, 3 * period))


@given(periods, st.lists(st.floats(0.7, 1.3), min_size=3, max_size=100))
def test_an_uneven_camera_is_never_taken_for_stopped(period, unevenness):
    rhythm = play([])
    now = 100.0
    for number, share in enumerate(unevenness):
        if number > 0:
            assert share * period < rhythm.patience
        now += min(share * period, LONGEST_PERIOD)
        rhythm.add(now)


def test_of_one_picture_nothing_is_known():
    assert Rhythm().period is None
    assert play([]).period is None
    assert play([]).patience == UNKNOWN_PATIENCE


@given(fast, st.floats(1.0, 1000.0), st.integers(10, 200), st.integers(0, 200))
def test_one_gap_is_no_rhythm(period, gap, before, after):
    rhythm = play([*[period] * before, gap, *[period] * after])
    assert rhythm.period == pytest.approx(period)
    assert rhythm.patience == pytest.approx(LEAST_PATIENCE)


@given(fast, st.integers(1, 30), st.floats(1.0, 0.99 * LONGEST_PERIOD), st.integers(2, 20))
def test_bursts_are_a_rhythm_once_a_gap_has_come_twice(period, burst, gap, times):
    rhythm = play([*[period] * burst, gap] * times)
    assert rhythm.patience >= 1.5 * gap * 0.999
    assert rhythm.patience <= max(3 * gap, LEAST_PATIENCE) * 1.001


@given(fast, st.floats(2.0, 0.99 * LONGEST_PERIOD), st.integers(10, 100))
def test_a_camera_that_becomes_slow_is_believed_after_two_periods(period, slow, before):
    rhythm = play([period] * before)
    assert rhythm.patience < slow
    rhythm = play([*[period] * before, slow, slow])
    assert slow < rhythm.patience <= 3.001 * slow
    rhythm = play([*[period] * before, *[slow] * 9])
    assert rhythm.patience == pytest.approx(3 * slow)


@given(periods, fast)
def test_a_camera_that_becomes_fast_is_soon_judged_as_such(slow, period):
    rhythm = play([*[slow] * 20, *[period] * REMEMBERED])
    assert rhythm.patience == pytest.approx(LEAST_PATIENCE)


@given(fast, st.floats(10.0, 50.0))
def test_what_nobody_listened_to_is_no_gap(period, away):
    rhythm = play([])
    now = 100.0
    for _ in range(3):
        rhythm.rest()
        now += away
        play([period] * 5, rhythm, now)
    assert rhythm.patience == pytest.approx(LEAST_PATIENCE)


@given(st.lists(st.floats(-100.0, 1000.0), max_size=100))
def test_whatever_happens(intervals):
    rhythm = play(intervals)
    assert 1.0 <= rhythm.patience <= 3 * LONGEST_PERIOD
    assert rhythm.period is None or 0 < rhythm.period <= LONGEST_PERIOD
