# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Lets requests in, before any handler sees them; access/entrance.py has the rules."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from aiohttp import web

from ..access.entrance import Refusal, require
from ..access.roles import Role
from .errors import ApiError, Handler
from .foreign import is_foreign
from .keys import ACCESS, BRIDGE
from .login import is_for_people, login_page, signed_in
from .tools import CHALLENGE, HOW_TO_SHOW_IT, is_for_tools
from .visit import visit_of

# aiohttp has keys of their own for requests since 3.14; those for applications did before.
_ROLE: Any = getattr(web, "RequestKey", web.AppKey)("visitor_role", Role)
_NEEDED = "required_role"  # of a handler

Marked = TypeVar("Marked", bound=Callable[..., object])


def requires(role: Role | None) -> Callable[[Marked], Marked]:
    """Mark a handler with the role that it takes; one without a mark takes ``view``.

    None is for everybody: the handler asks :func:`visitor_role` what it may tell.
    """

    def mark(handler: Marked) -> Marked:
        setattr(handler, _NEEDED, role)
        return handler

    return mark


def visitor_role(request: web.Request) -> Role | None:
    """Return the role of who sent a request; None only where the handler is for everybody."""
    role: Role | None = request[_ROLE]
    return role


@web.middleware
async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Pass on what may come in.

    A token in the query is taken out of it, for a cookie, unless a tool shows it that keeps none.
    """
    try:
        visit = visit_of(request)
        request[_ROLE] = request.app[ACCESS].entrance.admit(visit, time.monotonic())
        known = request.match_info.http_exception is None  # "//elsewhere" is no way to go on
        keeps_it = is_foreign(request) or is_for_tools(request)
        signs_in = "token" in request.query and not keeps_it
        if known and request.method == "GET" and signs_in:
            return signed_in(request, request.query["token"])
        needed: Role | None = getattr(request.match_info.handler, _NEEDED, Role.VIEW)
        if needed is not None:
            require(visitor_role(request), needed)
        return await handler(request)
    except Refusal as refusal:
        request.app[BRIDGE].refused += 1
        return _refuse(request, refusal)


def _refuse(request: web.Request, refusal: Refusal) -> web.Response:
    headers, text = {}, str(refusal)
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
        if is_for_tools(request):
            headers["WWW-Authenticate"] = CHALLENGE
            text = f"{text}; {HOW_TO_SHOW_IT}"
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(refusal.retry_after)
    if is_for_people(request):
        return login_page(request, refusal, headers)
    raise ApiError(refusal.status, text, headers)
