"""How pictures travel between nodes."""

from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy


def newest_only(reliability: ReliabilityPolicy = ReliabilityPolicy.BEST_EFFORT) -> QoSProfile:
    """Return a profile with one place: the newest picture wins.

    Best effort matches every publisher. Each caller gets a profile of its own, because rclpy writes
    ``qos_overrides`` into it.
    """
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=reliability)
