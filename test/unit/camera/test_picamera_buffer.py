# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Buffers as libcamera fills them."""

import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.camera.picamera_buffer import Clocks, exposed_at, read_clocks, split_yuv420


@given(st.integers(1, 64), st.integers(1, 64), st.integers(0, 16))
def test_yuv420_planes_are_split_in_place(half_width, half_height, padding):
    width, height, stride = 2 * half_width, 2 * half_height, 2 * (half_width + padding)
    octets = np.arange(stride * height * 3 // 2, dtype=np.uint64).astype(np.uint8)
    picture = split_yuv420(octets, width, height, stride, stamp=5)
    assert picture.y.shape == (height, width)
    assert picture.u.shape == picture.v.shape == (half_height, half_width)
    assert np.shares_memory(picture.y, octets)
    assert picture.u[0, 0] == octets[stride * height]
    assert picture.v[0, 0] == octets[stride * height * 5 // 4]


DAY = 86_400_000_000_000  # nanoseconds
times = st.integers(0, 1000 * DAY)
ages = st.integers(0, 60_000_000_000)


@given(times, times, ages, st.booleans())
def test_a_stamp_of_either_clock_is_the_time_of_exposure(wall, monotonic, age, of_boottime):
    """Where the machine has not slept, or longer than the picture is old."""
    for slept in (0, age + 1, DAY):
        now = Clocks(wall, monotonic + age, monotonic + age + slept)
        sensor = (now.boottime if of_boottime else now.monotonic) - age
        assert exposed_at(sensor, now) == wall - age


@given(times, times, ages, ages)
def test_a_machine_that_slept_since_makes_a_picture_no_older_and_not_of_tomorrow(
    wall, monotonic, age, slept
):
    now = Clocks(wall, monotonic + age, monotonic + age + slept)
    assert wall - age <= exposed_at(now.boottime - age, now) <= wall


@given(times, times, times, st.integers(1, DAY))
def test_a_stamp_of_the_future_or_none_is_now(wall, monotonic, slept, ahead):
    now = Clocks(wall, monotonic, monotonic + slept)
    assert exposed_at(now.boottime + ahead, now) == wall
    assert exposed_at(None, now) == wall


@given(times, times, ages, st.integers(-DAY, DAY))
def test_a_clock_of_the_day_that_is_set_moves_the_stamp_with_it(wall, monotonic, age, step):
    sensor = monotonic
    before = Clocks(wall, monotonic + age, monotonic + age)
    after = before._replace(wall=wall + step)
    assert exposed_at(sensor, after) - exposed_at(sensor, before) == step


def test_the_clocks_are_those_of_the_kernel():
    earlier = time.time_ns(), time.monotonic_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    read = read_clocks()
    later = time.time_ns(), time.monotonic_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert all(a <= b <= c for a, b, c in zip(earlier, read, later, strict=True))
