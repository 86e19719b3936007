# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What any process needs that is to run for months: owners, an event loop, faults, signals, memory,
and how a part of it is.

Imports no other room, and no rclpy.
"""
