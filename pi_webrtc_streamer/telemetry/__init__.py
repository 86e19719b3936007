# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the process says of itself: its state, what it holds, how much memory, the line of
statistics, and how its parts are.

Imports ``bridge.py`` and what that imports; no rclpy.
"""
