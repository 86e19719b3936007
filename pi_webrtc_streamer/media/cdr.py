"""Reads a serialized ``sensor_msgs/CompressedImage`` in place, without a message object.

The layout is plain CDR (OMG DDS-XTypes 1.3, 7.4.1): a four-byte encapsulation header, then the
fields in order, each aligned to its own size counted from the end of that header::

    int32 sec, uint32 nanosec, string frame_id, string format, sequence<uint8> data
"""

from __future__ import annotations

import struct
from typing import NamedTuple

ENCAPSULATION_SIZE = 4


class CdrError(ValueError):
    """The bytes are not a serialized CompressedImage; the text says at which field."""


class CompressedImage(NamedTuple):
    """The fields of the message; ``data`` is a read-only view of the buffer that was read."""

    stamp: int  # nanoseconds
    frame_id: str
    format: str
    data: memoryview


def read_compressed_image(message: bytes) -> CompressedImage:
    """Read the fields of a serialized message; ``data`` stays where it is.

    :raises CdrError: if the encapsulation is not plain CDR or a length points beyond the end.
    """
    reader = _Reader(message)
    seconds, nanoseconds = reader.stamp()
    frame_id = reader.string("header.frame_id")
    image_format = reader.string("format")
    return CompressedImage(
        seconds * 1_000_000_000 + nanoseconds, frame_id, image_format, reader.octets("data")
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
        self._length = struct.Struct(order + "I")
        self._offset = 0

    def stamp(self) -> tuple[int, int]:
        seconds, nanoseconds = self._unpack(self._stamp, "header.stamp")
        return seconds, nanoseconds

    def string(self, field: str) -> str:
        octets = self.octets(field)
        # CDR counts the terminating zero; an empty string may also come without one.
        return bytes(octets).rstrip(b"\0").decode("utf-8", "replace")

    def octets(self, field: str) -> memoryview:
        self._offset += -self._offset % 4
        (length,) = self._unpack(self._length, field)
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
