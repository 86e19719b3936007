# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Headers that every answer has."""

from __future__ import annotations

from aiohttp import web, web_response

from .visit import is_secure

SERVER = "pi_webrtc_streamer"  # no version: that would help attackers alone
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
DEFAULTS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
    # A page of an older version must not outlive an update of the robot.
    "Cache-Control": "no-cache",
}
ALWAYS = {
    "Server": SERVER,
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",  # no page from elsewhere shows our pictures
}
OVER_TLS = {
    "Cross-Origin-Opener-Policy": "same-origin",  # browsers complain of it elsewhere
}

# What aiohttp answers by itself, to what is no HTTP, has no other way to lose its version.
web_response.SERVER_SOFTWARE = SERVER  # type: ignore[attr-defined]


async def set_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers to an answer that is about to begin (signal ``on_response_prepare``)."""
    for name, value in DEFAULTS.items():
        response.headers.setdefault(name, value)
    response.headers.update(ALWAYS)
    if is_secure(request):
        response.headers.update(OVER_TLS)
