# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The time barcode in the test pattern's top left: the capture time, to be read off a screen.

32 squares in a row, least significant bit first, white is 1: milliseconds since the epoch modulo
2**32. A square is 32 pixels wide, 16 in pictures too narrow for that.
"""

from __future__ import annotations

from .source import Plane

BITS = 32
LARGE, SMALL = 32, 16  # pixels
BLACK, WHITE = 0, 255


def square_size(width: int) -> int:
    """Return the side of a square, in pixels, in a picture of this width."""
    return LARGE if width >= BITS * LARGE else SMALL


def draw(y: Plane, stamp: int) -> None:
    """Draw a stamp (nanoseconds since the epoch) into a luma plane, as far as there is room."""
    side = square_size(y.shape[1])
    code = stamp // 1_000_000 % 2**BITS
    for bit in range(BITS):
        y[:side, bit * side : (bit + 1) * side] = WHITE if code >> bit & 1 else BLACK


def read(y: Plane) -> int:
    """Return the code, in milliseconds modulo 2**32, from a luma plane (perhaps decoded)."""
    side = square_size(y.shape[1])
    centre = side // 2
    return sum(int(y[centre, bit * side + centre] > 127) << bit for bit in range(BITS))
