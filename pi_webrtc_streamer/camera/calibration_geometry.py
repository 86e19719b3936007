# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What becomes of a calibration when its camera's pictures are cropped, scaled, mirrored or turned.

The optical frame turns with the picture: x to the right, y down, z forward (REP 103). A mirrored
picture is one that no camera could take: there, x points to the left, and fx is negative. So
a point in the frame, projected by ``k`` and ``d``, is where the picture shows it, in any case.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .calibration import WHOLE, Calibration, CalibrationError
from .pixel_map import Matrix, PixelMap

MIRROR = np.diag([-1.0, 1.0])

# Positions in d, as OpenCV has them: what is not named is radial, and is the same in any direction.
TANGENTIAL = (3, 2)  # p2 belongs to x, p1 to y
THIN_PRISM = ((8, 10), (9, 11))  # s1 and s3, s2 and s4
TILT = (12, 13)
OF_OPENCV = ("plumb_bob", "rational_polynomial")


def mapped(calibration: Calibration, pixels: PixelMap) -> Calibration:
    """Return the calibration of pictures that are made of those which a calibration is for.

    :raises CalibrationError: if sensor_msgs/CameraInfo cannot say it.
    """
    if pixels.before != calibration.picture_size:
        raise ValueError(f"pixels of {pixels.before} are not of {calibration.picture_size}")
    full = without_region(calibration)
    turn = _turn_of_frame(pixels)
    k = pixels.matrix @ np.reshape(full.k, (3, 3)) @ turn.T
    r = turn @ np.reshape(full.r, (3, 3)) @ turn.T
    p = pixels.matrix @ np.reshape(full.p, (3, 4))
    p[:, :3] = p[:, :3] @ turn.T
    for matrix in (k, p):
        if abs(matrix[1, 0]) > 1e-9 * abs(matrix[1, 1]):
            raise CalibrationError("its pixels are skewed, and its pictures are turned")
        matrix[1, 0] = 0
    return replace(
        full,
        width=pixels.after[0],
        height=pixels.after[1],
        d=_turned(full.distortion_model, full.d, turn[:2, :2]),
        k=_row_by_row(k),
        r=_row_by_row(r),
        p=_row_by_row(p),
    )


def without_region(calibration: Calibration) -> Calibration:
    """Return the same with its region and binning put into the matrices, as image_geometry does."""
    roi, binning = calibration.roi, np.maximum(calibration.binning, 1)
    to_picture = np.diag([1 / binning[0], 1 / binning[1], 1.0])
    to_picture[:2, 2] = -roi.x_offset / binning[0], -roi.y_offset / binning[1]
    width, height = calibration.picture_size
    return replace(
        calibration,
        width=width,
        height=height,
        k=_row_by_row(to_picture @ np.reshape(calibration.k, (3, 3))),
        p=_row_by_row(to_picture @ np.reshape(calibration.p, (3, 4))),
        binning=(0, 0),
        roi=WHOLE,
    )


def _turn_of_frame(pixels: PixelMap) -> Matrix:
    """Return how the frame turns with the picture (3x3); a frame cannot be mirrored."""
    turn = np.eye(3)
    turn[:2, :2] = MIRROR @ pixels.directions if pixels.is_mirrored else pixels.directions
    return turn


def _turned(model: str, d: tuple[float, ...], turn: Matrix) -> tuple[float, ...]:
    """Return the coefficients of a lens that was turned in front of the picture.

    The tangential part is ``t r² + 2 x (t·x)`` with t = (p2, p1), and the thin prism's
    ``(s1, s3) r² + (s2, s4) r⁴``: each of these pairs turns as an arrow in the picture does.
    """
    if model == "equidistant" or not any(d) or np.array_equal(turn, np.eye(2)):
        return d
    if model not in OF_OPENCV:
        raise CalibrationError(
            f'its distortion_model "{model}" is not known well enough to turn its pictures'
        )
    turned = list(d)
    for x, y in (TANGENTIAL, *THIN_PRISM):
        if max(x, y) < len(d):
            turned[x], turned[y] = (float(part) for part in turn @ [d[x], d[y]])
    if len(d) > max(TILT) and any(d[at] for at in TILT):
        if turn[0, 0] == 0:
            raise CalibrationError(
                "its sensor is tilted (tau of rational_polynomial): turned by a quarter, that "
                "cannot be said"
            )
        for at in TILT:
            turned[at] = -d[at]
    return tuple(turned)


def _row_by_row(matrix: Matrix) -> tuple[float, ...]:
    return tuple(float(value) + 0.0 for value in matrix.ravel())  # + 0.0: no -0.0
