# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How often something happens, by a count that is looked at now and then."""

from itertools import accumulate, pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pi_webrtc_streamer.telemetry.diagnosis.frequency import (
    PATIENCE,
    PATIENCE_PERIODS,
    WINDOW,
    WINDOW_PERIODS,
    Frequency,
)

rates = st.floats(0.1, 240.0)  # what the parameter framerate can be
intervals = st.lists(st.floats(0.05, 20.0), min_size=2, max_size=40)  # between two looks
phases = st.floats(0.0, 1.0, exclude_max=True)


def count_of(rate: float, phase: float, now: float) -> int:
    """How many events there were until ``now``, of which the first was at ``phase`` periods."""
    return max(0, int(now * rate - phase) + 1) if now * rate >= phase else 0


@given(rates, phases, intervals)
def test_what_happens_as_often_as_it_should_is_never_found_fault_with(rate, phase, intervals):
    frequency = Frequency(0.0)
    for now in accumulate(intervals):
        measured = frequency.look(now, count_of(rate, phase, now), rate)
        assert not measured.too_low
        assert not measured.silent


@given(rates, phases, st.floats(0.05, 0.7), st.floats(0.2, 5.0))
def test_what_happens_too_seldom_is_seen_within_a_window(rate, phase, share, interval):
    frequency = Frequency(0.0)
    needed = 2 * max(WINDOW, WINDOW_PERIODS / rate) + 2 / (rate * share) + 3 * interval
    # Fewer than two events are missing from some windows: that may be where they were looked at.
    assume((0.9 - share) * rate * max(WINDOW, WINDOW_PERIODS / rate) > 2)
    now = 0.0
    while now < needed:
        now += interval
        measured = frequency.look(now, count_of(rate * share, phase, now), rate)
    assert measured.too_low
    assert measured.rate == pytest.approx(rate * share, abs=2 / measured.seconds)


@given(rates, intervals)
def test_silence_is_told_from_when_it_is_too_long(rate, intervals):
    frequency = Frequency(0.0)
    patience = max(PATIENCE, PATIENCE_PERIODS / rate)
    for now in accumulate(intervals):
        measured = frequency.look(now, 0, rate)
        assert measured.silent == (now if now >= patience else 0.0)
        assert measured.rate is None


@given(st.floats(0.0, 1e6), rates)
def test_what_begins_late_is_not_taken_for_slow(late, rate):
    frequency = Frequency(0.0)
    for look in range(20):
        now = late + look
        assert not frequency.look(now, count_of(rate, 0.0, look * 1.0), rate).too_low


@given(st.lists(st.tuples(st.floats(0.01, 100.0), st.integers(0, 1000)), min_size=1))
def test_the_numbers_are_those_of_a_window(looks):
    frequency = Frequency(0.0)
    now, count = 0.0, 0
    for interval, events in looks:
        now, count = now + interval, count + events
        measured = frequency.look(now, count, 30.0)
        assert 0 <= measured.events <= count
        assert 0 <= measured.seconds <= now


def test_the_window_is_no_longer_than_it_has_to_be():
    frequency = Frequency(0.0)
    seen = [frequency.look(float(now), 30 * now, 30.0) for now in range(1, 60)]
    assert {measured.seconds for measured in seen[10:]} == {WINDOW}
    assert all(before.seconds <= after.seconds for before, after in pairwise(seen))
