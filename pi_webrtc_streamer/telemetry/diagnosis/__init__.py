# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Judges how a node's parts are: numbers in, a level, a message and values out.

``capture.py`` judges a camera node, ``bridge.py`` the parts of a bridge; both are pure.
``looking.py`` gets the numbers of a bridge. ``ros/diagnostics.py`` publishes what comes out.
"""
