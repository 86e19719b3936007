"""Key frames when they are due, RTP timestamps that always increase, rates."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.media.keyframes import KeyframeGate
from pi_webrtc_streamer.media.rate import RateMeter
from pi_webrtc_streamer.media.rtp_clock import RtpClock

steps = st.lists(st.tuples(st.floats(0, 0.2), st.booleans()), max_size=100)


@given(steps, st.floats(0.01, 0.5))
def test_key_frames_keep_their_distance_and_serve_every_request(script, interval):
    gate = KeyframeGate(interval)
    now = 0.0
    made: list[float] = []
    requested: float | None = None
    for step, request in script:
        now += step
        if request:
            gate.request(now)
            requested = now if requested is None else requested
        if gate.due(now):
            assert requested is not None, "nobody had asked"
            gate.made(now)
            made.append(now)
            requested = None
        elif requested is not None:
            assert made
            assert now < made[-1] + interval, "it could have been made"
    assert all(b - a >= interval - 1e-9 for a, b in itertools.pairwise(made))
    assert gate.pending == (requested is not None)


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


@given(st.floats(0.5, 200), st.integers(2, 50))
def test_a_steady_rate_is_exact(rate, count):
    meter = RateMeter(window=1000)
    for number in range(count):
        meter.add(number / rate)
    assert meter.rate((count - 1) / rate) == pytest.approx(rate)


def test_a_rate_falls_to_zero_when_nothing_comes():
    meter = RateMeter(window=2)
    meter.add(0)
    meter.add(1)
    assert meter.rate(1) == 1
    assert meter.rate(4) == 0
