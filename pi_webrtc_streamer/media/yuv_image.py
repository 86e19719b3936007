# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Uncompressed pictures in YUV to the planes of 4:2:0, as JPEG has them. Pure.

Names are ROS' (sensor_msgs' image_encodings), and those that V4L2, libcamera and FFmpeg have for
the same layouts. Values are taken as video range of BT.601, which is what cameras deliver and what
cv_bridge takes them for.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from .cdr import Image, ImageError
from .video_range import FULL_CHROMA, FULL_LUMA

Plane: TypeAlias = npt.NDArray[np.uint8]  # rows x columns


class _Packed(NamedTuple):
    """4:2:2 in one plane: where the first Y, U and V are among the four bytes of two pixels."""

    y: int
    u: int
    v: int


class _Planar(NamedTuple):
    """Y comes first, then U and V, in planes of their own or ``interleaved`` in one.

    ``horizontal`` and ``vertical`` say of how many pixels one value of chroma is.
    """

    interleaved: bool
    horizontal: int
    vertical: int
    v_first: bool = False


_YUYV, _UYVY = _Packed(0, 1, 3), _Packed(1, 0, 2)
_I420, _YV12 = _Planar(False, 2, 2), _Planar(False, 2, 2, v_first=True)
LAYOUTS: dict[str, _Packed | _Planar] = {
    **dict.fromkeys(("yuv422_yuy2", "yuyv", "yuy2", "yuyv422", "yuv422_yuyv"), _YUYV),
    **dict.fromkeys(("yuv422", "uyvy", "uyvy422", "yuv422_uyvy"), _UYVY),
    **dict.fromkeys(("yvyu", "yvyu422"), _Packed(0, 3, 1)),
    "vyuy": _Packed(1, 2, 0),
    "nv12": _Planar(True, 2, 2),
    "nv21": _Planar(True, 2, 2, v_first=True),
    "nv16": _Planar(True, 2, 1),
    "nv61": _Planar(True, 2, 1, v_first=True),
    "nv24": _Planar(True, 1, 1),
    "nv42": _Planar(True, 1, 1, v_first=True),
    **dict.fromkeys(("i420", "yu12", "yuv420", "yuv420p"), _I420),
    **dict.fromkeys(("yv12", "yvu420"), _YV12),
    "yuv422p": _Planar(False, 2, 1),
}


def planes_of(image: Image) -> tuple[Plane, Plane, Plane]:
    """Return Y, U and V in full range, the chroma of half the size in both directions, rounded up.

    Of chroma with more rows or columns, every other one is taken.

    :raises ImageError: if the size does not suit the encoding, or there is too little data.
    """
    layout = LAYOUTS[image.encoding.lower()]
    if image.width % 2 and not (isinstance(layout, _Planar) and layout.horizontal == 1):
        raise ImageError(
            f'its width is {image.width}, and pictures of encoding "{image.encoding}" have an even '
            "one: its publisher must send whole pairs of pixels, or another encoding"
        )
    if isinstance(layout, _Packed):
        y, u, v = _unpack(image, layout)
        horizontal, vertical = 2, 1
    else:
        y, u, v = _split(image, layout)
        horizontal, vertical = layout.horizontal, layout.vertical
    rows, columns = slice(None, None, 2 // vertical), slice(None, None, 2 // horizontal)
    return FULL_LUMA[y], FULL_CHROMA[u[rows, columns]], FULL_CHROMA[v[rows, columns]]


def _unpack(image: Image, layout: _Packed) -> tuple[Plane, Plane, Plane]:
    pairs = _rows(image, 0, image.height, 2 * image.width, image.step)
    pairs = pairs.reshape(image.height, image.width // 2, 4)
    y = pairs[:, :, layout.y :: 2].reshape(image.height, image.width)
    return y, pairs[:, :, layout.u], pairs[:, :, layout.v]


def _split(image: Image, layout: _Planar) -> tuple[Plane, Plane, Plane]:
    y = _rows(image, 0, image.height, image.width, image.step)
    begin = image.height * image.step
    width = image.width // layout.horizontal
    height = -(-image.height // layout.vertical)
    step = image.step // layout.horizontal
    if layout.interleaved:
        pairs = _rows(image, begin, height, 2 * width, 2 * step).reshape(height, width, 2)
        first, second = pairs[:, :, 0], pairs[:, :, 1]
    else:
        first = _rows(image, begin, height, width, step)
        second = _rows(image, begin + height * step, height, width, step)
    return (y, second, first) if layout.v_first else (y, first, second)


def _rows(image: Image, begin: int, height: int, length: int, step: int) -> Plane:
    """Return rows of ``length`` bytes, ``step`` apart, without copying them unless they are padded.

    :raises ImageError: if there are not so many bytes.
    """
    if step < length:
        raise ImageError(
            f"its step is {image.step} bytes, but a row of {image.width} pixels of encoding "
            f'"{image.encoding}" has more: its publisher must set step'
        )
    needed = begin + (height - 1) * step + length
    if len(image.data) < needed:
        raise ImageError(
            f'the picture (encoding "{image.encoding}") is cut short: {len(image.data)} bytes '
            f"where {image.width}x{image.height} have {needed}"
        )
    rows: Plane = np.ndarray((height, length), np.uint8, image.data, begin, (step, 1))
    return rows
