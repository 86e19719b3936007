# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Driving by hand in ROS: velocities, the head, the stop, and what the robot tells of itself.

``parts.py`` puts it together; all of it is there only while ``teleop.enabled`` and the node is
active.
"""
