"""A subscription that is there while somebody wants its messages."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node
from rclpy.subscription import Subscription

from .qos import newest_only
from .serialized import SerializedCompressedImage


class OnDemandSubscription:
    """Subscribes to a topic's serialized messages while :meth:`demand` was last called with True.

    ``on_message`` gets the bytes and when they were published, in nanoseconds since the epoch.
    :meth:`demand` may be called from any thread; the subscription comes and goes in the executor's.
    With no subscriber, the camera node does not even encode.
    """

    def __init__(self, node: Node, topic: str, on_message: Callable[[bytes, int], object]) -> None:
        self._node = node
        self._topic = topic
        self._on_message = on_message
        self._wanted = False
        self._subscription: Subscription | None = None
        self._changed = node.create_guard_condition(self._reconcile)

    def demand(self, wanted: bool) -> None:
        """Say whether messages are wanted from now on."""
        self._wanted = wanted
        self._changed.trigger()

    def close(self) -> None:
        """Unsubscribe for good; in the executor's thread."""
        self._wanted = False
        self._node.destroy_guard_condition(self._changed)
        self._reconcile()

    def _reconcile(self) -> None:
        if self._wanted and self._subscription is None:
            self._subscription = self._node.create_subscription(
                SerializedCompressedImage, self._topic, self._take, newest_only(), raw=True
            )
        elif not self._wanted and self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def _take(self, message: bytes, info: dict[str, int]) -> None:
        self._on_message(message, info["source_timestamp"])
