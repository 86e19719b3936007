# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Planes of a picture, from where they were written to a video frame, copied once on the way.

They are copied into a packet, which FFmpeg counts the references to: so the frame that is made of
it is a view of it, and an encoder takes that without a copy of its own.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from av.codec.context import CodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from .frame import PlanarFrame

FULL_RANGE = "yuvj420p"  # JFIF: BT.601, luma 0 to 255
# Packets that are kept: one is written, one waits, one is encoded, and one is the last picture.
KEPT = 4


class Lease:
    """A packet that is lent, for as long as somebody holds this or a video frame made of it."""

    __slots__ = ("__weakref__", "packet")

    def __init__(self, packet: Packet[Any]) -> None:
        self.packet = packet


class PacketPool:
    """Lends packets, the same ones again when they come back; one thread at a time.

    A new one for each picture would be new memory from the system, page by page: at 1280x720 that
    takes 0.6 ms, the copy itself 0.03 ms.
    """

    def __init__(self) -> None:
        self._kept: list[tuple[Packet[Any], weakref.ref[Lease]]] = []

    def filled(self, size: int, fill: Callable[[memoryview], object]) -> Lease:
        """Lend a packet of so many bytes, which ``fill`` has written."""
        lease = self._take(size)
        with memoryview(lease.packet) as place:
            fill(place)
        return lease

    def copied(self, planes: memoryview) -> Lease:
        """Lend a packet with a copy of planes."""

        def fill(place: memoryview) -> None:
            place[:] = planes

        return self.filled(len(planes), fill)

    def _take(self, size: int) -> Lease:
        kept = [each for each in self._kept if each[0].size == size]
        back = next((each for each in kept if each[1]() is None), None)
        if back is not None:
            kept.remove(back)
        packet = Packet(size) if back is None else back[0]
        lease = Lease(packet)
        self._kept = [*kept, (packet, weakref.ref(lease))][-KEPT:]
        return lease


class PlanesReader:
    """Makes video frames of planes; holds what that takes for pictures of one size."""

    def __init__(self) -> None:
        self._context: VideoCodecContext | None = None

    def read(self, frame: PlanarFrame) -> VideoFrame:
        """Return the picture in full-range 4:2:0, on the memory of the packet."""
        context = self._context
        if context is None or (context.width, context.height) != (frame.width, frame.height):
            context = self._context = _open(frame.width, frame.height)
        (read,) = context.decode(frame.data.packet)
        # FFmpeg holds it as long as anybody there refers to the frame, an encoder, say. Each frame
        # has an object of its own: PyAV goes by their addresses.
        read.opaque = (frame.data,)
        read.color_range = ColorRange.JPEG
        read.colorspace = Colorspace.ITU601
        return read


def _open(width: int, height: int) -> VideoCodecContext:
    context = CodecContext.create("rawvideo", "r")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height, context.pix_fmt = width, height, FULL_RANGE
    return context
