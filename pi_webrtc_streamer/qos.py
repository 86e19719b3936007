"""How pictures travel between nodes."""

from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy

# Best effort matches every publisher; one place, so that the newest picture wins.
NEWEST_ONLY = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT
)
