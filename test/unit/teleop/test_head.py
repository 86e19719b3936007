# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where the head goes."""

from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.teleop.head import Gaze, Head, HeadLimits

deflections = st.floats(-1, 1)
LIMITS = HeadLimits(speed=1.0, pan=(-1.0, 1.0), tilt=(-0.5, 0.25))


def test_it_moves_nothing_before_the_joints_are_known():
    head = Head(LIMITS)
    assert not head.known
    assert head.step(1.0, 1.0, 0.05) is None


@given(
    st.floats(-3, 3),
    st.floats(-3, 3),
    st.lists(st.tuples(deflections, deflections, st.floats(0, 0.1)), max_size=50),
)
def test_nothing_jumps_or_leaves_its_limits(pan, tilt, moves):
    head = Head(LIMITS)
    head.measure(Gaze(pan, tilt))
    last = Gaze(pan, tilt)
    for pan_by, tilt_by, passed in moves:
        gaze = head.step(pan_by, tilt_by, passed)
        if gaze is None:
            last = Gaze(pan, tilt)  # the next movement begins where the joints are
            continue
        assert abs(gaze.pan - last.pan) <= passed + 1e-9
        assert abs(gaze.tilt - last.tilt) <= passed + 1e-9
        assert min(pan, -1.0) <= gaze.pan <= max(pan, 1.0)
        assert min(tilt, -0.5) <= gaze.tilt <= max(tilt, 0.25)
        last = gaze


def test_a_joint_may_turn_the_other_way():
    head = Head(HeadLimits(pan_direction=-1.0))
    head.measure(Gaze(0.0, 0.0))
    assert head.step(1.0, 0.0, 0.1) == Gaze(-0.1, 0.0)


def test_a_movement_begins_where_the_head_is():
    head = Head(LIMITS)
    head.measure(Gaze(0.0, 0.0))
    head.step(1.0, 0.0, 0.1)
    head.step(0.0, 0.0, 0.1)
    head.measure(Gaze(-0.5, 0.0))
    assert head.step(1.0, 0.0, 0.1) == Gaze(-0.4, 0.0)
