# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the handlers find in the application."""

from __future__ import annotations

from aiohttp import web

from ..state import Predecessor

PREDECESSOR = web.AppKey("predecessor", Predecessor)
SIGNALLED_CAMERA = web.AppKey("signalled_camera", str)  # of the application of a signalling port


def is_of_api(path: str) -> bool:
    """Return whether a path is of /api/*: its clients find an error's status in the body, too."""
    return path.startswith("/api/")
