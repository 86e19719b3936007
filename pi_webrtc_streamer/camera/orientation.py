# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which way up a decoded picture is meant: phones write what the sensor saw, and how it was held.

A video says so in its display matrix (ISO/IEC 14496-12, 8.3.2), a picture in Exif's Orientation;
FFmpeg makes a matrix of either.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import cast

import numpy as np
from av.buffer import Buffer
from av.filter import Graph
from av.video.frame import VideoFrame

from .geometry import each_plane
from .source import Picture, Plane

Matrix = tuple[int, int, int, int]
UPRIGHT: Matrix = (1, 0, 0, 1)
MATRIX = struct.Struct("=9i")  # a, b, u, c, d, v, x, y, w: 16.16 and 2.30 fixed point
EXIF = 31  # of FFmpeg's AVFrameSideDataType


def display_matrix(frame: VideoFrame) -> Matrix:
    """Return a, b, c and d: a point (x, y) is shown at (a x + c y, b x + d y), y downwards."""
    try:
        kinds = frame.side_data
    except ValueError:  # PyAV does not know each kind, and then reads none
        kinds = _without_exif(frame).side_data
    data = cast("Mapping[str, Buffer]", kinds).get("DISPLAYMATRIX")
    if data is None:
        return UPRIGHT
    a, b, _, c, d, *_ = MATRIX.unpack(bytes(data))
    return a, b, c, d


def _without_exif(frame: VideoFrame) -> VideoFrame:
    graph = Graph()
    graph.link_nodes(
        graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
        ),
        graph.add("sidedata", mode="delete", type=str(EXIF)),
        graph.add("buffersink"),
    ).configure()
    graph.vpush(frame)
    return graph.vpull()


def upright(picture: Picture, matrix: Matrix) -> Picture:
    """Return a picture as the matrix has it: turned by quarters and mirrored, or as it was.

    Any other angle is brought to the nearest quarter.
    """
    a, b, c, d = matrix
    transposed = abs(a) + abs(d) < abs(b) + abs(c)
    leftwards, upwards = (c < 0, b < 0) if transposed else (a < 0, d < 0)
    if not (transposed or leftwards or upwards):
        return picture

    def turn(plane: Plane) -> Plane:
        turned = plane.T if transposed else plane
        return np.ascontiguousarray(turned[:: -1 if upwards else 1, :: -1 if leftwards else 1])

    return each_plane(picture, turn)
