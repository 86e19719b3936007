# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The bodies of requests, which are text and have to come in time."""

from __future__ import annotations

import asyncio

from aiohttp import web

from .errors import ApiError
from .keys import BRIDGE


async def read_text(request: web.Request) -> str:
    """Return a request's body, which is UTF-8 (RFC 8866, 5 for SDP) whatever it calls itself.

    A client that chose among Python's encodings would find some that take seconds.

    :raises ApiError: 408 if it takes too long, 400 if it is no text.
    """
    patience = request.app[BRIDGE].settings.request_timeout
    try:
        body = await asyncio.wait_for(request.read(), patience)
        return body.decode("utf-8")
    except asyncio.TimeoutError:
        raise ApiError(408, f"the body took more than {patience:g} s") from None
    except UnicodeDecodeError as error:
        raise ApiError(400, f"the body is no text in UTF-8: {error}") from error
