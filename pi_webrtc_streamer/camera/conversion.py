# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Decoded pictures, whatever their pixels and colours, in the form of all sources."""

from __future__ import annotations

from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from .geometry import from_frame
from .source import Picture

HD_HEIGHT = 720  # from here on, a video that does not say so is taken for BT.709
UNSPECIFIED = 2  # of FFmpeg's colour spaces


def to_picture(scaler: VideoReformatter, frame: VideoFrame, stamp: int) -> Picture:
    """Return a decoded picture in the form of all sources."""
    converted = scaler.reformat(
        frame,
        format="yuvj420p",
        src_colorspace=_colorspace(frame),
        dst_colorspace=Colorspace.ITU601,
        src_color_range=(
            ColorRange.JPEG if frame.color_range == ColorRange.JPEG else ColorRange.MPEG
        ),
        dst_color_range=ColorRange.JPEG,
    )
    return from_frame(converted, stamp)


def _colorspace(frame: VideoFrame) -> Colorspace:
    if frame.colorspace == UNSPECIFIED:
        return Colorspace.ITU709 if frame.height >= HD_HEIGHT else Colorspace.ITU601
    return Colorspace.ITU709 if frame.colorspace == 1 else Colorspace.ITU601
