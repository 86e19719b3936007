# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Cross-origin requests (WHATWG Fetch, CORS protocol) for players and dashboards of other sites."""

from __future__ import annotations

from aiohttp import web

from ..access.entrance import SAFE_METHODS
from .errors import Handler
from .foreign import is_foreign
from .keys import ACCESS, BRIDGE
from .tools import is_for_tools

METHODS = "POST, PATCH, DELETE, OPTIONS"
REQUEST_HEADERS = "Authorization, Content-Type, If-Match"
RESPONSE_HEADERS = "ETag, Link, Location, Retry-After, Accept-Post, Accept-Patch, X-Timestamp"
PREFLIGHT_AGE = "600"  # seconds


@web.middleware
async def answer_preflights(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a preflight of an allowed origin, which never carries a token."""
    if not _is_preflight(request) or allowed_origin(request) is None:
        return await handler(request)
    watches = is_foreign(request) or is_for_tools(request)
    headers = {
        "Access-Control-Allow-Methods": ", ".join(SAFE_METHODS) if watches else METHODS,
        "Access-Control-Allow-Headers": REQUEST_HEADERS,
        "Access-Control-Max-Age": PREFLIGHT_AGE,
    }
    return web.Response(status=204, headers=headers)


async def set_cors_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Say to an allowed origin that it is, on errors as well (signal ``on_response_prepare``)."""
    if _may_be_listed(request):
        response.headers.add("Vary", "Origin")
    allowed = allowed_origin(request)
    if allowed is None:
        return
    response.headers["Access-Control-Allow-Origin"] = allowed
    if not _is_preflight(request):
        response.headers["Access-Control-Expose-Headers"] = RESPONSE_HEADERS


def allowed_origin(request: web.Request) -> str | None:
    """Return the origin, or ``*``, that may use what is asked for, though its page is not ours.

    What holds for every origin is said to who names none as well: old clients expect it.
    """
    origin = request.headers.get("Origin")
    if is_foreign(request):
        # Its pages may be anybody's, where everybody may watch; to change something is another
        # matter, for which their visitors have to come to a page of ours.
        watches = request.method in SAFE_METHODS
        return "*" if watches and request.app[ACCESS].open_to_all else None
    if origin is None or not _may_be_listed(request):
        return None
    listed = request.app[BRIDGE].settings.listed_origins
    if "*" in listed:
        return "*"
    return origin if origin in listed else None


def _may_be_listed(request: web.Request) -> bool:
    """Return whether a request is for what pages of listed origins may use."""
    return request.path.startswith("/whep/") or is_for_tools(request)


def _is_preflight(request: web.Request) -> bool:
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
