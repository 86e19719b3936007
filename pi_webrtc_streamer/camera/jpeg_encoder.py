# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who makes JPEG of pictures: libjpeg-turbo, or the hardware where a trial shows that it can."""

from __future__ import annotations

import functools
import logging
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import simplejpeg

from ..runtime.owning import ReleaseError
from .jpeg import encode_jpeg
from .pattern import PatternSource
from .source import Picture
from .v4l2_jpeg import Device, KernelDevice, V4l2JpegEncoder

logger = logging.getLogger(__name__)

AUTO, SOFTWARE, HARDWARE = "auto", "libjpeg-turbo", "v4l2m2m"
CHOICES = (AUTO, SOFTWARE, HARDWARE)
TRIALS = 5  # pictures
# Of red, green and blue, in the mean: other tables of quantisation make 1 or 2, another range or
# matrix of colours 5 and more.
MOST_WRONG = 3.0
# It leaves a core free, but every picture waits for it: so much longer than libjpeg-turbo.
MOST_TIME = 1.5


class _Wanted(NamedTuple):
    width: int
    height: int
    quality: int


class JpegEncoder:
    """Encodes pictures; what is tried for a size and quality is tried once, with the first one.

    ``choice`` is one of :data:`CHOICES`: ``auto`` takes the hardware if its pictures are right and
    quick, ``v4l2m2m`` if they are right. Where it fails later, libjpeg-turbo goes on.
    """

    def __init__(self, choice: str, open_device: Callable[[], Device] = KernelDevice) -> None:
        self._choice = choice
        self._open_device = open_device
        self._wanted: _Wanted | None = None
        self._hardware: V4l2JpegEncoder | None = None

    def __call__(self, picture: Picture, quality: int) -> bytes:
        """Return the picture as a JPEG file; quality from 1 to 100."""
        if self._choice != SOFTWARE:
            self._prepare(_Wanted(picture.width, picture.height, quality))
        if self._hardware is not None:
            try:
                return self._hardware.encode(picture)
            except (OSError, ValueError) as error:
                logger.warning("JPEG by the hardware has failed (%s): using %s", error, SOFTWARE)
                self._choice = SOFTWARE
                with suppress(ReleaseError):  # which has been logged
                    self.close()
        return encode_jpeg(picture, quality)

    def close(self) -> None:
        """Give the hardware back; safe to call twice."""
        hardware, self._hardware, self._wanted = self._hardware, None, None
        if hardware is not None:
            hardware.close()

    def _prepare(self, wanted: _Wanted) -> None:
        if wanted == self._wanted:
            return
        self.close()
        self._wanted = wanted
        try:
            device = self._open_device()
        except OSError as error:
            logger.info("JPEG without hardware (%s): using %s", error, SOFTWARE)
            self._choice = SOFTWARE  # there will be none later, either
            return
        try:
            hardware = V4l2JpegEncoder(device, *wanted)
        except OSError as error:
            logger.info("JPEG by the hardware cannot be (%s): using %s", error, SOFTWARE)
            return
        self._hardware = hardware
        why_not = self._why_not(hardware, wanted)
        if why_not:
            logger.info("JPEG by the hardware %s: using %s", why_not, SOFTWARE)
            self._hardware = None
            hardware.close()

    def _why_not(self, hardware: V4l2JpegEncoder, wanted: _Wanted) -> str:
        """Try it; returns what speaks against it, or nothing."""
        picture = _test_picture(wanted.width, wanted.height)
        software = functools.partial(encode_jpeg, quality=wanted.quality)
        try:
            made, took = _timed(hardware.encode, picture)
        except (OSError, ValueError) as error:
            return f"fails ({error})"
        right, usual = _timed(software, picture)
        if wrong := _difference(made, right):
            return wrong
        figures = f"takes {took:.1f} ms for {len(made)} bytes at {wanted.width}x{wanted.height}"
        against = f"{SOFTWARE}: {usual:.1f} ms, {len(right)} bytes"
        if self._choice == AUTO and took > MOST_TIME * usual:
            return f"{figures} ({against})"
        logger.info("JPEG by the hardware %s (%s): using it", figures, against)
        return ""


def _test_picture(width: int, height: int) -> Picture:
    """Return a picture in which wrong colours, sizes and rows are seen."""
    pattern = PatternSource(width, height, 1.0)
    pattern.start()
    with pattern.capture() as picture:
        assert picture is not None  # the first is due at once
        return picture


def _timed(encode: Callable[[Picture], bytes], picture: Picture) -> tuple[bytes, float]:
    """Return the last of some encoded pictures, and their median time in ms."""
    times, made = [], b""
    for _ in range(TRIALS):
        begun = time.perf_counter()
        made = encode(picture)
        times.append(1000 * (time.perf_counter() - begun))
    return made, statistics.median(times)


def _difference(made: bytes, right: bytes) -> str:
    """Say what is wrong with a picture that should look like another one; nothing if it does."""
    try:
        pixels = simplejpeg.decode_jpeg(made)
    except ValueError as error:
        return f"makes no JPEG that can be read ({error})"
    expected = simplejpeg.decode_jpeg(right)
    if pixels.shape != expected.shape:
        return f"makes pictures of {pixels.shape[1]}x{pixels.shape[0]}"
    off = float(np.abs(pixels.astype(np.int16) - expected).mean())
    return f"makes wrong colours (by {off:.1f} in the mean)" if off > MOST_WRONG else ""
