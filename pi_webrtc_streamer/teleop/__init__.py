# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Driving by hand, and whatever ends it: messages, the dead-man, the lock, limits and the stop.

Pure: it knows neither ROS nor aiortc nor asyncio, and takes the time, in seconds on the monotonic
clock, as an argument. :class:`~.driving.Driving` is all of it together.
"""
