# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A robot's monitor: it listens to /diagnostics and keeps the newest status of each name."""

from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node

from .waiting import until, wait_for

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


class Monitor:
    """Subscribes as diagnostic_aggregator does: reliably, to messages of all nodes."""

    def __init__(self, node: Node) -> None:
        self.messages: list[DiagnosticArray] = []
        self.newest: dict[str, DiagnosticStatus] = {}
        self._node = node
        self._subscription = node.create_subscription(
            DiagnosticArray, "/diagnostics", self._take, 10
        )

    def __enter__(self) -> "Monitor":
        return self

    def __exit__(self, *_: object) -> None:
        self._node.destroy_subscription(self._subscription)

    def _take(self, message: DiagnosticArray) -> None:
        self.messages.append(message)
        self.newest |= {status.name: status for status in message.status}

    def wait_for(self, name: str, level: bytes, text: str = "") -> dict[str, str]:
        """Wait for a status of a level whose message has a text; returns its values."""
        wait_for(self._seen(name, level, text), f"{name} at {level!r}: {text}; {self.newest}")
        return self.values(name)

    async def reaches(self, name: str, level: bytes, text: str = "") -> dict[str, str]:
        """The same in an event loop."""
        await until(self._seen(name, level, text), f"{name} at {level!r}: {text}; {self.newest}")
        return self.values(name)

    def values(self, name: str) -> dict[str, str]:
        return {pair.key: pair.value for pair in self.newest[name].values}

    def _seen(self, name: str, level: bytes, text: str) -> Callable[[], bool]:
        def seen() -> bool:
            status = self.newest.get(name)
            return status is not None and status.level == level and text in status.message

        return seen
