# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Viewers: offers, peer connections, and one stream shared by all that watch the same camera; and
drivers, each with a connection of its own.

Imports ``link/``, ``media/``, ``access/`` and ``runtime/``; no rclpy. What knows aiortc is loaded
for the first viewer, or the first driver by WebRTC: ``late.py`` and ``controllers.py`` are not.
"""
