# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures as sensor_msgs/Image has them: pixel after pixel, row after row."""

from __future__ import annotations

import array
from typing import NamedTuple

import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from .geometry import to_frame
from .source import Picture

# What FFmpeg calls the encodings of sensor_msgs, and the bytes of a pixel.
_FORMATS = {"rgb8": ("rgb24", 3), "bgr8": ("bgr24", 3), "yuv422_yuy2": ("yuyv422", 2)}


class Pixels(NamedTuple):
    """A picture's rows, ``step`` bytes each, without padding."""

    width: int
    height: int
    step: int
    data: array.array[int]


class Uncompressor:
    """Makes rows of pixels; holds the converter that this takes."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._converter = VideoReformatter()

    def __call__(self, picture: Picture) -> Pixels:
        """Return a picture as rgb8, bgr8, mono8, or yuv422_yuy2.

        The latter is in video range, as everybody takes it; everything else in full range.
        """
        rows = picture.y if self._encoding == "mono8" else self._converted(picture)
        data = array.array("B")
        data.frombytes(np.ascontiguousarray(rows).data)
        return Pixels(picture.width, picture.height, rows.shape[1], data)

    def _converted(self, picture: Picture) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
        name, size = _FORMATS[self._encoding]
        frame = self._converter.reformat(
            to_frame(picture),
            format=name,
            src_colorspace=Colorspace.ITU601,
            dst_colorspace=Colorspace.ITU601,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,  # of YUV; RGB is full range in any case
            threads=1,
        )
        (plane,) = frame.planes
        octets = np.frombuffer(memoryview(plane), np.uint8)[: plane.line_size * plane.height]
        # A pair of pixels has its colour in common, also where the second one is not there.
        step = size * (picture.width + (size == 2 and picture.width % 2))
        return octets.reshape(plane.height, plane.line_size)[:, :step]
