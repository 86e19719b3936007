# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Errors as a client sees them: JSON with one sentence that says what to do."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from ..runtime.faults import faults
from .foreign import foreign_interface

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
RETRY_AFTER = {"Retry-After": "1"}  # seconds


class ApiError(Exception):
    """A request that is refused, with the HTTP status and a sentence for the client."""

    def __init__(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.headers = headers or {}


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every refusal, aiohttp's own included, as ``{"error": "..."}``."""
    try:
        return await handler(request)
    except ApiError as error:
        return _response(request, error.status, str(error), error.headers)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        kept = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
        return _response(request, error.status, _explain(error, request), kept)
    except Exception as error:
        faults.report(logger, f"{request.method} {request.path} failed", error)
        return _response(request, 500, "the bridge failed to answer; its log says why", {})


def _explain(error: web.HTTPException, request: web.Request) -> str:
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return f"the body is larger than {request.client_max_size} bytes"
    if error.status == 404:
        return f"there is no {request.path} here"
    if isinstance(error, web.HTTPMethodNotAllowed):
        return f"{request.method} is not possible here, only {', '.join(error.allowed_methods)}"
    return error.reason


def _response(
    request: web.Request, status: int, text: str, headers: dict[str, str]
) -> web.Response:
    body: dict[str, object] = {"error": text}
    if foreign_interface(request).tells_status(request.path):
        body["status"] = status
    return web.json_response(body, status=status, headers=headers)
