"""What each node can be told: typed settings with ranges and descriptions, and their files.

Imports ``access/``, ``media/`` and ``runtime/``, for what their values mean; no rclpy.
"""
