# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reads serialized ``sensor_msgs`` pictures in place, without a message object.

The layout is plain CDR (OMG DDS-XTypes 1.3, 7.4.1): a four-byte encapsulation header, then the
fields in order, each aligned to its own size counted from the end of that header::

    CompressedImage: int32 sec, uint32 nanosec, string frame_id, string format, sequence<uint8> data

    Image: int32 sec, uint32 nanosec, string frame_id, uint32 height, uint32 width, string encoding,
        uint8 is_bigendian, uint32 step, sequence<uint8> data
"""

from __future__ import annotations

import struct
from typing import NamedTuple

ENCAPSULATION_SIZE = 4
# Of frame_id, format and encoding. ROS has no limit; what is longer is no name, and would end up in
# the log and on the page.
LONGEST_STRING = 1024  # bytes
_OCTET = struct.Struct("B")


class CdrError(ValueError):
    """The bytes are not the serialized message; the text says at which field."""


class ImageError(ValueError):
    """An :class:`Image` is none that can be shown; the text says why, and the way out."""


class CompressedImage(NamedTuple):
    """The fields of the message; ``data`` is a read-only view of the buffer that was read."""

    stamp: int  # nanoseconds
    frame_id: str
    format: str
    data: memoryview


class Image(NamedTuple):
    """The fields of the message; ``data`` is a read-only view of the buffer that was read.

    ``height`` rows of ``step`` bytes, of which the first hold ``width`` pixels of ``encoding``.
    """

    stamp: int  # nanoseconds
    frame_id: str
    height: int
    width: int
    encoding: str
    is_bigendian: bool
    step: int
    data: memoryview


def read_compressed_image(message: bytes) -> CompressedImage:
    """Read the fields of a serialized CompressedImage; ``data`` stays where it is.

    :raises CdrError: if the encapsulation is not plain CDR, a length points beyond the end, or a
        string is too long to be a name.
    """
    reader = _Reader(message)
    return CompressedImage(
        stamp=reader.stamp(),
        frame_id=reader.string("header.frame_id"),
        format=reader.string("format"),
        data=reader.octets("data"),
    )


def read_image(message: bytes) -> Image:
    """Read the fields of a serialized Image; ``data`` stays where it is.

    :raises CdrError: if the encapsulation is not plain CDR, a length points beyond the end, or a
        string is too long to be a name.
    """
    reader = _Reader(message)
    return Image(
        stamp=reader.stamp(),
        frame_id=reader.string("header.frame_id"),
        height=reader.uint32("height"),
        width=reader.uint32("width"),
        encoding=reader.string("encoding"),
        is_bigendian=reader.octet("is_bigendian") != 0,
        step=reader.uint32("step"),
        data=reader.octets("data"),
    )


class _Reader:
    def __init__(self, message: bytes) -> None:
        view = memoryview(message).toreadonly()
        if len(view) < ENCAPSULATION_SIZE:
            raise CdrError(f"the message has only {len(view)} bytes, not even a CDR header")
        if view[0] != 0 or view[1] not in (0, 1):
            raise CdrError(f"the encapsulation {bytes(view[:2]).hex()} is not plain CDR")
        order = "<" if view[1] == 1 else ">"
        self._body = view[ENCAPSULATION_SIZE:]
        self._stamp = struct.Struct(order + "iI")
        self._uint32 = struct.Struct(order + "I")
        self._offset = 0

    def stamp(self) -> int:
        seconds, nanoseconds = self._unpack(self._stamp, "header.stamp")
        return seconds * 1_000_000_000 + nanoseconds

    def octet(self, field: str) -> int:
        (value,) = self._unpack(_OCTET, field)
        return value

    def uint32(self, field: str) -> int:
        self._offset += -self._offset % 4
        (value,) = self._unpack(self._uint32, field)
        return value

    def string(self, field: str) -> str:
        octets = self.octets(field)
        if len(octets) > LONGEST_STRING:
            raise CdrError(f"{field} has {len(octets)} bytes, more than {LONGEST_STRING}")
        # CDR counts the terminating zero; an empty string may also come without one.
        return bytes(octets).rstrip(b"\0").decode("utf-8", "replace")

    def octets(self, field: str) -> memoryview:
        length = self.uint32(field)
        end = self._offset + length
        if end > len(self._body):
            left = len(self._body) - self._offset
            raise CdrError(f"{field} claims {length} bytes where {left} are left")
        octets = self._body[self._offset : end]
        self._offset = end
        return octets

    def _unpack(self, layout: struct.Struct, field: str) -> tuple[int, ...]:
        if self._offset + layout.size > len(self._body):
            raise CdrError(f"the message ends before {field}")
        values = layout.unpack_from(self._body, self._offset)
        self._offset += layout.size
        return values
