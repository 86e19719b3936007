# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where each pixel of a picture goes when it is cropped, scaled, mirrored and turned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .geometry import Geometry, cropped_at

Matrix = npt.NDArray[np.float64]
Size = tuple[int, int]

NOTHING = Geometry()


@dataclass(frozen=True, eq=False)
class PixelMap:
    """An affine map from a picture to another one that is made of it.

    ``matrix`` (3x3) takes (u, v, 1) to where that is in the other picture. Whole numbers are the
    middle of a pixel, as in OpenCV. ``before`` and ``after`` are the pictures' width and height.
    """

    matrix: Matrix
    before: Size
    after: Size

    def then(self, other: PixelMap) -> PixelMap:
        """Return both in one, this one first."""
        return PixelMap(other.matrix @ self.matrix, self.before, other.after)

    @property
    def directions(self) -> Matrix:
        """The turn and mirroring alone (2x2): where the directions right and down go."""
        signs: Matrix = np.sign(self.matrix[:2, :2])
        return signs

    @property
    def is_mirrored(self) -> bool:
        """Whether left and right have changed places, or above and below, but not both."""
        return bool(np.linalg.det(self.directions) < 0)


@dataclass(frozen=True)
class Steps:
    """What is done to captured pictures: by their source, before it delivers them, and by us.

    ``captured`` is their size where the source changes it, else None.
    """

    by_us: Geometry
    by_source: Geometry = NOTHING
    captured: Size | None = None

    def pixel_map(self, width: int, height: int) -> PixelMap:
        """Return the way from captured to published pictures, for pictures delivered like this.

        :raises SourceError: if a crop lies outside.
        """
        to_delivered = pixel_map(self.by_source, *(self.captured or (width, height)))
        return to_delivered.then(pixel_map(self.by_us, *to_delivered.after))


def pixel_map(geometry: Geometry, width: int, height: int) -> PixelMap:
    """Return what :class:`~.geometry.Transformer` does to a picture of this size.

    :raises SourceError: if the crop lies outside.
    """
    geometry.check(width, height)
    x, y, *size = (0, 0, width, height)
    if geometry.crop is not None:
        size = list(geometry.crop[2:])
        x, y = cropped_at(geometry.crop)
    wide, high = geometry.scaled_size(*size)
    # The edges of a picture go to its edges, and they are half a pixel beyond the pixels' middles.
    scale = np.diag([wide / size[0], high / size[1], 1.0])
    matrix = _moved(-0.5, -0.5) @ scale @ _moved(0.5, 0.5) @ _moved(-x, -y)
    if geometry.flip_horizontal:
        matrix = np.array([[-1, 0, wide - 1], [0, 1, 0], [0, 0, 1]]) @ matrix
    if geometry.flip_vertical:
        matrix = np.array([[1, 0, 0], [0, -1, high - 1], [0, 0, 1]]) @ matrix
    for _ in range(geometry.rotation // 90):
        matrix = np.array([[0, -1, high - 1], [1, 0, 0], [0, 0, 1]]) @ matrix
        wide, high = high, wide
    return PixelMap(matrix, (width, height), (wide, high))


def _moved(x: float, y: float) -> Matrix:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)
