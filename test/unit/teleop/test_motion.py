# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is published when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.teleop.limits import STANDSTILL, Limits, Velocity
from pi_webrtc_streamer.teleop.motion import STOP_PERIOD, ZEROS, Motion

FORWARD = Velocity(0.3)


def test_nothing_is_published_for_nobody():
    motion = Motion(Limits())
    assert motion.output(0.0, stopped=False) is None
    assert motion.is_over(0.0)


@given(st.lists(st.tuples(st.floats(0.001, 0.5), st.sampled_from(["go", "let go", "halt"]))))
def test_each_motion_ends_in_zeros_and_the_zeros_in_silence(steps):
    motion, now, moved = Motion(Limits()), 0.0, None
    for passed, what in steps:
        now += passed
        if what == "halt":
            motion.halt()
        else:
            motion.approach(FORWARD if what == "go" else STANDSTILL, passed)
        output = motion.output(now, stopped=False)
        if motion.velocity != STANDSTILL:
            moved = now
            assert output == motion.velocity
        elif moved is not None and now <= moved + ZEROS:  # as it is rounded
            assert output == STANDSTILL
        else:
            assert output is None
            assert motion.is_over(now)


def test_while_stopped_zeros_go_on_and_on():
    motion = Motion(Limits())
    outputs = [motion.output(step / 20, stopped=True) for step in range(200)]
    assert set(outputs) == {None, STANDSTILL}
    assert outputs.count(STANDSTILL) == pytest.approx(200 / 20 / STOP_PERIOD, abs=1)
