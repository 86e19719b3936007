# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""JPEG in, pictures out, through FFmpeg's libraries (PyAV)."""

from __future__ import annotations

from fractions import Fraction

import av
from av.codec.context import CodecContext
from av.error import FFmpegError
from av.filter import Graph
from av.video.codeccontext import VideoCodecContext
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange

from .enlarging import enlarged
from .frame import Frame, PlanarFrame
from .jpeg import MAX_PIXELS
from .planes import FULL_RANGE, PlanesReader


class DecodeError(ValueError):
    """The JPEG could not be decoded."""


def check_jpeg(data: memoryview, max_pixels: int = MAX_PIXELS) -> None:
    """See that a JPEG is whole, which only decoding it can tell.

    :raises DecodeError: if not.
    """
    _decode(_open(max_pixels), data)


class PictureDecoder:
    """Makes pictures of frames, JPEG or planes: planar YUV 4:2:0 with even sides."""

    def __init__(self, max_pixels: int = MAX_PIXELS) -> None:
        self._max_pixels = max_pixels
        self._jpeg: JpegDecoder | None = None
        self._planes = PlanesReader()
        self._even = _EvenSides()

    def decode(self, frame: Frame) -> VideoFrame:
        """Return the picture in full-range 4:2:0.

        :raises DecodeError: if it is a JPEG that cannot be decoded, or too large.
        """
        if isinstance(frame, PlanarFrame):
            return self._even(enlarged(self._planes.read(frame), FULL_RANGE))
        self._jpeg = self._jpeg or JpegDecoder(self._max_pixels)
        return self._jpeg.decode(frame.data)


class JpegDecoder:
    """Decodes JPEG pictures, each for itself, to planar YUV 4:2:0 with even sides."""

    def __init__(self, max_pixels: int = MAX_PIXELS) -> None:
        self._context = _open(max_pixels)
        self._even = _EvenSides()

    def decode(self, data: memoryview) -> VideoFrame:
        """Return the picture in full-range 4:2:0.

        A small picture is enlarged. An odd last row or column is cut off, since 4:2:0 H.264 has
        even sides.

        :raises DecodeError: if the data is no JPEG, or the picture is too large.
        """
        frame = enlarged(_decode(self._context, data), FULL_RANGE)
        if frame.format.name != FULL_RANGE:
            frame = frame.reformat(
                format=FULL_RANGE,
                src_color_range=ColorRange.JPEG,
                dst_color_range=ColorRange.JPEG,
            )
        return self._even(frame)


class _EvenSides:
    """Cuts an odd last row or column off; holds what that takes."""

    def __init__(self) -> None:
        self._crop: tuple[tuple[int, int, str], Graph] | None = None

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        if frame.width % 2 == 0 and frame.height % 2 == 0:
            return frame
        size = (frame.width, frame.height, frame.format.name)
        if self._crop is None or self._crop[0] != size:
            self._crop = size, _crop_to_even(*size)
        graph = self._crop[1]
        graph.push(frame)
        cropped = graph.pull()
        assert isinstance(cropped, VideoFrame)
        return cropped


def _open(max_pixels: int) -> VideoCodecContext:
    context = CodecContext.create("mjpeg", "r")
    assert isinstance(context, VideoCodecContext)
    # A JPEG may change its size after the header that was looked at before. And of half a picture,
    # the rest would be green.
    context.options = {"max_pixels": str(max_pixels), "err_detect": "explode"}
    context.thread_count = 1  # frame threads would hold pictures back
    return context


def _decode(context: VideoCodecContext, data: memoryview) -> VideoFrame:
    try:
        # PyAV takes any buffer, whatever its stub says, and does not copy it.
        frames = context.decode(av.Packet(data))  # type: ignore[arg-type]
    except FFmpegError as error:
        raise DecodeError(
            f"the JPEG cannot be decoded: it is damaged or cut short ({error.strerror})"
        ) from error
    if not frames or frames[0].is_corrupt:
        raise DecodeError("the JPEG cannot be decoded: its picture data is broken")
    return frames[0]


def _crop_to_even(width: int, height: int, pixel_format: str) -> Graph:
    graph = Graph()
    source = graph.add_buffer(
        width=width,
        height=height,
        format=VideoFormat(pixel_format),
        time_base=Fraction(1, 1000),
    )
    crop = graph.add("crop", f"{width // 2 * 2}:{height // 2 * 2}:0:0:exact=1")
    sink = graph.add("buffersink")
    source.link_to(crop)
    crop.link_to(sink)
    graph.configure()
    return graph
