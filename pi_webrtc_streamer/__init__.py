# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""See through a robot's cameras: ROS 2 capture, shared encoding, WebRTC in the browser."""

__version__ = "0.1.0"
