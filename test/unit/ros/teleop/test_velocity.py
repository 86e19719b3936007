# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who takes the velocities, and as what."""

import pytest
from geometry_msgs.msg import Twist, TwistStamped

from pi_webrtc_streamer.ros.teleop.velocity import choose_type, describe_listeners

PLAIN, STAMPED = "geometry_msgs/msg/Twist", "geometry_msgs/msg/TwistStamped"


@pytest.mark.parametrize(
    ("setting", "subscribed", "chosen"),
    [
        ("auto", [], TwistStamped),
        ("auto", [PLAIN], Twist),
        ("auto", [STAMPED], TwistStamped),
        ("auto", [PLAIN, STAMPED], TwistStamped),
        ("auto", ["std_msgs/msg/String"], TwistStamped),
        ("twist", [STAMPED], Twist),
        ("twist_stamped", [PLAIN], TwistStamped),
    ],
)
def test_the_type_follows_the_subscribers_unless_it_is_set(setting, subscribed, chosen):
    assert choose_type(setting, subscribed) is chosen


@pytest.mark.parametrize(
    ("chosen", "subscribed", "misfits", "count", "problem"),
    [
        (Twist, [PLAIN, PLAIN], 0, 2, ""),
        (Twist, [], 0, 0, "Nobody listens on /cmd_vel"),
        (Twist, [STAMPED], 0, 0, "nothing moves. Set teleop.type"),
        (TwistStamped, [PLAIN, STAMPED], 0, 1, "get nothing: TwistStamped is published"),
        (TwistStamped, [], 1, 0, "another QoS"),
        (TwistStamped, [STAMPED], 1, 1, "another QoS"),
    ],
)
def test_what_is_wrong_is_said(chosen, subscribed, misfits, count, problem):
    listeners = describe_listeners("/cmd_vel", chosen, subscribed, misfits)
    assert listeners.type == chosen.__name__
    assert listeners.count == count
    assert problem in listeners.problem
    assert bool(listeners.problem) is bool(problem)
