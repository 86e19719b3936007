"""What a request says of who sends it, and from where."""

from __future__ import annotations

from aiohttp import web

from ..access.entrance import Visit
from .cors import allowed_origin
from .keys import ACCESS

FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto")


def visit_of(request: web.Request) -> Visit:
    """Return what the rules of admission are about."""
    headers = request.headers
    hosts = headers.getall("Host", [])  # request.host would ask the DNS where there is none
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return Visit(
        method=request.method,
        address=client_address(request),
        host=hosts[0] if len(hosts) == 1 else None,
        origin=headers.get("Origin"),
        site=headers.get("Sec-Fetch-Site"),
        navigates=headers.get("Sec-Fetch-Mode") == "navigate"
        and headers.get("Sec-Fetch-Dest") == "document",
        upgrades=headers.get("Upgrade", "").lower() == "websocket",
        secure=is_secure(request),
        forwarded=any(name in headers for name in FORWARDED),
        listed=allowed_origin(request) is not None,
        bearer=token.strip() if scheme.lower() == "bearer" else None,
        cookie=request.cookies.get(cookie_name(request)),
    )


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
    """Return the cookie's name: browsers give cookies to every port of a host.

    With ``__Host-`` they let nobody set it over plain HTTP.
    """
    name = f"pi_webrtc_streamer_{request.app[ACCESS].port}"
    return f"__Host-{name}" if is_secure(request) else name
