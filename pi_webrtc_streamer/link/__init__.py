# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""One viewer's link: its packets, what it carries, and which tier and bitrate follow. Pure.

Imports ``media/``; neither rclpy, aiortc nor asyncio. What is done once for all
viewers is in ``media/``.
"""
