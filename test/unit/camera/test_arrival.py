# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""When what a live stream brings was sent."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.camera.arrival import LEAK, LONGEST_LATE, ByteArrivals, Lateness

rates = st.sampled_from([5.0, 10.0, 30.0])
begins = st.floats(-1e5, 1e5)
NEARLY = 1e-6


@given(st.lists(st.integers(1, 100), min_size=1), st.data())
def test_each_byte_came_with_its_chunk(sizes, data):
    arrivals = ByteArrivals()
    for number, size in enumerate(sizes):
        arrivals.add(size, float(number))
    chunk_of = [number for number, size in enumerate(sizes) for _ in range(size)]
    positions = sorted(data.draw(st.lists(st.integers(0, len(chunk_of) - 1))))
    assert [arrivals.at(position) for position in positions] == [chunk_of[p] for p in positions]


def test_of_bytes_that_nobody_asked_for_the_newest_are_kept():
    arrivals = ByteArrivals()
    assert arrivals.at(0) is None
    for number in range(100_000):
        arrivals.add(1, float(number))
    assert arrivals.at(99_000) == 99_000
    assert arrivals.at(5) == 99_000, "the earliest that is still known"


@given(rates, begins, st.floats(0.99, 1.01), st.lists(st.floats(0, 1), min_size=2, max_size=300))
def test_a_clock_that_is_one_percent_wrong_makes_no_picture_later_than_it_is(
    rate, begin, clock, delays
):
    """However the delays vary, what a picture is late by is at most what it was delayed by."""
    lateness = Lateness()
    late = 0.0
    arrivals = [number / rate + delay for number, delay in enumerate(delays)]
    for number, arrival in enumerate(itertools.accumulate(arrivals, max)):
        late = lateness.of(begin + clock * number / rate, arrival)
        # A clock that is slow adds to the difference for as long as the least is not met.
        assert -NEARLY <= late <= arrival - number / rate + 0.0102 * number / rate + NEARLY


@given(rates, begins, st.floats(0.99, 1.01), st.integers(2, 1000))
def test_without_delays_no_picture_is_late_whatever_the_clock(rate, begin, clock, count):
    lateness = Lateness()
    for number in range(count):
        late = lateness.of(begin + clock * number / rate, number / rate)
        assert late == pytest.approx(0, abs=NEARLY)


@given(rates, st.floats(0.05, 4), st.integers(1, 50))
def test_a_burst_after_a_gap_is_as_late_as_the_gap(rate, gap, before):
    lateness = Lateness()
    for number in range(before):
        lateness.of(number / rate, number / rate)
    resumed = before / rate + gap
    for number in itertools.takewhile(lambda n: n / rate < resumed, itertools.count(before)):
        late = lateness.of(number / rate, resumed)
        assert late == pytest.approx(resumed - number / rate, abs=LEAK * (gap + 1 / rate) + NEARLY)
    assert late <= 1 / rate + NEARLY, "it has caught up"


def test_a_delay_that_stays_is_forgotten_slowly():
    lateness = Lateness()
    lateness.of(0.0, 0.0)
    lates = [lateness.of(number / 30, number / 30 + 0.3) for number in range(1, 31)]
    assert lates[0] == pytest.approx(0.3, abs=0.01)
    assert lates[-1] == pytest.approx(0.28, abs=0.01)


@given(st.floats(LONGEST_LATE + 1, 1e6) | st.floats(-1e6, -LONGEST_LATE - 1))
def test_stamps_that_begin_anew_make_no_picture_late(jump):
    lateness = Lateness()
    for number in range(10):
        lateness.of(number / 10, number / 10)
    for number in range(10, 20):
        assert lateness.of(number / 10 + jump, number / 10) == pytest.approx(0, abs=NEARLY)


def test_pictures_that_are_sent_in_another_order_are_as_late_as_they_are():
    """Of three pictures the last one is sent first: it is needed to decode the others."""
    lateness = Lateness()
    order = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8]
    sent = [max(order[: place + 1]) / 10 for place in range(len(order))]
    lates = [lateness.of(n / 10, at) for n, at in zip(order, sent, strict=True)]
    expected = [at - n / 10 for n, at in zip(order, sent, strict=True)]
    assert lates == pytest.approx(expected, abs=2 * LEAK)


def test_of_pictures_without_stamps_nothing_is_known():
    assert Lateness().of(None, 5.0) == 0
