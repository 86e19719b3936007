# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Depth of floating point as TIFF, which image_transport writes of 32FC1 and FFmpeg cannot read.

OpenCV writes such pictures uncompressed, in strips of rows (TIFF 6.0, sections 2 and 3). Pure.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from .cdr import ImageError
from .jpeg import too_large

_ENTRY = 12  # bytes
_TYPES = {1: "B", 3: "H", 4: "I"}
MOST_VALUES = 65_536  # of one tag: a strip has a row at least
# Tags.
WIDTH, LENGTH, BITS, COMPRESSION = 256, 257, 258, 259
STRIP_OFFSETS, SAMPLES, STRIP_COUNTS, SAMPLE_FORMAT = 273, 277, 279, 339
UNCOMPRESSED, FLOATING_POINT = 1, 3


class FloatPicture(NamedTuple):
    """``height`` rows of ``width`` numbers, one behind the other."""

    width: int
    height: int
    bits: int
    big_endian: bool
    data: bytes


def read_float_tiff(data: memoryview, max_pixels: int) -> FloatPicture | None:
    """Return the picture, or None if it is another kind of TIFF.

    :raises ImageError: if it is damaged, or has too many pixels.
    """
    order = ">" if data[0] == ord("M") else "<"
    try:
        tags = _read_tags(data, order)
    except struct.error as error:
        raise ImageError("its TIFF is damaged or cut short") from error
    if (
        tags.get(SAMPLE_FORMAT) != [FLOATING_POINT]
        or tags.get(SAMPLES, [1]) != [1]
        or tags.get(COMPRESSION) != [UNCOMPRESSED]
        or tags.get(BITS) not in ([32], [64])
    ):
        return None
    width, height = sum(tags.get(WIDTH, [])), sum(tags.get(LENGTH, []))
    if width * height > max_pixels:
        raise ImageError(too_large(width, height, max_pixels))
    bits = tags[BITS][0]
    offsets, counts = tags.get(STRIP_OFFSETS, []), tags.get(STRIP_COUNTS, [])
    needed = width * height * bits // 8
    if sum(counts) > len(data) or sum(counts) < needed:
        raise ImageError("its TIFF is damaged or cut short")
    strips = zip(offsets, counts, strict=False)
    numbers = b"".join(data[begin : begin + count] for begin, count in strips)[:needed]
    if len(numbers) < needed:
        raise ImageError("its TIFF is damaged or cut short")
    return FloatPicture(width, height, bits, order == ">", numbers)


def _read_tags(data: memoryview, order: str) -> dict[int, list[int]]:
    """Return the whole numbers of the first picture's tags."""
    (directory,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, directory)
    tags = {}
    for place in range(directory + 2, directory + 2 + _ENTRY * count, _ENTRY):
        tag, kind, length = struct.unpack_from(order + "HHI", data, place)
        if kind not in _TYPES or length > MOST_VALUES:
            continue
        layout = f"{order}{length}{_TYPES[kind]}"
        begin = place + 8
        if struct.calcsize(layout) > 4:  # more than fits into the entry
            (begin,) = struct.unpack_from(order + "I", data, begin)
        tags[tag] = list(struct.unpack_from(layout, data, begin))
    return tags
