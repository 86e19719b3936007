"""How pictures travel between nodes."""

from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy


def newest_only() -> QoSProfile:
    """Return best effort, which matches every publisher, with one place: the newest picture wins.

    Each caller gets a profile of its own, because rclpy writes ``qos_overrides`` into it.
    """
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT
    )
