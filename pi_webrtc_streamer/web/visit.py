# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a request says of who sends it, and from where."""

from __future__ import annotations

import re

from aiohttp import web

from ..access.entrance import Visit
from .cors import allowed_origin
from .foreign import foreign_interface, is_foreign
from .keys import ACCESS
from .tools import shown_token

_PORT = re.compile(r":\d+\Z", re.ASCII)
FORWARDED = (
    *("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"),
    *("X-Real-IP", "Via"),
)


def visit_of(request: web.Request) -> Visit:
    """Return what the rules of admission are about."""
    headers = request.headers
    return Visit(
        method=request.method,
        address=client_address(request),
        host=_host(request),
        origin=headers.get("Origin"),
        site=headers.get("Sec-Fetch-Site"),
        navigates=headers.get("Sec-Fetch-Mode") == "navigate"
        and headers.get("Sec-Fetch-Dest") == "document",
        upgrades=upgrades(request),
        secure=is_secure(request),
        forwarded=any(name in headers for name in FORWARDED),
        listed="Origin" in headers and allowed_origin(request) is not None,
        bearer=_bearer(request),
        shown=shown_token(request),
        cookie=request.cookies.get(cookie_name(request)),
    )


def upgrades(request: web.Request) -> bool:
    """Return whether a request opens a WebSocket."""
    return request.headers.get("Upgrade", "").lower() == "websocket"


def _host(request: web.Request) -> str | None:
    """Return what the request calls the bridge; None if that is not one name."""
    hosts = request.headers.getall("Host", [])  # request.host would ask the DNS where there is none
    if len(hosts) != 1:
        return None
    if foreign_interface(request).own_port:
        # The page that opens a socket on another port is the one of the HTTP port.
        return f"{_PORT.sub('', hosts[0])}:{request.app[ACCESS].port}"
    return hosts[0]


def _bearer(request: web.Request) -> str | None:
    """Return the token that comes with the request itself.

    A page cannot give a WebSocket headers, and programs of a foreign interface keep no cookies:
    they may have it in their address.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return request.query.get("token") if is_foreign(request) else None


def client_address(request: web.Request) -> str:
    """Return the address that a request comes from, as far as trusted proxies tell."""
    chain = ",".join(request.headers.getall("X-Forwarded-For", []))
    forwarded_for = chain.split(",") if chain else []
    return request.app[ACCESS].proxies.client(request.remote or "", forwarded_for)


def is_secure(request: web.Request) -> bool:
    """Return whether a request came over TLS, as far as trusted proxies tell."""
    if request.secure:
        return True
    trusted = request.app[ACCESS].proxies.trust(request.remote or "")
    return trusted and request.headers.get("X-Forwarded-Proto", "").lower() == "https"


def cookie_name(request: web.Request) -> str:
    """Return the cookie's name; with ``__Host-``, browsers let nobody set it over plain HTTP."""
    name = request.app[ACCESS].cookie
    return f"__Host-{name}" if is_secure(request) else name
