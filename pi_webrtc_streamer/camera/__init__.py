# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The camera node's work: where pictures come from, and how they become JPEG.

Imports ``settings/``, ``media/`` and ``runtime/``; no rclpy.
"""
