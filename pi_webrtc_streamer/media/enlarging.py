# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Enlarges what thermal cameras deliver, 8x8 pixels for instance, to what receivers show."""

from __future__ import annotations

from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange

from .sizes import Size, enlargement


def enlarged(frame: VideoFrame, pixel_format: str) -> VideoFrame:
    """Return a small picture enlarged by a whole factor, in a format of full range.

    Its pixels stay squares of one colour, and true: nothing is made up between them. Other pictures
    are returned as they are.
    """
    factor = enlargement(frame.width, frame.height)
    if factor == 1:
        return frame
    size = Size(factor * frame.width, factor * frame.height)
    # First, each pixel gets a colour of its own.
    return _scaled(_scaled(frame, "yuvj444p"), pixel_format, size)


def _scaled(frame: VideoFrame, pixel_format: str, size: Size | None = None) -> VideoFrame:
    width, height = size or (None, None)
    return frame.reformat(
        width=width,
        height=height,
        format=pixel_format,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation="POINT" if size else "BILINEAR",
    )
