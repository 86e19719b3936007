# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A node's statuses on ``/diagnostics``.

The conventions are those of diagnostic_updater (names, levels, one message with all statuses, a
hardware id, a place for one message, reliable). The package itself is not used: there is no wheel
of it, so that a machine without a ROS installation would be without diagnostics; its updater cannot
be destroyed, which a node that is configured again and again has to be; and what is left of it is
this file. Other than it by default, names begin with the node's namespace, so that two robots in
one domain can be told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from ..runtime.owning import Owned
from ..runtime.status import Status
from .callbacks import call_every
from .endpoints import publish_on

TOPIC = "/diagnostics"  # of the whole robot, whatever the node's namespace (REP 107)


class Diagnostics:
    """Publishes what ``judge`` returns every ``period`` seconds, from construction to close.

    ``judge`` is called in the executor's thread.
    """

    def __init__(self, node: Node, period: float, judge: Callable[[], Iterable[Status]]) -> None:
        self._node = node
        self._judge = judge
        with Owned() as owned:
            self._publisher = publish_on(node, DiagnosticArray, TOPIC, owned)
            call_every(period, self._publish, owned, "the timer of the diagnostics", node)
            self._owned = owned.pop_all()

    def close(self) -> None:
        """Publish no more; safe to call twice."""
        self._owned.close()

    def _publish(self) -> None:
        message = DiagnosticArray(status=[to_message(self._node, each) for each in self._judge()])
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)


def to_message(node: Node, status: Status) -> DiagnosticStatus:
    """Return a status of a node as ROS has it, named ``<namespace>/<node>: <task>``."""
    name = node.get_fully_qualified_name().removeprefix("/")
    return DiagnosticStatus(
        level=bytes([status.level]),
        name=f"{name}: {status.task}",
        message=status.message,
        hardware_id=status.hardware_id,
        values=[KeyValue(key=key, value=_plain(value)) for key, value in status.values.items()],
    )


def _plain(value: object) -> str:
    """Return a value as text; None is unknown, and says nothing."""
    if value is None:
        return ""
    return f"{value:.10g}" if isinstance(value, float) else str(value)
