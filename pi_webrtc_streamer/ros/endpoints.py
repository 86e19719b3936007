# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Publishers and subscriptions for small messages, each given back with a stack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

from ..runtime.owning import Owned
from .callbacks import own_group
from .qos import newest_only


def publish_on(
    node: Node, kind: type, topic: str, owned: Owned, qos: QoSProfile | None = None
) -> Any:
    """Return a publisher, reliable and with a place for one unless ``qos`` says otherwise."""
    profile = qos or newest_only(ReliabilityPolicy.RELIABLE)
    return owned.take(
        f"the publisher of {topic}",
        lambda: node.create_publisher(kind, topic, profile, callback_group=own_group()),
        node.destroy_publisher,
    )


def subscribe_to(
    node: Node, kind: type, topic: str, take: Callable[[Any], object], owned: Owned
) -> None:
    """Have the newest message of a topic taken, as often as one comes."""
    owned.take(
        f"the subscription to {topic}",
        lambda: node.create_subscription(
            kind, topic, take, newest_only(), callback_group=own_group()
        ),
        node.destroy_subscription,
    )
