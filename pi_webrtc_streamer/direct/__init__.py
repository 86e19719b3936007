# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The direct way of pictures from a camera node to a bridge on the same machine: their planes,
without JPEG and DDS on the way. Two carriers: shared memory between processes, and a reference
within one.

Imports ``media/`` and ``runtime/``; neither rclpy, aiortc, asyncio nor numpy.
"""
