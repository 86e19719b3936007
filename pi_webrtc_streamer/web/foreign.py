# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""An interface that is not ours, served beside ours: what has to be known of it, whosever it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web


def _nothing(path: str) -> bool:
    return False


@dataclass(frozen=True)
class ForeignInterface:
    """What is served to programs and pages that others wrote, and the rules that hold there.

    ``owns`` says of a path whether it is theirs. A token may then stand in the address, since such
    programs keep no cookies; and where everybody may watch, everybody's pages may look. With an
    ``own_port``, it is on another port than the page, and pages of the page's port come to it.
    ``tells_status`` says of a path whether errors there have their HTTP status in the body, too.

    ``add_routes`` adds what it serves, ``describe_health`` returns what it has to say in
    ``/health``, and ``page`` is where our own page is, if that has to make way.
    """

    owns: Callable[[str], bool] = _nothing
    own_port: bool = False
    tells_status: Callable[[str], bool] = _nothing
    add_routes: Callable[[web.Application], None] = lambda app: None
    describe_health: Callable[[], Mapping[str, object]] = dict
    page: str = "/"


NONE = ForeignInterface()
FOREIGN = web.AppKey("foreign", ForeignInterface)


def foreign_interface(request: web.Request) -> ForeignInterface:
    """Return the interface that the application of a request serves beside ours."""
    return request.app.get(FOREIGN, NONE)


def is_foreign(request: web.Request) -> bool:
    """Return whether a request is for an interface that is not ours."""
    return foreign_interface(request).owns(request.path)
