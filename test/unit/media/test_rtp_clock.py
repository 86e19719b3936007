# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Capture time as RTP timestamps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.media.rtp_clock import RtpClock

steps = st.lists(st.tuples(st.floats(0, 0.2), st.booleans()), max_size=100)


stamps = st.integers(0, 2**62)


@given(stamps, st.lists(st.integers(11_112, 10**12), max_size=50))
def test_increasing_stamps_are_kept_exactly(first, steps):
    clock = RtpClock()
    stamp, now = first, 0.0
    for step in [0, *steps]:
        stamp += step
        now += max(0, step / 1e9 - 9)  # they may come faster than they were captured, to a degree
        assert clock.ticks(stamp, now) == stamp * 9 // 100_000 % 2**32


@given(st.lists(stamps, min_size=2, max_size=50))
def test_timestamps_increase_whatever_the_stamps_do(script):
    clock = RtpClock()
    last = clock.ticks(script[0], 0.0)
    for number, stamp in enumerate(script[1:], 1):
        ticks = clock.ticks(stamp, number / 30)
        assert 0 < (ticks - last) % 2**32 < 2**31
        last = ticks


@pytest.mark.parametrize("hours", [-1, 1, 10, 24 * 365])
def test_a_clock_that_is_set_goes_on(hours):
    clock = RtpClock()
    stamp, hour = 10**18, 3600 * 10**9
    before = clock.ticks(stamp, 0.0)
    after = clock.ticks(stamp + hours * hour, 0.033)
    assert (after - before) % 2**32 == 3000
    again = clock.ticks(stamp + hours * hour + 10**9, 1.033)
    assert (again - after) % 2**32 == 90_000


def test_a_pause_of_hours_is_no_step():
    clock = RtpClock()
    clock.ticks(10**18, 0.0)
    stamp = 10**18 + 3600 * 10**9
    assert clock.ticks(stamp, 3600.0) == stamp * 9 // 100_000 % 2**32


def test_a_repeated_picture_is_one_tick_later():
    clock = RtpClock()
    assert clock.ticks(10**9, 0.0) + 1 == clock.ticks(10**9, 0.0)
