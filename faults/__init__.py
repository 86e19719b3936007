# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What goes wrong while somebody drives, done on purpose, and how long the robot then moves."""
