# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a live stream, and what to do, for whoever gave its URL.

No text here is FFmpeg's or urllib's own about a certain URL: those may have the password.
"""

from __future__ import annotations

import errno
import os
import socket

from av import error as ffmpeg

PATIENCE = 5.0  # seconds until a server that says nothing is given up
STATUSES: dict[type[Exception], int] = {
    ffmpeg.HTTPBadRequestError: 400,
    ffmpeg.HTTPUnauthorizedError: 401,
    ffmpeg.HTTPForbiddenError: 403,
    ffmpeg.HTTPNotFoundError: 404,
}
MEANINGS = {
    401: "wants a user and a password, or others than these; write them into the URL, as in "
    "rtsp://user:password@host/path, with %40 for @, %2F for / and %23 for #",
    403: "does not let this user in",
    404: "has nothing at this path; the camera's manual or its page of settings has the right one",
}
SILENT = (
    f"has sent nothing for {PATIENCE:g} s; check the address and the port, whether the server "
    "sends, and what a firewall lets through"
)
REFUSED = "refuses the connection; check the port, and whether the server runs"
NO_URL = (
    "is no URL that can be read; in a user or password, %40 stands for @, %3A for :, %2F for /, "
    "%23 for # and %3F for ?"
)
UNKNOWN_HOST = "cannot be found; check the name of the host, or give its address"


class UrlError(ValueError):
    """It is no URL, or one in which something should have been escaped."""


class NoVideoError(ValueError):
    """What came has sound alone, or nothing."""


def what_is_wrong(error: Exception) -> str:
    """Return the end of a sentence that begins with the stream's name."""
    reason = getattr(error, "reason", None)  # what urllib wraps
    if isinstance(reason, Exception):
        return what_is_wrong(reason)
    if (status := _status(error)) is not None:
        meaning = MEANINGS.get(status)
        return f"{meaning} (status {status})" if meaning else f"answers with status {status}"
    if isinstance(error, socket.gaierror):
        return UNKNOWN_HOST
    if isinstance(error, ConnectionRefusedError):
        return REFUSED
    if isinstance(error, (TimeoutError, ffmpeg.ExitError)):
        return SILENT
    if isinstance(error, ffmpeg.EOFError):
        return "has ended before there was a picture"
    if isinstance(error, ffmpeg.ProtocolNotFoundError):
        return "cannot be had: this FFmpeg does not know the protocol"
    if isinstance(error, ffmpeg.InvalidDataError):
        return "sends nothing that can be read as a video"
    if isinstance(error, NoVideoError):
        return "has no video"
    if isinstance(error, UrlError):
        return NO_URL
    if type(error) is ValueError:  # urllib's
        return (
            "wants a password in a way that is not known here; let the camera take basic or digest"
        )
    return f"cannot be opened as a video: {_text(error)}"


def _status(error: Exception) -> int | None:
    if isinstance(error, ffmpeg.FFmpegError):
        return STATUSES.get(type(error))
    code = getattr(error, "code", None)  # urllib's HTTPError has it
    return code if isinstance(code, int) else None


def _text(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if isinstance(number, int) and number in errno.errorcode:
        return os.strerror(number)
    return getattr(error, "strerror", None) or type(error).__name__
