"""Cross-origin requests (WHATWG Fetch, CORS protocol) for players that other sites serve."""

from __future__ import annotations

from aiohttp import web

from .errors import Handler
from .keys import BRIDGE

METHODS = "POST, PATCH, DELETE, OPTIONS"
REQUEST_HEADERS = "Authorization, Content-Type, If-Match"
RESPONSE_HEADERS = "ETag, Link, Location, Retry-After, Accept-Post, Accept-Patch"
PREFLIGHT_AGE = "600"  # seconds


@web.middleware
async def cors_for_whep(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let pages of the allowed origins use WHEP, errors included."""
    response = await handler(request)
    if not request.path.startswith("/whep/"):
        return response
    origin = request.headers.get("Origin")
    allowed = request.app[BRIDGE].settings.cors_origins
    response.headers.add("Vary", "Origin")
    if origin is None or not ("*" in allowed or origin in allowed):
        return response
    response.headers["Access-Control-Allow-Origin"] = "*" if "*" in allowed else origin
    response.headers["Access-Control-Expose-Headers"] = RESPONSE_HEADERS
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = METHODS
        response.headers["Access-Control-Allow-Headers"] = REQUEST_HEADERS
        response.headers["Access-Control-Max-Age"] = PREFLIGHT_AGE
    return response
