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
    stamp = first
    for step in [0, *steps]:
        stamp += step
        assert clock.ticks(stamp) == stamp * 9 // 100_000 % 2**32


@given(st.lists(stamps, min_size=2, max_size=50))
def test_timestamps_increase_whatever_the_stamps_do(script):
    clock = RtpClock()
    last = clock.ticks(script[0])
    previous = script[0]
    for stamp in script[1:]:
        ticks = clock.ticks(stamp)
        if abs(stamp - previous) < 2**31 * 11_111:  # further apart, modulo 2**32 says nothing
            assert 0 < (ticks - last) % 2**32 < 2**31
        last, previous = ticks, stamp


def test_a_clock_set_back_an_hour_goes_on():
    clock = RtpClock()
    hour = 3600 * 10**9
    before = clock.ticks(2 * hour)
    after = clock.ticks(hour)
    assert after - before == 3000
    assert clock.ticks(hour + 10**9) - after == 90_000


def test_a_repeated_picture_is_one_tick_later():
    clock = RtpClock()
    assert clock.ticks(10**9) + 1 == clock.ticks(10**9)


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
