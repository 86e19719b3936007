# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What ROS calls back, for a while: callback groups that are forgotten, and timers."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.callback_groups import CallbackGroup, MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from ..runtime.owning import Owned


def own_group() -> CallbackGroup:
    """Make a callback group for one timer, subscription, publisher or client.

    A group never forgets what was in it (rclpy 7 and 9). In the node's own, whatever comes and goes
    would leave a trace for as long as the node is there.
    """
    return MutuallyExclusiveCallbackGroup()


def call_every(
    seconds: float, callback: Callable[[], object], owned: Owned, what: str, node: Node
) -> None:
    """Have a node's executor call something every few seconds, as long as a stack is open.

    It goes by the steady clock, since simulated time may stand still.
    """
    owned.take(
        what,
        lambda: node.create_timer(
            seconds,
            callback,
            callback_group=own_group(),
            clock=Clock(clock_type=ClockType.STEADY_TIME),
        ),
        node.destroy_timer,
    )
