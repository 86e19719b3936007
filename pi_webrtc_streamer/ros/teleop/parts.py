# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Everything of driving that an active node holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from ...runtime.owning import Owned
from ...settings.teleop import TeleopSettings
from ...teleop.diagnosis import judge_driving
from ...teleop.driving import Driving
from ...teleop.stop import ResetRefused
from ..callbacks import call_every, own_group
from ..diagnostics import to_message
from ..endpoints import publish_on
from .thread import DriveThread
from .velocity import VelocityPublisher

if TYPE_CHECKING:
    from .head import HeadPublisher

PERIOD = 0.05  # seconds
RESTING_PERIOD = 0.2  # while nobody drives
LATER = 0.001  # than what the driver gave holds
LOOK_EVERY = 1.0  # seconds
STOPPED_EVERY = 0.19  # seconds: 5 Hz; twist_mux takes a lock that is silent for locked


@contextmanager
def driving_parts(node: Node, driving: Driving, settings: TeleopSettings) -> Iterator[None]:
    """Publish what ``driving`` says, and serve the stop, for the length of a context."""
    with Owned() as owned:
        velocity = owned.take(
            "the velocity commands",
            lambda: VelocityPublisher(node, settings.topic, settings.type, settings.frame_id),
            VelocityPublisher.close,
        )
        parts = _Parts(node, driving, velocity, owned)
        parts.follow(settings)
        parts.serve()
        head = _open_head(node, driving, settings, owned) if settings.head != "none" else None
        stopped = publish_on(node, Bool, "~/stopped", owned)
        step = _Step(driving, velocity, head, stopped)
        thread = owned.take("what publishes commands", lambda: DriveThread(step), DriveThread.close)
        owned.at_end("the drive", lambda: driving.halt("The bridge is deactivated."))
        driving.on_change = thread.wake
        owned.at_end("what wakes the commands", lambda: setattr(driving, "on_change", _nothing))
        yield


def _open_head(
    node: Node, driving: Driving, settings: TeleopSettings, owned: Owned
) -> HeadPublisher:
    from .head import HeadPublisher, follow_joints  # with which numpy comes

    follow_joints(node, settings, driving.measure_head, owned)
    return HeadPublisher(node, settings, owned)


def _nothing() -> None:
    """Stand for what is woken while nothing is published."""


class _Step:
    """Publishes what is to be published now; in the thread of its own."""

    def __init__(
        self,
        driving: Driving,
        velocity: VelocityPublisher,
        head: HeadPublisher | None,
        stopped: Any,
    ) -> None:
        self._driving = driving
        self._velocity = velocity
        self._head = head
        self._stopped = stopped
        self._told: tuple[bool, float] | None = None  # whether it is stopped, and when

    def __call__(self) -> float:
        """Publish; returns in how many seconds to do so again."""
        now = _now()
        output = self._driving.tick(now)
        if output.velocity is not None:
            self._velocity.publish(output.velocity)
        if output.gaze is not None and self._head is not None:
            self._head.publish(output.gaze)
        told = self._told
        if told is None or output.stopped is not told[0] or now - told[1] >= STOPPED_EVERY:
            self._stopped.publish(Bool(data=output.stopped))
            self._told = output.stopped, now
        self._driving.tell_news()
        period = RESTING_PERIOD if self._driving.idle else PERIOD
        return min(period, output.lapses + LATER - now)


class _Parts:
    """What the executor's thread does: services, and looks at the robot."""

    def __init__(
        self, node: Node, driving: Driving, velocity: VelocityPublisher, owned: Owned
    ) -> None:
        self._node = node
        self._driving = driving
        self._velocity = velocity
        self._owned = owned

    def follow(self, settings: TeleopSettings) -> None:
        """Look at who listens, and at what the robot tells, again and again."""
        node, owned = self._node, self._owned
        state = publish_on(node, DiagnosticStatus, "~/teleop", owned)

        def look() -> None:
            self._look()
            state.publish(to_message(node, judge_driving(self._driving.describe())))

        look()
        call_every(LOOK_EVERY, look, owned, "the look at who listens", node)
        if settings.odometry_topic or settings.battery_topic:
            self._follow_senses(settings.odometry_topic, settings.battery_topic)

    def _follow_senses(self, odometry: str, battery: str) -> None:
        from .senses import follow_battery, follow_odometry  # with which numpy comes

        node, owned = self._node, self._owned
        if odometry:
            follow_odometry(node, odometry, lambda speed: self._note(odometry=speed), owned)
        if battery:
            follow_battery(node, battery, lambda charge: self._note(battery=charge), owned)

    def serve(self) -> None:
        """Offer ``~/stop`` and ``~/reset``."""
        for name, answer in (("~/stop", self._stop), ("~/reset", self._reset)):
            self._owned.take(
                f"the service {name}",
                lambda name=name, answer=answer: self._node.create_service(  # type: ignore[misc]
                    Trigger, name, answer, callback_group=own_group()
                ),
                self._node.destroy_service,
            )

    def _look(self) -> None:
        listeners = self._velocity.follow(may_change=self._driving.idle)
        before = self._driving.surroundings.problem
        self._note(
            topic=self._velocity.topic,
            type=listeners.type,
            subscribers=listeners.count,
            problem=listeners.problem,
        )
        if listeners.problem != before and listeners.problem:
            self._node.get_logger().warning(listeners.problem)

    def _note(self, **facts: Any) -> None:
        self._driving.surroundings = replace(self._driving.surroundings, **facts)

    def _stop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._driving.stop("a ROS node", _now())
        response.success, response.message = True, "stopped, until it is reset"
        return response

    def _reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            self._driving.reset("a ROS node", _now())
            response.success, response.message = True, "reset; nothing moves by that"
        except ResetRefused as refusal:
            response.success, response.message = False, str(refusal)
        return response


_now: Callable[[], float] = time.monotonic
