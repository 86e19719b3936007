# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Depth as compressed_depth_image_transport packs it. Pure.

Twelve bytes come first: a format that nobody reads, and two floats A and B. Then comes a PNG of 16
bits, or columns, rows and RVL (Wilson, "Fast Lossless Depth Image Compression", 2017). Depth of
32FC1 was turned into its inverse, A / (value - B).
"""

from __future__ import annotations

import struct
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .cdr import ImageError
from .jpeg import too_large
from .picture_format import DEPTH_HEADER

Depth: TypeAlias = npt.NDArray[Any]  # rows x columns

_QUANTISATION = struct.Struct("<4xff")
_SIZE = struct.Struct("<II")
LARGEST_RUN = 2**31  # longer ones are no numbers of the encoder's


def real_depth(header: memoryview, values: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """Return depth in metres, NaN where it is unknown, from its quantised inverse."""
    a, b = _QUANTISATION.unpack_from(header)
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = np.float32(a) / (values.astype(np.float32) - np.float32(b))
    depth[values == 0] = np.nan
    return np.asarray(depth, np.float32)


def read_rvl(data: memoryview, max_pixels: int) -> npt.NDArray[np.uint16]:
    """Return the 16 bits of each pixel, rows x columns.

    :raises ImageError: if the data is damaged, or the picture too large.
    """
    offset = DEPTH_HEADER + _SIZE.size
    if len(data) < offset:
        raise ImageError(f"its depth (compressedDepth rvl) is cut short: {len(data)} bytes")
    columns, rows = _SIZE.unpack_from(data, DEPTH_HEADER)
    if rows == 0 or columns == 0:
        raise ImageError(f"the message holds no picture: its size is {columns}x{rows}")
    if rows * columns > max_pixels:
        raise ImageError(too_large(columns, rows, max_pixels))
    return _decode_rvl(data[offset:], rows * columns).reshape(rows, columns)


def _decode_rvl(data: memoryview, count: int) -> npt.NDArray[np.uint16]:
    """Return ``count`` values: runs of zeros, and of differences from the last value."""
    numbers = _read_numbers(data)
    is_zero, is_difference = np.ones(count, bool), np.zeros(len(numbers), bool)
    place = at = 0
    while place < count:
        if at + 2 > len(numbers):
            raise ImageError("its depth (compressedDepth rvl) is cut short")
        place += int(numbers[at])
        run = min(int(numbers[at + 1]), max(0, count - place))
        is_zero[place : place + run] = False
        is_difference[at + 2 : at + 2 + run] = True
        place, at = place + run, at + 2 + run
    if at > len(numbers):
        raise ImageError("its depth (compressedDepth rvl) is cut short")
    zigzag = numbers[is_difference]
    values = np.zeros(count, np.uint16)
    values[~is_zero] = np.cumsum((zigzag >> 1) ^ -(zigzag & 1)).astype(np.uint16)
    return values


def _read_numbers(data: memoryview) -> npt.NDArray[np.int64]:
    """Return the numbers in words of 32 bits, three bits of one in each half byte, lowest first."""
    words = np.frombuffer(data, "<u4", len(data) // 4)
    halves = (words[:, None] >> np.arange(28, -4, -4, np.uint32) & 15).ravel().astype(np.int64)
    ends = np.flatnonzero(halves < 8)  # the fourth bit says that more follows
    if ends.size == 0:
        return np.zeros(0, np.int64)
    halves = halves[: ends[-1] + 1]
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    digit = np.arange(halves.size) - np.repeat(starts, lengths)
    if digit.max() > 10:
        raise ImageError("its depth (compressedDepth rvl) is damaged")
    numbers: npt.NDArray[np.int64] = np.add.reduceat((halves & 7) << (3 * digit), starts)
    return numbers
