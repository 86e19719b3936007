# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which formats, sizes and rates a V4L2 device says that it has. Pure.

Structures and numbers are those of Linux's videodev2.h, on 64-bit systems.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

# Sends a structure to the device and returns what it made of it; OSError if it has no answer.
Ask = Callable[[int, bytes], bytes]

MOST = 128  # answers to one question; a driver that has more does not end
CAPTURE = 1  # V4L2_BUF_TYPE_VIDEO_CAPTURE
DISCRETE = 1  # V4L2_FRMSIZE_TYPE_DISCRETE and V4L2_FRMIVAL_TYPE_DISCRETE
# struct v4l2_fmtdesc: index, type, flags, description, pixelformat, mbus_code, reserved.
FORMAT = struct.Struct("=III32sI16x")
# struct v4l2_frmsizeenum: index, pixel_format, type, then width and height, or their least, most
# and step; reserved.
SIZE = struct.Struct("=III6I8x")
# struct v4l2_frmivalenum: index, pixel_format, width, height, type, then one fraction, or the
# least, most and step; reserved.
INTERVAL = struct.Struct("=5I6I8x")


def _iowr(number: int, size: int) -> int:
    """Return _IOWR('V', number, a structure of this size)."""
    return 3 << 30 | size << 16 | ord("V") << 8 | number


ENUM_FORMATS = _iowr(2, FORMAT.size)
ENUM_SIZES = _iowr(74, SIZE.size)
ENUM_INTERVALS = _iowr(75, INTERVAL.size)


class Rates(NamedTuple):
    """Pictures a second: each that there is, or (``between``) the least and the most."""

    each: tuple[float, ...]
    between: bool = False

    def __str__(self) -> str:
        if not self.each:
            return "at a rate that it does not tell"
        joined = (" to " if self.between else ", ").join(f"{rate:.4g}" for rate in self.each)
        return f"at {joined}"


class Size(NamedTuple):
    """A size in pixels, or several with the same step; and what rates it has."""

    widths: range
    heights: range
    rates: Rates

    def __str__(self) -> str:
        largest = f"{self.widths[-1]}x{self.heights[-1]}"
        if len(self.widths) == len(self.heights) == 1:
            return largest
        return f"{self.widths[0]}x{self.heights[0]} to {largest}"

    def nearest(self, width: int, height: int) -> tuple[int, int]:
        """Return the size of these that is nearest to one."""
        return _nearest(self.widths, width), _nearest(self.heights, height)


@dataclass(frozen=True)
class Format:
    """A pixel format: its four characters, what the driver calls it, and the sizes it has."""

    fourcc: str
    description: str
    sizes: tuple[Size, ...]

    def size(self, width: int, height: int) -> Size | None:
        """Return the sizes to which one belongs."""
        fitting = (s for s in self.sizes if width in s.widths and height in s.heights)
        return next(fitting, None)


def read_formats(ask: Ask) -> list[Format]:
    """Ask a device for all formats that it captures."""
    formats = []
    for answer in _each(ask, ENUM_FORMATS, lambda index: FORMAT.pack(index, CAPTURE, 0, b"", 0)):
        _, _, _, text, pixels = FORMAT.unpack(answer)
        description = text.partition(b"\0")[0].decode(errors="replace").strip()
        formats.append(Format(fourcc_of(pixels), description, tuple(_sizes(ask, pixels))))
    return formats


def fourcc_of(pixels: int) -> str:
    """Return a format's four characters, of which the highest bit says that it is big-endian."""
    letters = struct.pack("<I", pixels & 0x7FFFFFFF)
    text = "".join(chr(each) if 32 <= each < 127 else "?" for each in letters).rstrip()
    return text + "-BE" if pixels >> 31 else text


def _sizes(ask: Ask, pixels: int) -> Iterator[Size]:
    def question(index: int) -> bytes:
        return SIZE.pack(index, pixels, 0, *[0] * 6)

    for answer in _each(ask, ENUM_SIZES, question):
        _, _, kind, *numbers = SIZE.unpack(answer)
        if kind == DISCRETE:
            width, height = numbers[:2]
            steps = (width, width, 1), (height, height, 1)
        else:
            steps = (numbers[0], numbers[1], numbers[2]), (numbers[3], numbers[4], numbers[5])
        widths, heights = (_range(*each) for each in steps)
        if widths and heights:
            yield Size(widths, heights, _rates(ask, pixels, widths[-1], heights[-1]))
        if kind != DISCRETE:
            return  # there is one answer of these kinds


def _rates(ask: Ask, pixels: int, width: int, height: int) -> Rates:
    def question(index: int) -> bytes:
        return INTERVAL.pack(index, pixels, width, height, 0, *[0] * 6)

    rates: list[float] = []
    for answer in _each(ask, ENUM_INTERVALS, question):
        _, _, _, _, kind, *numbers = INTERVAL.unpack(answer)
        if kind != DISCRETE:
            shortest, longest = _rate(*numbers[:2]), _rate(*numbers[2:4])
            return Rates((longest, shortest), between=True) if shortest and longest else Rates(())
        if rate := _rate(*numbers[:2]):
            rates.append(rate)
    return Rates(tuple(sorted(set(rates), reverse=True)))


def _each(ask: Ask, request: int, question: Callable[[int], bytes]) -> Iterator[bytes]:
    """Ask by number until there is no answer: by EINVAL, or ENOTTY of who knows no such question.

    What the device says of the number itself does not count.
    """
    for index in range(MOST):
        try:
            answer = ask(request, question(index))
        except OSError:
            return
        yield answer


def _range(least: int, most: int, step: int) -> range:
    """Return sides in pixels; none if it makes no sense."""
    return range(least, most + 1, max(1, step)) if 0 < least <= most < 2**16 else range(0)


def _rate(numerator: int, denominator: int) -> float:
    """Return pictures a second of an interval in seconds; 0 if it makes no sense."""
    return denominator / numerator if numerator else 0.0


def _nearest(sides: range, wanted: int) -> int:
    if wanted <= sides[0]:
        return sides[0]
    return sides[min(round((wanted - sides[0]) / sides.step), len(sides) - 1)]
