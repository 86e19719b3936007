# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the robot tells of itself, to be shown to who drives it."""

from __future__ import annotations

import math
from collections.abc import Callable

from nav_msgs.msg import Odometry
from rclpy.node import Node
from sensor_msgs.msg import BatteryState

from ...runtime.owning import Owned
from ..endpoints import subscribe_to


def follow_odometry(node: Node, topic: str, tell: Callable[[float], object], owned: Owned) -> None:
    """Tell the speed, in m/s, that odometry measures: negative backwards."""

    def take(message: Odometry) -> None:
        linear = message.twist.twist.linear
        tell(math.copysign(math.hypot(linear.x, linear.y), linear.x))

    subscribe_to(node, Odometry, topic, take, owned)


def follow_battery(node: Node, topic: str, tell: Callable[[float], object], owned: Owned) -> None:
    """Tell how full the battery is, from 0 to 1; NaN where it does not say."""

    def take(message: BatteryState) -> None:
        percentage = float(message.percentage)
        # Some drivers give percent, where the message's definition says 0 to 1.
        tell(percentage / 100 if percentage > 1 else percentage)

    subscribe_to(node, BatteryState, topic, take, owned)
