"""What knows rclpy: lifecycle, parameters, subscriptions, QoS, the log, the process.

Imports ``settings/``, ``media/`` and ``runtime/``.
"""
