# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""From a URL to the source for what is there: a live stream, or a file to be looped."""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from functools import partial

from ..settings.camera import CameraSettings
from .connection import Connection, connect, shown
from .live_stream import LiveStream
from .location import is_url
from .source import LONGEST_WAIT, Source, SourceError
from .video_file import open_file


def is_stream(location: str) -> bool:
    """Whether a location may be a live stream: a URL, or a file that describes one (RFC 8866)."""
    return (is_url(location) and not location.startswith("file:")) or location.endswith(".sdp")


def open_stream(settings: CameraSettings, given_up: threading.Event | None = None) -> Source:
    """Open what is at the URL that is the settings' source.

    Servers may be slow, and nothing ends FFmpeg's waiting for them. So this is done in a thread
    that is left behind when ``given_up`` is set. It then closes what it has opened.

    :raises SourceError: if it cannot be opened.
    """
    if given_up is None:
        return _open(settings)
    opening: Future[Source] = Future()
    threading.Thread(
        target=_fulfil, args=(opening, settings), name="stream-opening", daemon=True
    ).start()
    while not given_up.is_set():
        if wait([opening], LONGEST_WAIT).done:
            return opening.result()
    opening.add_done_callback(_close)
    raise SourceError(f"{shown(settings.source)} is not waited for any more")


def _fulfil(opening: Future[Source], settings: CameraSettings) -> None:
    try:
        opening.set_result(_open(settings))
    except BaseException as error:
        opening.set_exception(error)


def _close(opening: Future[Source]) -> None:
    if opening.exception() is None:
        opening.result().close()


def _open(settings: CameraSettings) -> Source:
    location, transport = settings.source, settings.rtsp_transport
    first = connect(location, transport)
    if first is None:
        return open_file(location, settings.framerate)
    return LiveStream(shown(location), partial(_connect_live, location, transport), first)


def _connect_live(location: str, rtsp_transport: str) -> Connection:
    connection = connect(location, rtsp_transport)
    if connection is None:
        raise SourceError(f"{shown(location)} was a live stream, and is a file now")
    return connection
