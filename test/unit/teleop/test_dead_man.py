# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The dead-man says beforehand when what the driver gave will hold no longer."""

import math

from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.teleop.dead_man import ARMED_PATIENCE, DeadMan, Given, Sight
from pi_webrtc_streamer.teleop.limits import Limits
from pi_webrtc_streamer.teleop.messages import NEUTRAL, Command, Flag

NOW = 100.0
TINY = 1e-6
ages = st.floats(0, 1)


@given(
    sent=ages,
    captured=ages,
    period=st.floats(0, 0.5),
    after=st.floats(0, 2),
    confirmed=st.booleans(),
)
def test_it_lapses_when_there_is_doubt_and_not_before(sent, captured, period, after, confirmed):
    sight = Sight(NOW - captured, period)
    command = Command(1, Flag.ARM | Flag.HOLD, 1, 1, 0, 1, NEUTRAL)
    dead_man = DeadMan(Limits())
    dead_man.arm(Given(command, NOW, NOW - sent, sight))
    if confirmed:
        dead_man.give(Given(command, NOW, NOW - sent, sight))
    assert not dead_man.doubt(dead_man.lapses - TINY)
    assert dead_man.doubt(max(dead_man.lapses, NOW) + TINY)
    assert bool(dead_man.doubt(NOW + after)) or NOW + after < dead_man.lapses + TINY


def test_nothing_lapses_while_nobody_drives_and_the_first_command_is_waited_for():
    dead_man = DeadMan(Limits())
    assert dead_man.lapses == math.inf
    command = Command(1, Flag.ARM, 1, 1, 0, 1, NEUTRAL)
    dead_man.arm(Given(command, NOW, NOW, Sight(NOW)))
    assert dead_man.lapses == NOW + ARMED_PATIENCE
    dead_man.disarm()
    assert dead_man.lapses == math.inf
