# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is known of a camera's lens, as sensor_msgs/CameraInfo has it: and what cannot be true."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

# How many coefficients a model has, as OpenCV takes them; none means that nothing is distorted.
# Files call models plumb_bob that have more than its five. Other models may have any number.
COEFFICIENTS = {
    "plumb_bob": (0, 4, 5, 8, 12, 14),
    "rational_polynomial": (0, 4, 5, 8, 12, 14),
    "equidistant": (0, 4),
}
ROTATION_ERROR = 0.01  # of a rotation's elements: files have few decimals


class CalibrationError(ValueError):
    """A calibration cannot be used; the text says what is wrong and what to do."""


class Region(NamedTuple):
    """The part of the camera's picture that is delivered, in pixels; all 0: the whole of it."""

    x_offset: int = 0
    y_offset: int = 0
    height: int = 0
    width: int = 0
    do_rectify: bool = False


WHOLE = Region()


@dataclass(frozen=True)
class Calibration:
    """A calibrated camera; the fields are those of sensor_msgs/CameraInfo.

    ``k`` and ``r`` are 3x3 and ``p`` is 3x4, row by row.
    """

    width: int
    height: int
    distortion_model: str
    d: tuple[float, ...]
    k: tuple[float, ...]
    r: tuple[float, ...]
    p: tuple[float, ...]
    binning: tuple[int, int] = (0, 0)
    roi: Region = WHOLE

    @property
    def picture_size(self) -> tuple[int, int]:
        """Width and height of the pictures that it is for: of its region, binned."""
        return (
            (self.roi.width or self.width) // max(1, self.binning[0]),
            (self.roi.height or self.height) // max(1, self.binning[1]),
        )

    @property
    def is_mirrored(self) -> bool:
        """Whether it is for pictures that are mirrored, in which one focal length is negative."""
        return self.k[0] * self.k[4] < 0

    def check(self) -> None:
        """See that it can be a camera's.

        :raises CalibrationError: if not.
        """
        if min(self.width, self.height, *self.picture_size) < 1:
            raise CalibrationError(f"it is for a picture of {self.width}x{self.height} pixels")
        _check_region(self.roi, self.width, self.height)
        _check_distortion(self.distortion_model, self.d)
        _check_matrix("k", self.k, 9)
        _check_matrix("r", self.r, 9)
        _check_matrix("p", self.p, 12)
        _check_projection("k", self.k, 3)
        _check_projection("p", self.p, 4)
        if not _is_rotation(self.r):
            raise CalibrationError(f"r, the rectification, is no rotation: {list(self.r)}")


def _check_region(roi: Region, width: int, height: int) -> None:
    if roi.x_offset + roi.width > width or roi.y_offset + roi.height > height:
        raise CalibrationError(f"roi reaches beyond the picture of {width}x{height}: {roi}")


def _check_distortion(model: str, coefficients: Sequence[float]) -> None:
    if not re.fullmatch(r"\w{1,64}", model, re.ASCII):
        raise CalibrationError(
            f'distortion_model is "{model[:80]}"; known are {", ".join(COEFFICIENTS)}'
        )
    possible = COEFFICIENTS.get(model)
    if possible is not None and len(coefficients) not in possible:
        counts = " or ".join(map(str, possible[1:]))
        raise CalibrationError(f"d has {len(coefficients)} numbers; {model} takes {counts}")
    _check_matrix("d", coefficients, len(coefficients))


def _check_matrix(name: str, values: Sequence[float], count: int) -> None:
    if len(values) != count:
        raise CalibrationError(f"{name} has {len(values)} numbers instead of {count}")
    if not all(map(math.isfinite, values)):
        raise CalibrationError(f"{name} holds a number that is not finite: {list(values)}")


def _check_projection(name: str, values: Sequence[float], columns: int) -> None:
    """See that a matrix projects as a pinhole does: focal lengths, a centre, 0 0 1 below."""
    if values[0] == 0 or values[columns + 1] == 0:
        raise CalibrationError(f"{name} has a focal length of 0, which is no calibration")
    if values[columns] != 0 or tuple(values[2 * columns : 2 * columns + 3]) != (0, 0, 1):
        raise CalibrationError(f"{name} is not of the form fx 0 cx, 0 fy cy, 0 0 1: {list(values)}")


def _is_rotation(r: Sequence[float]) -> bool:
    rows = (r[0:3], r[3:6], r[6:9])
    products = (
        math.fsum(x * y for x, y in zip(rows[i], rows[j], strict=True)) - (i == j)
        for i in range(3)
        for j in range(i, 3)
    )
    (a, b, c), (d, e, f), (g, h, i) = rows
    determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    return all(abs(product) < ROTATION_ERROR for product in products) and determinant > 0
