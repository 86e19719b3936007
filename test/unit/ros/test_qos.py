# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is said of publishers and subscriptions whose QoS does not fit."""

from rclpy.duration import Duration, Infinite
from rclpy.qos import QoSPolicyKind, QoSProfile, ReliabilityPolicy

from pi_webrtc_streamer.ros.qos import misfit_of_publisher, misfit_of_subscriber

RELIABLE = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
BEST_EFFORT = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
AT_ANY_TIME = QoSProfile(depth=1, deadline=Infinite)
IN_TIME = QoSProfile(depth=1, deadline=Duration(seconds=0.1))
RELIABILITY, DEADLINE = QoSPolicyKind.RELIABILITY.value, QoSPolicyKind.DEADLINE.value


def test_the_publisher_that_does_not_fit_is_the_one_that_is_named():
    assert misfit_of_publisher(RELIABILITY, "/pictures", RELIABLE, [RELIABLE, BEST_EFFORT]) == (
        "A publisher of /pictures offers reliability best_effort, and the bridge asks for "
        "reliability reliable: nothing arrives from it. Change the publisher, or the bridge's "
        "parameter qos_overrides./pictures.subscription.reliability."
    )


def test_the_subscription_that_does_not_fit_is_the_one_that_is_named():
    assert misfit_of_subscriber(RELIABILITY, "/pictures", BEST_EFFORT, [BEST_EFFORT, RELIABLE]) == (
        "a subscriber of /pictures asks for reliability reliable, and this node offers "
        "reliability best_effort: it gets nothing. Change the subscriber, as for sensor data, "
        "or start this node with reliability:=reliable"
    )


def test_what_no_parameter_of_ours_changes_is_changed_by_one_of_ros():
    said = misfit_of_subscriber(DEADLINE, "/pictures", AT_ANY_TIME, [IN_TIME])
    assert said.endswith("with the parameter qos_overrides./pictures.publisher.deadline")


def test_durations_are_in_seconds():
    said = misfit_of_publisher(DEADLINE, "/pictures", IN_TIME, [AT_ANY_TIME])
    assert "offers deadline none, and the bridge asks for deadline 0.1 s" in said


def test_of_an_endpoint_that_is_not_known_only_the_policy_is_named():
    said = misfit_of_subscriber(RELIABILITY, "/pictures", BEST_EFFORT, [])
    assert "asks for another reliability, and this node offers reliability best_effort" in said
