# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How pictures travel between nodes, and what is wrong when two of them do not agree on that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rclpy.duration import Infinite
from rclpy.node import Node
from rclpy.qos import (
    HistoryPolicy,
    QoSCompatibility,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
)
from rclpy.qos_overriding_options import QoSOverridingOptions

OF_PUBLISHER = (
    "A publisher of {topic} offers {theirs}, and the bridge asks for {ours}: nothing arrives from "
    "it. Change the publisher, or the bridge's parameter "
    "qos_overrides.{topic}.subscription.{policy}."
)
OF_SUBSCRIBER = (
    "a subscriber of {topic} asks for {theirs}, and this node offers {ours}: it gets nothing. "
    "Change the subscriber, as for sensor data, or start this node with "
)
# What changes a policy of our publishers.
REMEDIES = {"reliability": "reliability:=reliable"}
OTHER_REMEDY = "the parameter qos_overrides.{topic}.publisher.{policy}"


def newest_only(reliability: ReliabilityPolicy = ReliabilityPolicy.BEST_EFFORT) -> QoSProfile:
    """Return a profile with one place: the newest picture wins.

    Best effort matches every publisher. Each caller gets a profile of its own, because rclpy writes
    ``qos_overrides`` into it.
    """
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=reliability)


def given_overrides(node: Node, topic: str) -> QoSOverridingOptions:
    """Return the policies of a subscription for which a parameter was given.

    rclpy would declare the others with what they are now, and keep to that ever after.
    """
    given = node.get_parameters_by_prefix(f"qos_overrides.{topic}.subscription")
    return QoSOverridingOptions([kind for kind in QoSPolicyKind if kind.name.lower() in given])


def misfit_of_publisher(
    kind: int, topic: str, asked: QoSProfile, offered: Iterable[QoSProfile]
) -> str:
    """Say why a publisher does not suit our subscription, and what to change."""
    misfits = (each for each in offered if not compatible(each, asked))
    return _explain(OF_PUBLISHER, kind, topic, asked, misfits)


def misfit_of_subscriber(
    kind: int, topic: str, offered: QoSProfile, asked: Iterable[QoSProfile]
) -> str:
    """Say why a subscription does not suit our publisher, and what to change."""
    misfits = (each for each in asked if not compatible(offered, each))
    policy = QoSPolicyKind(kind).name.lower()
    remedy = REMEDIES.get(policy, OTHER_REMEDY)
    return _explain(OF_SUBSCRIBER + remedy, kind, topic, offered, misfits)


def _explain(
    text: str, kind: int, topic: str, ours: QoSProfile, misfits: Iterator[QoSProfile]
) -> str:
    """Fill a text in with the policy that two do not agree on, and what each of them has."""
    policy = QoSPolicyKind(kind).name.lower()
    theirs = _value(next(misfits, None), policy)
    return text.format(topic=topic, theirs=theirs, ours=_value(ours, policy), policy=policy)


def compatible(offered: QoSProfile, asked: QoSProfile) -> bool:
    """Whether what a publisher offers suits a subscription."""
    compatibility, _ = qos_check_compatible(offered, asked)
    return bool(compatibility != QoSCompatibility.ERROR)


def _value(profile: QoSProfile | None, policy: str) -> str:
    """Return a policy's value in words; an endpoint may be gone, or not yet known, then."""
    value = getattr(profile, policy, None)
    if value is None:
        return f"another {policy}"
    if hasattr(value, "nanoseconds"):
        duration = "none" if value == Infinite else f"{value.nanoseconds / 1e9:g} s"
        return f"{policy} {duration}"
    return f"{policy} {value.name.lower()}"
