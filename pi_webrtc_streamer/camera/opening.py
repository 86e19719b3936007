# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""From settings to an open source."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import NamedTuple

from ..settings.camera import CameraSettings
from .geometry import Geometry, Transformer
from .pattern import PATTERNS
from .picamera import PicameraSource
from .pixel_map import Steps
from .source import Picture, Source, SourceError
from .still import Once
from .stream_opening import is_stream, open_stream
from .v4l2 import open_v4l2
from .video_file import open_file

logger = logging.getLogger(__name__)


class Processing(NamedTuple):
    """What is done to captured pictures, and what does our part of it."""

    steps: Steps
    transform: Once[Picture]


def processing(steps: Steps) -> Processing:
    """Return what takes these steps."""
    return Processing(steps, Once(Transformer(steps.by_us)))


class Opened(NamedTuple):
    """An open source, what is done to its pictures, and the settings that open it again.

    ``stand_in`` says why it is the test pattern though a camera was asked for.
    """

    source: Source
    steps: Steps
    settings: CameraSettings
    stand_in: str = ""


def open_source(settings: CameraSettings, given_up: threading.Event | None = None) -> Opened:
    """Open the source that is asked for; ``auto`` is decided here, once.

    A server that does not answer is not waited for any more once ``given_up`` is set.

    :raises SourceError: if it cannot be opened.
    """
    if settings.source == "auto":
        kind = "v4l2" if settings.camera.startswith("/dev/") else "picamera2"
        try:
            return open_source(replace(settings, source=kind))
        except SourceError as error:
            logger.warning("showing the test pattern instead of a camera: %s", error)
            opened = open_source(replace(settings, source="pattern"))
            return opened._replace(stand_in=str(error))
    if settings.source == "picamera2":
        return _open_camera(settings)
    geometry = geometry_of(settings)
    steps = Steps(by_us=geometry)
    if settings.source == "v4l2":
        device = open_v4l2(settings.camera, settings.width, settings.height, settings.framerate)
        return Opened(device, steps, settings)
    if settings.source in PATTERNS:
        geometry.check(settings.width, settings.height)
        draw = PATTERNS[settings.source]
        pattern = draw(settings.width, settings.height, settings.framerate)
        return Opened(pattern, steps, settings)
    if is_stream(settings.source):
        return Opened(open_stream(settings, given_up), steps, settings)
    return Opened(open_file(settings.source, settings.framerate), steps, settings)


def _open_camera(settings: CameraSettings) -> Opened:
    source = PicameraSource(
        settings.camera,
        settings.width,
        settings.height,
        settings.framerate,
        geometry_of(settings),
    )
    return Opened(source, source.steps, settings)


def geometry_of(settings: CameraSettings) -> Geometry:
    """Return the geometry that the settings ask for."""
    x, y, width, height = settings.crop
    return Geometry(
        crop=(x, y, width, height) if width else None,
        size=(settings.output_width, settings.output_height),
        flip_horizontal=settings.flip in ("horizontal", "both"),
        flip_vertical=settings.flip in ("vertical", "both"),
        rotation=settings.rotation,
    )
