# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tools that know only an address, or a name and a password: what serves them, and their token."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from aiohttp import BasicAuth, web

# Basic is first: many tools read no further (RFC 9110, 11.6.1).
CHALLENGE = 'Basic realm="the token is the password", charset="UTF-8", Bearer'
HOW_TO_SHOW_IT = (
    "show it with ?token=TOKEN, as the password of HTTP Basic with any user's name, or with "
    "Authorization: Bearer TOKEN"
)
_FOR_TOOLS = "for_tools"  # of a handler

Marked = TypeVar("Marked", bound=Callable[..., object])


def for_tools(handler: Marked) -> Marked:
    """Mark a handler that serves such tools, and pages of the origins that are listed."""
    setattr(handler, _FOR_TOOLS, True)
    return handler


def is_for_tools(request: web.Request) -> bool:
    """Return whether a request is one that such tools make."""
    return getattr(request.match_info.handler, _FOR_TOOLS, False)


def shown_token(request: web.Request) -> str | None:
    """Return the token that a tool shows: as ``?token=``, or by HTTP Basic (RFC 7617)."""
    if not is_for_tools(request):
        return None
    if "token" in request.query:
        return request.query["token"]
    try:
        basic = BasicAuth.decode(request.headers.get("Authorization", ""), "utf-8")
    except ValueError:  # there is none, or another scheme's
        return None
    return str(basic.password)
