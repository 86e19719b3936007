# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""HTTP: who is let in, the page, WHEP, the cameras' state, and pictures as JPEG.

Imports ``bridge.py``, ``access/``, ``page/``, ``telemetry/`` and what these import; no rclpy.
"""
