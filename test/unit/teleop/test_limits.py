# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How fast a driver may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.teleop.limits import STANDSTILL, Limits, Velocity
from pi_webrtc_streamer.teleop.messages import Axes, Command, Flag

deflections = st.floats(-1, 1)
ages = st.floats(0, 20)
limits = st.builds(
    Limits,
    speed=st.floats(0, 3),
    turn_speed=st.floats(0, 3),
    fast_factor=st.floats(1, 4),
    slow_factor=st.floats(0.1, 1),
    holonomic=st.booleans(),
)
flags = st.builds(Flag, st.integers(0, 31))


@given(limits, flags, st.builds(Axes, *[deflections] * 5), ages)
def test_nothing_moves_further_than_it_may_unseen(limits, flags, axes, age):
    velocity = limits.wanted(Command(1, flags, axes=axes), age)
    if age >= limits.blind_from:
        assert abs(velocity.forward) * age <= limits.blind_distance + 1e-9
        assert abs(velocity.left) * age <= limits.blind_distance + 1e-9
    assert abs(velocity.forward) <= limits.speed * limits.fast_factor + 1e-9
    assert abs(velocity.turn) <= limits.turn_speed * limits.fast_factor + 1e-9
    if not limits.holonomic:
        assert velocity.left == 0
    if not flags & Flag.HOLD:
        assert velocity == STANDSTILL


def test_fast_and_slow():
    full = Axes(forward=1.0, turn=-1.0)
    speeds = [
        Limits().wanted(Command(1, Flag.HOLD | flag, axes=full), 0.1)
        for flag in (Flag(0), Flag.FAST, Flag.SLOW, Flag.FAST | Flag.SLOW)
    ]
    assert [round(speed.forward, 3) for speed in speeds] == [0.3, 0.6, 0.15, 0.15]
    assert [round(speed.turn, 3) for speed in speeds] == [-0.6, -1.2, -0.3, -0.3]


def test_a_late_picture_slows_and_keeps_the_curve():
    limits = Limits(speed=1.0, turn_speed=2.0)
    late = limits.wanted(Command(1, Flag.HOLD, axes=Axes(forward=1.0, turn=0.5)), 0.5)
    assert late.forward == pytest.approx(0.5)
    assert late.turn / late.forward == pytest.approx(1.0)


@given(
    st.builds(Velocity, *[st.floats(-2, 2)] * 3),
    st.builds(Velocity, *[st.floats(-2, 2)] * 3),
    st.floats(0, 1),
)
def test_speed_changes_no_faster_than_it_may(before, wanted, passed):
    limits = Limits(acceleration=1.0, turn_acceleration=3.0)
    after = limits.approach(before, wanted, passed)
    for was, is_now, goal, rate in zip(before, after, wanted, (1.0, 1.0, 3.0), strict=True):
        assert abs(is_now - was) <= rate * passed + 1e-9
        assert abs(goal - is_now) <= abs(goal - was)


def test_slow_cameras_may_be_driven_by():
    assert Limits().longest_picture_age(1 / 30) == 0.5
    assert Limits().longest_picture_age(1.0) == 3.0
