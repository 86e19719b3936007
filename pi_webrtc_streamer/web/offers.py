# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Offers over HTTP: what they may be, and what whoever sent one is told when it is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from ..webrtc.errors import MalformedOffer, OfferError, TooManyFromAddress, Unavailable
from .body import read_text
from .errors import RETRY_AFTER, ApiError

SDP = "application/sdp"


async def read_offer(request: web.Request) -> str:
    """Return the offer in a request's body.

    :raises ApiError: if the body is of another type, no text, or takes too long.
    """
    require_content_type(request, SDP)
    return await read_text(request)


def require_content_type(request: web.Request, expected: str) -> None:
    """See that a request's body is what it is to be.

    :raises ApiError: 415 if not.
    """
    if request.content_type != expected:
        raise ApiError(
            415,
            f"the content type is {request.content_type}; send {expected}",
            {"Accept-Post" if request.method == "POST" else "Accept-Patch": expected},
        )


@contextmanager
def refusals_told() -> Iterator[None]:
    """Turn the reasons for which an offer is not answered into what HTTP has for them."""
    try:
        yield
    except TooManyFromAddress as error:
        raise ApiError(429, f"{error}; end one of them first", RETRY_AFTER) from error
    except Unavailable as error:
        raise ApiError(503, f"{error}; try again later", RETRY_AFTER) from error
    except MalformedOffer as error:
        raise ApiError(400, str(error)) from error
    except OfferError as error:
        raise ApiError(422, str(error)) from error
