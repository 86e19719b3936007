# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Velocity commands, as whoever subscribes to them takes them."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from geometry_msgs.msg import Twist, TwistStamped
from rclpy.duration import Infinite
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

from ...runtime.owning import Owned
from ...teleop.limits import Velocity
from ..endpoints import publish_on
from ..qos import compatible, newest_only

PLAIN, STAMPED = "geometry_msgs/msg/Twist", "geometry_msgs/msg/TwistStamped"
OF_SETTING: dict[str, type] = {"twist": Twist, "twist_stamped": TwistStamped}


@dataclass(frozen=True)
class Listeners:
    """Who takes the commands: how many, as which type, and what is wrong with the others."""

    type: str
    count: int
    problem: str


def choose_type(setting: str, subscribed: Iterable[str]) -> type:
    """Return the message type to publish, given those that the topic's subscribers take."""
    if setting in OF_SETTING:
        return OF_SETTING[setting]
    taken = set(subscribed)
    only_plain = PLAIN in taken and STAMPED not in taken
    return OF_SETTING["twist" if only_plain else "twist_stamped"]


def describe_listeners(
    topic: str, chosen: type, subscribed: Iterable[str], misfits: int = 0
) -> Listeners:
    """Say who listens, besides ``misfits``, whose QoS does not suit what is offered.

    ROS itself is silent where types differ: nothing arrives.
    """
    types = [name.rpartition("/")[2] for name in subscribed]
    name = chosen.__name__
    count = types.count(name)
    others = sorted({other for other in types if other != name})
    problem = ""
    if others and count:
        problem = (
            f"{topic} also has subscribers that take {', '.join(others)}, and get nothing: {name} "
            "is published for the others."
        )
    elif others:
        problem = (
            f"{topic} is subscribed to as {', '.join(others)}, and {name} is published: nothing "
            "moves. Set teleop.type to what the robot's base takes, or to auto."
        )
    elif misfits:
        problem = (
            f"A subscriber of {topic} gets nothing: it asks for another QoS than reliable and "
            "volatile, which velocities are published with."
        )
    elif not types:
        problem = f"Nobody listens on {topic}: is the robot's base running?"
    return Listeners(name, count, problem)


def offered() -> QoSProfile:
    """Return the QoS of the velocities."""
    qos = newest_only(ReliabilityPolicy.RELIABLE)
    # As it is by default; but what is left out counts as 0 s where two profiles are compared.
    qos.deadline = qos.liveliness_lease_duration = Infinite
    return qos


class VelocityPublisher:
    """Publishes to a topic, reliably, for a place of one.

    :meth:`follow` is for the executor's thread, :meth:`publish` for another one.
    """

    def __init__(self, node: Node, topic: str, setting: str, frame_id: str) -> None:
        self._node = node
        self._setting = setting
        self._frame_id = frame_id
        self.topic: str = node.resolve_topic_name(topic)
        self._changing = threading.Lock()
        self._owned = Owned()
        self._type: type | None = None
        self._publisher: Any = None
        self.follow(may_change=True)

    def follow(self, may_change: bool) -> Listeners:
        """See who subscribes, and publish what they take; a robot that moves keeps its type."""
        infos = self._node.get_subscriptions_info_by_topic(self.topic)
        fitting = [info for info in infos if compatible(offered(), info.qos_profile)]
        subscribed = [info.topic_type for info in fitting]
        wanted = choose_type(self._setting, subscribed)
        if self._type is None or (may_change and wanted is not self._type):
            self._open(wanted)
        assert self._type is not None
        misfits = len(infos) - len(fitting)
        return describe_listeners(self.topic, self._type, subscribed, misfits)

    def publish(self, velocity: Velocity) -> None:
        """Publish a velocity, stamped with the present time."""
        with self._changing:
            if self._type is None:
                return
            twist = Twist()
            twist.linear.x, twist.linear.y = float(velocity.forward), float(velocity.left)
            twist.angular.z = float(velocity.turn)
            message = twist
            if self._type is TwistStamped:
                message = TwistStamped(twist=twist)
                message.header.stamp = self._node.get_clock().now().to_msg()
                message.header.frame_id = self._frame_id
            self._publisher.publish(message)

    def close(self) -> None:
        """Publish no more."""
        with self._changing:
            self._type = None
            self._owned.close()

    def _open(self, wanted: type) -> None:
        with self._changing:
            # First of all: DDS gives a topic one type in each process.
            self._owned.close()
            self._publisher = publish_on(self._node, wanted, self.topic, self._owned, offered())
            self._type = wanted
