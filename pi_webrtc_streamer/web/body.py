"""The bodies of requests, which have to come in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from aiohttp import web

from .errors import ApiError
from .keys import BRIDGE

Body = TypeVar("Body")


async def in_time(request: web.Request, reading: Awaitable[Body]) -> Body:
    """Return what is read of a request's body.

    :raises ApiError: 408 if it takes too long.
    """
    patience = request.app[BRIDGE].settings.request_timeout
    try:
        return await asyncio.wait_for(reading, patience)
    except asyncio.TimeoutError:
        raise ApiError(408, f"the body took more than {patience:g} s") from None
