# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""V4L2 devices, such as USB cameras, as a source: opened with the best of the formats they have."""

from __future__ import annotations

import errno
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError

from ..runtime.owning import Owned
from .conversion import Untagged
from .live_input import LiveInput
from .source import SourceError
from .v4l2_choice import Choice, ChoiceError, choose
from .v4l2_colours import read_colours
from .v4l2_device import MAY_NOT, asking, devices
from .v4l2_formats import Format, read_formats
from .v4l2_identity import identify

JPEG = {"input_format": "mjpeg"}
WHAT_ELSE = "pi-webrtc-streamer --list-cameras prints what there is"


def open_v4l2(device: str, width: int, height: int, framerate: float) -> LiveInput:
    """Open a V4L2 device with the best format that has this size.

    :raises SourceError: if it cannot be opened, or has no such size or format.
    """
    if not Path(device).exists():
        there = ", ".join(devices()) or "none"
        raise SourceError(f"there is no camera {device}; there are {there}")
    choice = _choose(device, width, height, framerate)
    options = {"video_size": f"{width}x{height}", "framerate": f"{framerate:g}"}
    if choice is not None:
        options["input_format"] = choice.ffmpeg_name
        # It may have less than what is asked for; more is not wanted.
        framerate = min(framerate, choice.framerate or framerate)
    container = _open(device, options)
    with Owned() as owned:
        owned.at_end("a device that cannot be used", container.close)
        source = LiveInput(device, container, identify(device), framerate, _colours(device))
        owned.pop_all()
        return source


def _choose(device: str, width: int, height: int, framerate: float) -> Choice | None:
    """Return the best format; None of a device that does not tell what it has.

    :raises SourceError: if it has none, or may not be asked.
    """
    try:
        with asking(device) as ask:
            formats: list[Format] = read_formats(ask)
    except PermissionError as error:
        raise SourceError(f"{device} may not be opened: {MAY_NOT}") from error
    except OSError as error:
        raise SourceError(f"{device} cannot be opened: {error.strerror}; {WHAT_ELSE}") from error
    if not formats:
        return None
    try:
        return choose(formats, width, height, framerate)
    except ChoiceError as error:
        raise SourceError(f"{device} cannot be shown as it is asked for: {error}") from error


def _open(device: str, options: dict[str, str]) -> InputContainer:
    """Open a device with FFmpeg: with JPEG if nothing is known of it, else with anything.

    :raises SourceError: if it refuses.
    """
    attempts = [options] if "input_format" in options else [{**options, **JPEG}, options]
    failure: FFmpegError | None = None
    for each in attempts:
        try:
            return av.open(device, format="v4l2", options=each)
        except FFmpegError as error:
            failure = error
    busy = failure is not None and failure.errno == errno.EBUSY
    why = "another program uses it" if busy else failure and failure.strerror
    raise SourceError(
        f"{device} cannot be opened as a camera of {options['video_size']}: {why}; {WHAT_ELSE}"
    )


def _colours(device: str) -> Untagged:
    """Ask an open device how it means the colours that it delivers."""
    try:
        with asking(device) as ask:
            return read_colours(ask)
    except OSError:  # it was just unplugged, which reading says better
        return Untagged()
