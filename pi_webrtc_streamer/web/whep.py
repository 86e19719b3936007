# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""WHEP, by which a viewer gets a camera (draft-ietf-wish-whep, after RFC 9725)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from ..access.entrance import require
from ..access.roles import Role
from ..webrtc.errors import IceRestartError
from ..webrtc.trickle import FragmentError, parse_fragment
from .admission import requires, visitor_role
from .body import read_text
from .errors import ApiError
from .keys import BRIDGE, active_viewers, requested_feed
from .offers import SDP, read_offer, refusals_told, require_content_type
from .visit import client_address

if TYPE_CHECKING:
    from ..webrtc.viewer import Viewer

FRAGMENT = "application/trickle-ice-sdpfrag"
ENDPOINT = "/whep/{camera}"
SESSION = "/whep/{camera}/{session}"


def add_routes(app: web.Application) -> None:
    """Serve the endpoint of each camera and its sessions."""
    app.router.add_post(ENDPOINT, create)
    app.router.add_options(ENDPOINT, describe_endpoint)
    app.router.add_patch(SESSION, trickle)
    app.router.add_delete(SESSION, delete)
    app.router.add_options(SESSION, describe_session)


async def create(request: web.Request) -> web.Response:
    """Answer an offer: 201 with the session's address."""
    feed = requested_feed(request)
    viewers = active_viewers(request)
    offer = await read_offer(request)
    with refusals_told():
        viewer, answer = await viewers.admit(feed.name, offer, client_address(request))
    response = web.Response(status=201, text=answer, content_type=SDP)
    # Relative to the endpoint: a proxy may have put the bridge below a path.
    response.headers["Location"] = f"{feed.name}/{viewer.id}"
    response.headers["ETag"] = viewer.etag
    return _with_ice_servers(response, request)


@requires(None)
async def trickle(request: web.Request) -> web.Response:
    """Take candidates that the viewer found after its offer: 204.

    Whom they belong to says their ICE user name fragment, or else the session's ETag.
    """
    viewer = _session(request)
    require_content_type(request, FRAGMENT)
    try:
        fragment = parse_fragment(await read_text(request))
        if fragment.ufrag is None:
            _require_match(request, viewer.etag)
        await viewer.add_candidates(fragment)
    except IceRestartError as error:
        raise ApiError(422, str(error)) from error
    except FragmentError as error:
        raise ApiError(400, str(error)) from error
    return web.Response(status=204, headers={"ETag": viewer.etag})


@requires(None)
async def delete(request: web.Request) -> web.Response:
    """End a session; the answer comes when all it held is given back."""
    viewer = _session(request)
    await active_viewers(request).remove(viewer, "it said good-bye")
    return web.Response()


async def describe_endpoint(request: web.Request) -> web.Response:
    """Say what can be posted."""
    requested_feed(request)
    response = web.Response(status=204, headers={"Allow": "POST, OPTIONS", "Accept-Post": SDP})
    return _with_ice_servers(response, request)


async def describe_session(request: web.Request) -> web.Response:
    """Say what can be done with a session."""
    requested_feed(request)
    return web.Response(
        status=204, headers={"Allow": "PATCH, DELETE, OPTIONS", "Accept-Patch": FRAGMENT}
    )


def _session(request: web.Request) -> Viewer:
    """Return the viewer whose session a request is for.

    Who knows its address needs no token: it was told to the viewer alone, and players that trickle
    or end a session show none (mediamtx's, for one). All else is told to those who may look.
    """
    viewers = request.app[BRIDGE].viewers
    session = request.match_info["session"]
    viewer = viewers.get(request.match_info["camera"], session) if viewers is not None else None
    if viewer is None:
        require(visitor_role(request), Role.VIEW)
        requested_feed(request)
        why = active_viewers(request).why_gone(session)
        raise ApiError(404, f"the session has ended: {why}" if why else "there is no such session")
    return viewer


def _require_match(request: web.Request, etag: str) -> None:
    match = request.headers.get("If-Match")
    if match is None:
        raise ApiError(428, "If-Match is missing; send the ETag that came with the session")
    if match not in ("*", etag):
        raise ApiError(412, "If-Match is not the ETag of this session")


def _with_ice_servers(response: web.Response, request: web.Request) -> web.Response:
    """Name the ICE servers that the viewer may use, too (RFC 9725, 4.6)."""
    for server in request.app[BRIDGE].ice_servers:
        for url in server.urls:
            link = f'<{url}>; rel="ice-server"'
            if server.username:
                link += (
                    f'; username="{server.username}"; credential="{server.credential}"; '
                    'credential-type="password"'
                )
            response.headers.add("Link", link)
    return response
