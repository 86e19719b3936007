# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the handlers find in the application."""

from __future__ import annotations

from aiohttp import web

from ..bridge import Bridge
from ..media.feed import CameraFeed
from ..webrtc.late import LateViewers
from .access import Access
from .errors import RETRY_AFTER, ApiError

BRIDGE = web.AppKey("bridge", Bridge)
ACCESS = web.AppKey("access", Access)


def requested_feed(request: web.Request) -> CameraFeed:
    """Return the feed of the camera in the path.

    :raises ApiError: 404 if there is no such camera.
    """
    name = request.match_info["camera"]
    feeds = request.app[BRIDGE].feeds
    if name not in feeds:
        raise ApiError(404, f'there is no camera "{name}"; there are {", ".join(feeds)}')
    return feeds[name]


def active_viewers(request: web.Request) -> LateViewers:
    """Return the viewers.

    :raises ApiError: 503 while the bridge is not active.
    """
    viewers = request.app[BRIDGE].viewers
    if viewers is None:
        raise inactive()
    return viewers


def inactive() -> ApiError:
    """Return what whoever comes is told while the bridge is not active."""
    return ApiError(
        503,
        "the bridge is inactive; activate it (ros2 lifecycle set /bridge activate)",
        RETRY_AFTER,
    )
