# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Bayer mosaics: whether a grey picture is one, and how many bits its values have. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

BLOCK = 16  # pixels: the means of so many by so many are compared
# The four places of a 2 x 2 cell differ by so much of the full range, on average, where they are
# behind filters of different colours. Grey pictures of cameras have less than a third of it.
LEAST_SPREAD = 0.02


def is_mosaic(pixels: npt.NDArray[Any]) -> bool:
    """Whether the pixels of a grey picture, (height, width), are behind filters of colours."""
    height, width = (side // BLOCK * BLOCK for side in pixels.shape[:2])
    if height == 0 or width == 0:
        return True
    blocks = pixels[:height, :width].reshape(
        height // BLOCK, BLOCK // 2, 2, width // BLOCK, BLOCK // 2, 2
    )
    means = blocks.mean(axis=(1, 4))  # rows of blocks, row in the cell, columns, column in it
    means = means.transpose(0, 2, 1, 3).reshape(-1, 4)
    spread = float((means.max(axis=1) - means.min(axis=1)).mean())
    return spread > LEAST_SPREAD * np.iinfo(pixels.dtype).max


class SensorBits:
    """How many bits a sensor's values have in a picture of 16: mostly the lower 10 or 12.

    It is the least of :data:`BITS` that has held every value so far. What would be right for one
    picture alone would make the next one, in which there is a lamp, as dark as it is bright.
    """

    BITS = (10, 12, 14, 16)

    def __init__(self) -> None:
        self._bits = self.BITS[0]

    def to_8_bits(self, pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """Return the upper 8 bits of those that are used."""
        used = int(pixels.max()).bit_length()
        self._bits = max(self._bits, next(each for each in self.BITS if each >= used))
        levels: npt.NDArray[np.uint8] = (pixels >> (self._bits - 8)).astype(np.uint8)
        return levels
