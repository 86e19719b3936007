"""Cross-origin requests (WHATWG Fetch, CORS protocol) for players that other sites serve."""

from __future__ import annotations

from aiohttp import web

from ..access.entrance import SAFE_METHODS
from .errors import Handler
from .foreign import is_foreign
from .keys import ACCESS, BRIDGE

METHODS = "POST, PATCH, DELETE, OPTIONS"
REQUEST_HEADERS = "Authorization, Content-Type, If-Match"
RESPONSE_HEADERS = "ETag, Link, Location, Retry-After, Accept-Post, Accept-Patch"
PREFLIGHT_AGE = "600"  # seconds


@web.middleware
async def cors_for_whep(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let pages of the allowed origins use WHEP, and a foreign interface, errors included.

    A preflight is answered here: it never carries a token.
    """
    allowed = allowed_origin(request)
    if allowed is None:
        response = await handler(request)
    elif request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        response = web.Response(status=204)
        to_look = ", ".join(SAFE_METHODS)
        methods = to_look if is_foreign(request) else METHODS
        response.headers["Access-Control-Allow-Methods"] = methods
        response.headers["Access-Control-Allow-Headers"] = REQUEST_HEADERS
        response.headers["Access-Control-Max-Age"] = PREFLIGHT_AGE
    else:
        response = await handler(request)
        response.headers["Access-Control-Expose-Headers"] = RESPONSE_HEADERS
    if request.path.startswith("/whep/"):
        response.headers.add("Vary", "Origin")
    if allowed is not None:
        response.headers["Access-Control-Allow-Origin"] = allowed
    return response


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
    if origin is None or not request.path.startswith("/whep/"):
        return None
    listed = request.app[BRIDGE].settings.listed_origins
    if "*" in listed:
        return "*"
    return origin if origin in listed else None
