# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Planes of a picture, from where they were written to a video frame, copied once on the way.

They are copied into a packet, which FFmpeg counts the references to: so the frame that is made of
it is a view of it, and an encoder takes that without a copy of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from av.codec.context import CodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from .frame import PlanarFrame

FULL_RANGE = "yuvj420p"  # JFIF: BT.601, luma 0 to 255


def filled(size: int, fill: Callable[[memoryview], object]) -> Packet[Any]:
    """Return a packet of so many bytes, which ``fill`` has written."""
    packet = Packet(size)
    with memoryview(packet) as place:
        fill(place)
    return packet


def copied(planes: memoryview) -> Packet[Any]:
    """Return a packet with a copy of planes."""

    def fill(place: memoryview) -> None:
        place[:] = planes

    return filled(len(planes), fill)


class PlanesReader:
    """Makes video frames of planes; holds what that takes for pictures of one size."""

    def __init__(self) -> None:
        self._context: VideoCodecContext | None = None

    def read(self, frame: PlanarFrame) -> VideoFrame:
        """Return the picture in full-range 4:2:0, on the memory of the packet."""
        context = self._context
        if context is None or (context.width, context.height) != (frame.width, frame.height):
            context = self._context = _open(frame.width, frame.height)
        (read,) = context.decode(frame.data)
        read.color_range = ColorRange.JPEG
        read.colorspace = Colorspace.ITU601
        return read


def _open(width: int, height: int) -> VideoCodecContext:
    context = CodecContext.create("rawvideo", "r")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height, context.pix_fmt = width, height, FULL_RANGE
    return context
