# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The head: where its joints are, and where they are to go."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from ...runtime.owning import Owned
from ...settings.teleop import TeleopSettings
from ...teleop.head import Gaze
from ..endpoints import publish_on, subscribe_to

REACHED_WITHIN = 100_000_000  # nanoseconds: two periods, so that one point leads to the next


class HeadPublisher:
    """Publishes positions of pan and tilt."""

    def __init__(self, node: Node, settings: TeleopSettings, owned: Owned) -> None:
        self._joints = [settings.pan_joint, settings.tilt_joint]
        self._is_trajectory = settings.head == "trajectory"
        kind = JointTrajectory if self._is_trajectory else Float64MultiArray
        self._publisher = publish_on(node, kind, settings.head_topic, owned)

    def publish(self, gaze: Gaze) -> None:
        """Publish where the head is to be."""
        if not self._is_trajectory:
            self._publisher.publish(Float64MultiArray(data=list(gaze)))
            return
        point = JointTrajectoryPoint(positions=list(gaze))
        point.time_from_start.nanosec = REACHED_WITHIN
        # Without a stamp, a trajectory begins when it arrives.
        self._publisher.publish(JointTrajectory(joint_names=self._joints, points=[point]))


def follow_joints(
    node: Node, settings: TeleopSettings, measured: Callable[[Gaze], object], owned: Owned
) -> None:
    """Tell where the head's joints are, as often as that is published."""
    known = dict.fromkeys((settings.pan_joint, settings.tilt_joint), 0.0)
    seen: set[str] = set()

    def take(message: JointState) -> None:
        for name, position in zip(message.name, message.position, strict=False):
            if name in known:
                known[name] = position
                seen.add(name)
        if seen.issuperset(known):  # other joints come in messages of their own, perhaps
            measured(Gaze(known[settings.pan_joint], known[settings.tilt_joint]))

    subscribe_to(node, JointState, settings.joint_states_topic, take, owned)
