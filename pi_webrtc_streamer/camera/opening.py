"""From settings to an open source."""

from __future__ import annotations

import logging

from ..settings.camera import CameraSettings
from .geometry import Geometry
from .pattern import PatternSource
from .picamera import PicameraSource
from .source import Source, SourceError
from .video_file import VideoSource

logger = logging.getLogger(__name__)


def open_source(settings: CameraSettings) -> tuple[Source, Geometry]:
    """Open the source that is asked for; returns what is left to do to its pictures as well.

    :raises SourceError: if it cannot be opened.
    """
    geometry = geometry_of(settings)
    if settings.source in ("auto", "picamera2"):
        try:
            picamera = PicameraSource(
                settings.camera, settings.width, settings.height, settings.framerate, geometry
            )
        except SourceError as error:
            if settings.source != "auto":
                raise
            logger.warning("showing the test pattern instead of a camera: %s", error)
        else:
            return picamera, picamera.remaining
    elif settings.source != "pattern":
        return VideoSource(settings.source), geometry
    geometry.check(settings.width, settings.height)
    return PatternSource(settings.width, settings.height, settings.framerate), geometry


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
