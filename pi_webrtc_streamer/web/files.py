# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The page's files, from memory: a browser asks for all of them at once."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import PurePath
from typing import NamedTuple

from aiohttp import ETag, web

from ..page import FOLDER, FOR_DRIVING, NAMES, TYPES
from .keys import BRIDGE

INDEX = "index.html"


class PageFile(NamedTuple):
    """A file of the page; another content has another tag (RFC 9110, 8.8.3)."""

    content: bytes
    content_type: str
    tag: str


def _read(name: str) -> PageFile:
    content = (FOLDER / name).read_bytes()
    tag = hashlib.sha256(content).hexdigest()[:16]
    return PageFile(content, TYPES[PurePath(name).suffix], tag)


FILES = {name: _read(name) for name in NAMES - FOR_DRIVING}


@cache
def _files_for_driving() -> dict[str, PageFile]:
    """Return the files that nobody needs where nobody can drive."""
    return {name: _read(name) for name in FOR_DRIVING}


async def send_file(request: web.Request) -> web.Response:
    """Answer with the file that the path names."""
    return answer_with(request, request.match_info["file"])


def answer_with(request: web.Request, name: str) -> web.Response:
    """Answer with a file of the page, or say that the browser has it already.

    :raises HTTPNotFound: if there is no such file.
    """
    file = FILES.get(name)
    if file is None and request.app[BRIDGE].driving is not None:
        file = _files_for_driving().get(name)
    if file is None:
        raise web.HTTPNotFound
    if ETag(file.tag) in (request.if_none_match or ()):
        response = web.Response(status=304)
    else:
        response = web.Response(body=file.content, content_type=file.content_type, charset="utf-8")
    response.etag = file.tag
    return response
