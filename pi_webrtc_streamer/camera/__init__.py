"""The camera node's work: where pictures come from, and how they become JPEG.

Imports ``settings/``, ``media/`` and ``runtime/``; no rclpy.
"""
