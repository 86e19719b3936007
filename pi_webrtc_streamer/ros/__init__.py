# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What knows rclpy: lifecycle, parameters, subscriptions, QoS, the log, the process.

Imports ``settings/``, ``media/`` and ``runtime/``.
"""
