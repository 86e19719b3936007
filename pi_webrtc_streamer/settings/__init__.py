# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What each node can be told: typed settings with ranges and descriptions, and their files.

Imports ``access/``, ``media/`` and ``runtime/``, for what their values mean; no rclpy.
"""
