# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The way of a frame, up to the access unit that all viewers share. Pure logic and codecs.

Imports ``runtime/``; neither rclpy, aiortc nor asyncio.
"""
