# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A robot's base: it takes velocities, as a diff drive does, and writes them down."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from geometry_msgs.msg import Twist, TwistStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile

from .waiting import wait_for

TIMEOUT = 0.5  # seconds without a command after which it stands


class Told(NamedTuple):
    """A velocity, in m/s and rad/s, and when it came, on the monotonic clock."""

    at: float
    forward: float
    left: float
    turn: float

    @property
    def moves(self) -> bool:
        return (self.forward, self.left, self.turn) != (0.0, 0.0, 0.0)


class Base:
    """Subscribes to a topic of velocities, and moves by them."""

    def __init__(self, node: Node, kind: type = TwistStamped, topic: str = "/cmd_vel") -> None:
        self.told: list[Told] = []
        self.stamps: list[tuple[str, float]] = []  # frame_id, seconds
        self.x = self.y = self.heading = 0.0
        self._kind = kind
        self._subscription = node.create_subscription(kind, topic, self._take, QoSProfile(depth=10))

    def _take(self, message: Twist | TwistStamped) -> None:
        twist = message
        if self._kind is TwistStamped:
            stamp = message.header.stamp
            self.stamps.append((message.header.frame_id, stamp.sec + stamp.nanosec / 1e9))
            twist = message.twist
        told = Told(time.monotonic(), twist.linear.x, twist.linear.y, twist.angular.z)
        self._move(told.at)
        self.told.append(told)

    def _move(self, now: float) -> None:
        """Move by the last command, for as long as it held."""
        if not self.told:
            return
        last = self.told[-1]
        seconds = min(TIMEOUT, now - last.at)
        self.heading += last.turn * seconds
        self.x += last.forward * math.cos(self.heading) * seconds
        self.y += last.forward * math.sin(self.heading) * seconds

    def wait_for_motion(self) -> Told:
        return wait_for(lambda: next((told for told in self.told if told.moves), None), "motion")

    def last_motion(self) -> Told:
        """Return the last command that moves it."""
        return next(told for told in reversed(self.told) if told.moves)

    def after(self, when: float) -> list[Told]:
        return [told for told in self.told if told.at > when]


@contextmanager
def spun(node: Node) -> Iterator[None]:
    """Spin a node of another participant in the background."""
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin)
    thread.start()
    try:
        yield
    finally:
        executor.shutdown()
        thread.join()
