# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Crop, scale, flip and rotation of a picture, for what its source did not do itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, VideoReformatter

from .source import Picture, Plane, SourceError


@dataclass(frozen=True)
class Geometry:
    """What is done to a picture, in this order: crop, scale, flip, rotate.

    ``crop`` is x, y, width, height in pixels (None: all of it), ``size`` the width and height to
    scale to (0: by the other one, both 0: not), ``rotation`` clockwise in degrees.
    """

    crop: tuple[int, int, int, int] | None = None
    size: tuple[int, int] = (0, 0)
    flip_horizontal: bool = False
    flip_vertical: bool = False
    rotation: int = 0

    @property
    def mirrored(self) -> tuple[bool, bool]:
        """Whether to mirror horizontally and vertically, a half turn counted in."""
        half_turn = self.rotation >= 180
        return self.flip_horizontal != half_turn, self.flip_vertical != half_turn

    def after_mirroring(self, mirrored: tuple[bool, bool], width: int, height: int) -> Geometry:
        """Return what is left to do with pictures of this size that come mirrored like this.

        ``mirrored`` is what the source has done, horizontally and vertically; it may be less than
        :attr:`mirrored`, which is what it was asked for. The crop is given in the picture as
        captured, so it moves to the other side with it.
        """
        crop = self.crop
        if crop is not None:
            x, y, wide, high = crop
            x = width - x - wide if mirrored[0] else x
            y = height - y - high if mirrored[1] else y
            crop = x, y, wide, high
        horizontal, vertical = self.mirrored
        return Geometry(
            crop=crop,
            size=self.size,
            flip_horizontal=horizontal != mirrored[0],
            flip_vertical=vertical != mirrored[1],
            rotation=self.rotation % 180,
        )

    def scaled_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the size after scaling, of a picture that had this size before (cropped)."""
        wide, high = self.size
        if not wide and not high:
            return width, height
        return (
            wide or max(2, round(width * high / height)),
            high or max(2, round(height * wide / width)),
        )

    def check(self, width: int, height: int) -> None:
        """See that the crop lies within a picture of this size.

        :raises SourceError: if not.
        """
        if self.crop is None:
            return
        x, y, wide, high = self.crop
        if x + wide > width or y + high > height:
            raise SourceError(
                f"crop {list(self.crop)} reaches beyond the captured picture of {width}x{height}"
            )


class Transformer:
    """Applies a geometry to pictures; holds the scaler that this takes."""

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._scaler = VideoReformatter()

    def __call__(self, picture: Picture) -> Picture:
        """Return the changed picture: views where nothing is computed, else new planes.

        :raises SourceError: if the crop lies outside the picture.
        """
        geometry = self._geometry
        geometry.check(picture.width, picture.height)
        if geometry.crop is not None:
            picture = _crop(picture, geometry.crop)
        size = geometry.scaled_size(picture.width, picture.height)
        if size != (picture.width, picture.height):
            picture = self._scale(picture, *size)
        if geometry.flip_horizontal:
            picture = each_plane(picture, lambda plane: plane[:, ::-1])
        if geometry.flip_vertical:
            picture = each_plane(picture, lambda plane: plane[::-1])
        if geometry.rotation:
            turns = -geometry.rotation // 90
            picture = each_plane(picture, lambda plane: np.rot90(plane, turns))
        return each_plane(picture, _rows_contiguous)

    def _scale(self, picture: Picture, width: int, height: int) -> Picture:
        frame = to_frame(picture)
        scaled = self._scaler.reformat(
            frame,
            width=width,
            height=height,
            interpolation="AREA" if width < picture.width else "BILINEAR",
        )
        return replace(from_frame(scaled, picture.stamp), lasting=picture.lasting)


def to_frame(picture: Picture) -> VideoFrame:
    """Copy a picture into a video frame of FFmpeg's."""
    frame = VideoFrame(picture.width, picture.height, "yuvj420p")
    frame.color_range = ColorRange.JPEG
    for plane, values in zip(frame.planes, (picture.y, picture.u, picture.v), strict=True):
        _plane_array(plane)[:] = values
    return frame


def from_frame(frame: VideoFrame, stamp: int) -> Picture:
    """Return a picture on the planes of a yuvj420p frame, without copying them."""
    y, u, v = (_plane_array(plane) for plane in frame.planes)
    return Picture(y, u, v, stamp)


def _plane_array(plane: av.video.plane.VideoPlane) -> Plane:
    octets = np.frombuffer(memoryview(plane), np.uint8)[: plane.line_size * plane.height]
    rows: Plane = octets.reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]


def cropped_at(crop: tuple[int, int, int, int]) -> tuple[int, int]:
    """Return where a crop begins: at even pixels, since chroma has half the resolution."""
    return crop[0] // 2 * 2, crop[1] // 2 * 2


def _crop(picture: Picture, crop: tuple[int, int, int, int]) -> Picture:
    x, y = cropped_at(crop)
    width, height = crop[2:]
    rows, columns = slice(y // 2, (y + height + 1) // 2), slice(x // 2, (x + width + 1) // 2)
    return replace(
        picture,
        y=picture.y[y : y + height, x : x + width],
        u=picture.u[rows, columns],
        v=picture.v[rows, columns],
    )


def each_plane(picture: Picture, change: Callable[[Plane], Plane]) -> Picture:
    """Return a picture with something done to its planes."""
    return replace(picture, y=change(picture.y), u=change(picture.u), v=change(picture.v))


def _rows_contiguous(plane: Plane) -> Plane:
    """Return a plane whose rows run forwards in memory, as the JPEG encoder needs them."""
    if plane.strides[1] == 1 and plane.strides[0] > 0:
        return plane
    return np.ascontiguousarray(plane)
