# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which of a V4L2 device's formats is taken. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .v4l2_formats import Format, Size

# By what four characters V4L2 has, what FFmpeg calls it; best first. JPEG: at larger sizes USB is
# too slow for the uncompressed ones. H.264 last: it takes decoding of each picture.
SHOWN = {
    "MJPG": "mjpeg",
    "JPEG": "mjpeg",
    "NV12": "nv12",
    "YU12": "yuv420p",
    "YV12": "yuv420p",
    "YUYV": "yuyv422",
    "UYVY": "uyvy422",
    "422P": "yuv422p",
    "RGB3": "rgb24",
    "BGR3": "bgr24",
    "BGR4": "bgr0",
    "GREY": "gray",
    "Y16": "gray16le",
    "RGBP": "rgb565le",
    "H264": "h264",
}
NEARLY = 0.99  # of a rate: 29.97 is as good as 30
MOST_NAMED = 3  # sizes in a sentence


class ChoiceError(Exception):
    """A device has nothing that is asked for; the text says what it has instead."""


class Choice(NamedTuple):
    """A format, and a rate of the size that was asked for (0: it does not tell)."""

    format: Format
    framerate: float

    @property
    def ffmpeg_name(self) -> str:
        """What FFmpeg calls the format."""
        return SHOWN[self.format.fourcc]


def choose(formats: Sequence[Format], width: int, height: int, framerate: float) -> Choice:
    """Return the best format that has this size: the first with the rate, or else the fastest.

    A format that does not tell its sizes is taken if no other has this one.

    :raises ChoiceError: if none has.
    """
    known = shown(formats)
    if not known:
        raise ChoiceError(
            f"it has only {describe(formats)}, and shown can be {', '.join(SHOWN)}"
            if formats
            else "it captures nothing"
        )
    fitting = [
        Choice(form, _rate(size, framerate))
        for form in known
        if (size := form.size(width, height)) is not None
    ]
    if not fitting:
        fitting = [Choice(form, 0.0) for form in known if not form.sizes]
    if not fitting:
        sizes = " or ".join(f"{wide}x{high}" for wide, high in nearest(known, width, height))
        raise ChoiceError(
            f"it has no {width}x{height}: set width and height to {sizes}; it has "
            + describe(formats)
        )
    quick = [choice for choice in fitting if choice.framerate >= framerate * NEARLY]
    return (quick or sorted(fitting, key=lambda choice: -choice.framerate))[0]


def shown(formats: Sequence[Format]) -> list[Format]:
    """Return those that can be shown, the best first."""
    ranks = {name: rank for rank, name in enumerate(SHOWN)}
    known = (form for form in formats if form.fourcc in ranks)
    return sorted(known, key=lambda form: ranks[form.fourcc])


def nearest(formats: Sequence[Format], width: int, height: int) -> list[tuple[int, int]]:
    """Return the nearest sizes to one, the nearest first; several have the same distance."""

    def distance(size: tuple[int, int]) -> int:
        return abs(size[0] - width) + abs(size[1] - height)

    there = {size.nearest(width, height) for form in formats for size in form.sizes}
    return sorted(there, key=lambda size: (distance(size), size))[:MOST_NAMED]


def describe(formats: Sequence[Format]) -> str:
    """Return formats with their sizes and highest rates, as they stand in a sentence."""
    texts = []
    for form in formats:
        sizes = "; ".join(f"{size}{_at_most(size)}" for size in form.sizes)
        texts.append(f"{form.fourcc} ({sizes or form.description})")
    return ", ".join(texts)


def _at_most(size: Size) -> str:
    return f" at {max(size.rates.each):.4g}" if size.rates.each else ""


def _rate(size: Size, wanted: float) -> float:
    """Return the rate of a size that is the nearest to the one that is wanted."""
    rates = size.rates
    if not rates.each:
        return 0.0
    if rates.between:
        return min(max(wanted, rates.each[0]), rates.each[-1])
    enough = [rate for rate in rates.each if rate >= wanted * NEARLY]
    return min(enough) if enough else max(rates.each)
