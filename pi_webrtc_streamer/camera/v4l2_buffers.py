# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is said to a V4L2 device that turns pictures into others: formats and buffers. Pure.

Structures and numbers are those of Linux's videodev2.h, on 64-bit systems. All is of the
multi-planar kind (``_MPLANE``), with one plane to a buffer: it has the whole picture in it.
"""

from __future__ import annotations

import ctypes
import struct
from typing import NamedTuple

import numpy as np

from .source import Picture, Plane

CAPTURE, OUTPUT = 9, 10  # V4L2_BUF_TYPE_VIDEO_*_MPLANE: what comes out of the device, what goes in
MMAP = 1  # V4L2_MEMORY_MMAP
FIELD_NONE = 1
COLORSPACE_JPEG = 7  # BT.601, full range
FAILED = 0x40  # V4L2_BUF_FLAG_ERROR
YUV420 = int.from_bytes(b"YU12", "little")
JPEG = int.from_bytes(b"JPEG", "little")
QUALITY = 0x009D0903  # V4L2_CID_JPEG_COMPRESSION_QUALITY

CONTROL = struct.Struct("=Ii")  # struct v4l2_control: id, value
# struct v4l2_format: type; of struct v4l2_pix_format_mplane width, height, pixelformat, field,
# colorspace, of the first plane sizeimage and bytesperline, num_planes.
FORMAT = struct.Struct("=I4x5III12x140xB11x8x")
# struct v4l2_requestbuffers: count, type, memory, capabilities, flags.
REQUEST = struct.Struct("=IIIIB3x")
# struct v4l2_plane: bytesused, length, mem_offset, data_offset.
PLANE = struct.Struct("=III4xI44x")
# struct v4l2_buffer: index, type, bytesused, flags, field, seconds, microseconds, timecode,
# sequence, memory, where the planes are, their number, reserved2, request_fd.
BUFFER = struct.Struct("=5I4xqq16xIIQIIi4x")


def _request(direction: int, number: int, size: int) -> int:
    return direction << 30 | size << 16 | ord("V") << 8 | number


SET_FORMAT = _request(3, 5, FORMAT.size)
REQUEST_BUFFERS = _request(3, 8, REQUEST.size)
QUERY_BUFFER = _request(3, 9, BUFFER.size)
QUEUE = _request(3, 15, BUFFER.size)
DEQUEUE = _request(3, 17, BUFFER.size)
STREAM_ON = _request(1, 18, 4)
STREAM_OFF = _request(1, 19, 4)
SET_CONTROL = _request(3, 28, CONTROL.size)


class Layout(NamedTuple):
    """How a picture lies in a buffer, as the device has it: rows with padding, and rows below."""

    width: int
    height: int
    pixelformat: int
    size: int  # of the buffer, in bytes
    stride: int  # of a row of luma, in bytes


def pack_format(kind: int, width: int, height: int, pixelformat: int) -> bytes:
    """Return a struct v4l2_format that asks for a size in pixels."""
    return FORMAT.pack(
        kind, width, height, pixelformat, FIELD_NONE, COLORSPACE_JPEG, 0, 0, 1
    )  # fmt: skip


def unpack_format(answer: bytes) -> Layout:
    """Return what the device makes of a format that it was asked for."""
    _, width, height, pixelformat, _, _, size, stride, _ = FORMAT.unpack(answer)
    return Layout(width, height, pixelformat, size, stride)


class Buffer:
    """The struct v4l2_buffer of the first buffer of a kind, with the one plane that it points to.

    ``used`` is in bytes; ``stamp`` in microseconds: the device gives it back with what it made.
    """

    def __init__(self, kind: int, used: int = 0, stamp: int = 0) -> None:
        self._plane = ctypes.create_string_buffer(PLANE.pack(used, used, 0, 0), PLANE.size)
        seconds, microseconds = divmod(stamp, 1_000_000)
        place = ctypes.addressof(self._plane)
        self._packed = BUFFER.pack(
            *(0, kind, 0, 0, FIELD_NONE, seconds, microseconds, 0, MMAP, place, 1, 0, 0)
        )

    def __bytes__(self) -> bytes:
        return self._packed

    def answered(self, packed: bytes) -> Answer:
        """Return what the device has written into both."""
        number, _, _, flags, _, seconds, microseconds, *_ = BUFFER.unpack(packed)
        used, length, offset, _ = PLANE.unpack(self._plane.raw)
        stamp = 1_000_000 * seconds + microseconds
        return Answer(number, used, length, offset, stamp, bool(flags & FAILED))


class Answer(NamedTuple):
    """A buffer that the device tells of or gives back; ``stamp`` is that of the picture in it."""

    number: int
    used: int  # bytes of the picture
    length: int  # bytes of the buffer
    offset: int  # of the buffer, for mmap
    stamp: int
    failed: bool


def write_yuv420(picture: Picture, buffer: memoryview, layout: Layout) -> int:
    """Copy a picture's planes to where the device wants them; returns how many bytes it takes.

    What the layout has to the right and below is filled with the last column and row: in a block of
    JPEG that is only half in the picture, black would be seen to bleed.

    :raises ValueError: if they do not fit.
    """
    octets = np.frombuffer(buffer, np.uint8)
    offset = 0
    for plane, part in ((picture.y, 1), (picture.u, 2), (picture.v, 2)):
        rows, stride = layout.height // part, layout.stride // part
        target = octets[offset : offset + rows * stride]
        if target.size < rows * stride or plane.shape[0] > rows or plane.shape[1] > stride:
            raise ValueError(
                f"{picture.width}x{picture.height} does not fit into {layout.stride}x"
                f"{layout.height} and {octets.size} bytes"
            )
        _fill(target.reshape(rows, stride), plane)
        offset += rows * stride
    return offset


def _fill(target: Plane, plane: Plane) -> None:
    height, width = plane.shape
    target[:height, :width] = plane
    target[:height, width:] = plane[:, -1:]
    target[height:] = target[height - 1]
