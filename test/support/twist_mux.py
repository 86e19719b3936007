# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""twist_mux in a few lines: who has a higher priority is passed on, until it is silent for too
long; and nothing is while a lock says so, or says nothing.
"""

import time
from collections.abc import Callable

from geometry_msgs.msg import TwistStamped
from rclpy.node import Node
from std_msgs.msg import Bool

TIMEOUT = 0.5  # seconds, of topics
LOCK_TIMEOUT = 1.0


class TwistMux:
    """Passes ``teleop`` on to ``out``, or else ``navigation``, unless ``lock`` is true or silent.

    Like the real one it sends no zeros of its own.
    """

    def __init__(self, node: Node, navigation: str, teleop: str, lock: str, out: str) -> None:
        self._heard = 0.0
        self._locked, self._lock_heard = True, 0.0
        self._out = node.create_publisher(TwistStamped, out, 1)
        node.create_subscription(TwistStamped, navigation, self._pass_on(lambda: True), 1)
        node.create_subscription(TwistStamped, teleop, self._pass_on(self._note), 1)
        node.create_subscription(Bool, lock, self._take_lock, 1)

    def _note(self) -> bool:
        self._heard = time.monotonic()
        return False

    def _take_lock(self, message: Bool) -> None:
        self._locked, self._lock_heard = message.data, time.monotonic()

    def _pass_on(self, is_lower: Callable[[], bool]) -> Callable[[TwistStamped], None]:
        def take(message: TwistStamped) -> None:
            now = time.monotonic()
            masked = is_lower() and now - self._heard < TIMEOUT
            if not masked and not self._locked and now - self._lock_heard < LOCK_TIMEOUT:
                self._out.publish(message)

        return take
