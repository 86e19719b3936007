"""What the robot tells of itself, to be shown to who drives it."""

from __future__ import annotations

import math
from collections.abc import Callable

from nav_msgs.msg import Odometry
from rclpy.node import Node
from sensor_msgs.msg import BatteryState

from ...runtime.owning import Owned
from ..callbacks import own_group
from ..qos import newest_only


def follow_odometry(node: Node, topic: str, tell: Callable[[float], object], owned: Owned) -> None:
    """Tell the speed, in m/s, that odometry measures: negative backwards."""

    def take(message: Odometry) -> None:
        linear = message.twist.twist.linear
        tell(math.copysign(math.hypot(linear.x, linear.y), linear.x))

    _subscribe(node, Odometry, topic, take, owned)


def follow_battery(node: Node, topic: str, tell: Callable[[float], object], owned: Owned) -> None:
    """Tell how full the battery is, from 0 to 1; NaN where it does not say."""

    def take(message: BatteryState) -> None:
        percentage = float(message.percentage)
        # Some drivers give percent, where the message's definition says 0 to 1.
        tell(percentage / 100 if percentage > 1 else percentage)

    _subscribe(node, BatteryState, topic, take, owned)


def _subscribe(
    node: Node, kind: type, topic: str, take: Callable[[object], object], owned: Owned
) -> None:
    owned.take(
        f"the subscription to {topic}",
        lambda: node.create_subscription(
            kind, topic, take, newest_only(), callback_group=own_group()
        ),
        node.destroy_subscription,
    )
