# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Decoded pictures, whatever their pixels and colours, in the form of all sources."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    VideoReformatter,
)

from ..settings.camera import LARGEST_SIDE
from .geometry import from_frame
from .orientation import display_matrix, upright
from .source import Picture, SourceError

HD_HEIGHT = 720  # from here on, a video that does not say so is taken for BT.709
MOST_STRETCHED = 8  # times; a pixel that is said to be longer is not believed
ROWS_AT_ONCE = 64  # so that a large picture does not take several times its size
PAPER = 255  # what is seen through a picture: white, as under one that is printed
FULL_RANGE = ((np.arange(256) - 16) * 255 / 219).round().clip(0, 255).astype(np.uint8)

# FFmpeg's AVColorSpace (ITU-T H.273, MatrixCoefficients), and what swscale calls it.
_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,  # of constant luminance: near enough to be looked at
}
_UNREADABLE = {
    8: "YCgCo",
    11: "SMPTE ST 2085",
    13: "derived from primaries, with constant luminance",
    14: "ICtCp",
    15: "IPT-C2",
    16: "YCgCo-R",
    17: "YCgCo-R",
}
_HDR = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)  # PQ and HLG (BT.2100)


class Untagged(NamedTuple):
    """What pictures are taken for that do not say how their colours are meant.

    Without a matrix, BT.709 from 720 lines on and else BT.601, as players do.
    """

    matrix: Colorspace | None = None
    full_range: bool = False


AS_PLAYERS_DO = Untagged()


def to_picture(
    scaler: VideoReformatter,
    frame: VideoFrame,
    stamp: int,
    pixel_shape: Fraction | None = None,
    untagged: Untagged = AS_PLAYERS_DO,
) -> Picture:
    """Return a decoded picture upright, with square pixels, in the form of all sources.

    ``pixel_shape`` is width by height of a pixel, as the stream says (``sample_aspect_ratio``).

    :raises SourceError: if its pixels or colours are none that can be converted.
    """
    matrix, full_range = _matrix(frame, untagged), _full_range(frame, untagged)
    source = _on_paper(frame, matrix, full_range) if _has_alpha(frame) else frame
    width, height = square_pixels(frame.width, frame.height, pixel_shape)
    hdr = frame.color_trc in _HDR
    if hdr and frame.color_primaries == ColorPrimaries.UNSPECIFIED:
        source.color_primaries = ColorPrimaries.BT2020  # HDR has no others
    try:
        converted = scaler.reformat(
            source,
            width=width,
            height=height,
            format="yuvj420p",
            src_colorspace=matrix,
            dst_colorspace=Colorspace.ITU601,
            src_color_range=ColorRange.JPEG if full_range else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            # Only where it must be: swscale computes a table for it, which takes seconds.
            dst_color_trc=ColorTrc.BT709 if hdr else None,
            dst_color_primaries=ColorPrimaries.BT709 if hdr else None,
        )
    except FFmpegError as error:
        raise SourceError(
            f"pixels of the format {frame.format.name} cannot be converted ({error.strerror}); "
            "recode it with another one: ffmpeg -i OLD -pix_fmt yuv420p NEW.mp4"
        ) from error
    picture = from_frame(converted, stamp)
    if source.format.name.startswith("gray") and not full_range:
        # swscale takes every grey for full range.
        picture = replace(picture, y=FULL_RANGE[picture.y])
    return upright(picture, display_matrix(frame))


def square_pixels(width: int, height: int, shape: Fraction | None) -> tuple[int, int]:
    """Return the size of a picture whose pixels had this shape (width by height) and are square.

    The side that is too short is enlarged, to an even number; both are made smaller again should
    one become longer than :data:`LARGEST_SIDE`. A shape that no camera has is left alone.
    """
    if not shape or shape == 1 or not Fraction(1, MOST_STRETCHED) <= shape <= MOST_STRETCHED:
        return width, height
    wide, high = width * max(shape, Fraction(1)), height / min(shape, Fraction(1))
    factor = min(Fraction(1), LARGEST_SIDE / max(wide, high))
    if factor == 1:
        return (_even(wide), height) if shape > 1 else (width, _even(high))
    return _even(wide * factor), _even(high * factor)


def _even(side: Fraction) -> int:
    return max(2, round(side / 2) * 2)


def _matrix(frame: VideoFrame, untagged: Untagged) -> Colorspace:
    """Return how luma and chroma are computed from red, green and blue.

    :raises SourceError: if it is a way that swscale does not know.
    """
    if frame.colorspace in _UNREADABLE:
        raise SourceError(
            f"its colours are {_UNREADABLE[frame.colorspace]}, which cannot be converted; "
            "recode it with BT.709 or BT.601"
        )
    if frame.colorspace in _MATRICES:
        return _MATRICES[frame.colorspace]
    if untagged.matrix is not None:
        return untagged.matrix
    # JFIF knows BT.601 alone, and those of FFmpeg's formats are JFIF's.
    hd = frame.height >= HD_HEIGHT and not frame.format.name.startswith("yuvj")
    return Colorspace.ITU709 if hd else Colorspace.ITU601


def _full_range(frame: VideoFrame, untagged: Untagged) -> bool:
    if frame.color_range != ColorRange.UNSPECIFIED:
        return frame.color_range == ColorRange.JPEG
    return untagged.full_range or frame.format.name.startswith(("yuvj", "gray"))


def _has_alpha(frame: VideoFrame) -> bool:
    form = frame.format
    return form.has_palette or any(component.is_alpha for component in form.components)


def _on_paper(frame: VideoFrame, matrix: Colorspace, full_range: bool) -> VideoFrame:
    """Return a picture that can be looked through as it is on white."""
    rgba = frame.reformat(
        format="rgba",
        src_colorspace=matrix,
        dst_colorspace=matrix,
        src_color_range=ColorRange.JPEG if full_range else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
    ).to_ndarray()
    for top in range(0, len(rgba), ROWS_AT_ONCE):
        rows = rgba[top : top + ROWS_AT_ONCE]
        alpha = rows[:, :, 3:].astype(np.uint16)
        if alpha.min() < 255:
            rows[:, :, :3] = (rows[:, :, :3] * alpha + PAPER * (255 - alpha)) // 255
    return VideoFrame.from_ndarray(rgba, "rgba")
