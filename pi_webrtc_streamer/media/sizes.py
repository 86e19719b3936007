# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""In which size a picture is encoded: one that receivers show. Pure.

Offers do not bound it. Browsers say level 3.1 of H.264, or 12,288 macroblocks of VP8, and decode
far more. And one encoder serves all viewers of a tier.
"""

from __future__ import annotations

from functools import lru_cache
from math import isqrt
from typing import NamedTuple

# What decoders take: H.264's level 5.2 (ITU-T H.264, table A-1, MaxFS). VP8 has no levels, and gets
# no more either: it would take longer, and nobody's window is larger.
MOST_MACROBLOCKS = 36_864
LONGEST_SIDE = 16 * isqrt(8 * MOST_MACROBLOCKS)  # 8688 pixels; the same standard, A.3.1
SMALLEST_SIDE = 16  # pixels; libx264 opens below, receivers do not all show it

# A picture whose shorter side is less than this is enlarged, so that its quarter is shown, too:
SMALL_SIDE = 96
ENLARGED_SIDE = 240  # to about so much ...
LONGEST_ENLARGED = 1280  # ... unless the longer side would be more than that


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


def enlargement(width: int, height: int) -> int:
    """Return the whole factor by which a picture is enlarged; 1 unless it is small.

    It is even, so that with 4:2:0, too, each pixel has a colour of its own.
    """
    short, long = sorted((width, height))
    if short >= SMALL_SIDE:
        return 1
    return 2 * max(1, min(-(-ENLARGED_SIDE // (2 * short)), LONGEST_ENLARGED // (2 * long)))


def full_size(width: int, height: int) -> Size:
    """Return the size in which a camera's picture is encoded for the full tier."""
    factor = enlargement(width, height)
    return fitted(width * factor, height * factor)


def divided(size: Size, divisor: int) -> Size:
    """Return the size of a smaller tier: even, as 4:2:0 has it, and not too small."""
    return Size(*(max(SMALLEST_SIDE, side // divisor // 2 * 2) for side in size))


@lru_cache(maxsize=64)
def fitted(width: int, height: int) -> Size:
    """Return the largest even size of the same shape that receivers decode; at least 16x16.

    Of a shape that no decoder takes (1:600, say), it is as near as it can be.
    """
    size = divided(Size(width, height), 1)
    if decodable(size):
        return size
    long, short = max(size), min(size)
    # Rounding the shorter side down may leave room for some more of the longer one.
    most = isqrt(256 * MOST_MACROBLOCKS * long // short) + 8
    across = min(most, LONGEST_SIDE, long) // 2 * 2
    for longer in range(across, 0, -2):
        shorter = max(SMALLEST_SIDE, 2 * round(longer * short / long / 2))
        size = Size(longer, shorter) if width > height else Size(shorter, longer)
        if decodable(size):
            break
    return size


def decodable(size: Size) -> bool:
    """Whether a decoder of H.264's level 5.2 takes pictures of this size."""
    wide, high = (-(-side // 16) for side in size)
    return wide * high <= MOST_MACROBLOCKS and max(size) <= LONGEST_SIDE
