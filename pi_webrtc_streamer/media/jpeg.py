# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a JPEG's headers say, read without decoding it (ITU-T T.81, annex B)."""

from __future__ import annotations

from typing import NamedTuple

SOI, EOI, SOS, TEM = 0xD8, 0xD9, 0xDA, 0x01
# Start-of-frame markers: C0 to CF but for DHT (C4), JPG (C8) and DAC (CC).
START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
WITHOUT_LENGTH = frozenset(range(0xD0, 0xD8)) | {TEM}
# Cameras that fill a fixed buffer pad the picture's end; further back nobody looks.
LONGEST_PADDING = 4096
# Markers before the picture. Exif and colour profiles take some dozens; without a limit, a message
# full of fill bytes would keep the thread that reads all cameras busy for seconds.
MOST_MARKERS = 1024
MAX_PIXELS = 16_000_000  # unless told otherwise; the largest Raspberry Pi camera has 12 million


class JpegError(ValueError):
    """The data is not a whole JPEG picture; the text says what is wrong with it."""


class JpegSize(NamedTuple):
    """The size of a picture in pixels."""

    width: int
    height: int


def read_jpeg_size(data: memoryview, max_pixels: int = MAX_PIXELS) -> JpegSize:
    """Return the picture's size, having seen that it begins and ends as a JPEG does.

    A few hundred bytes can claim a picture whose decoding takes 6 GB, hence ``max_pixels``.

    :raises JpegError: if it is empty, no JPEG, cut short, too large, or says no size.
    """
    if len(data) == 0:
        raise JpegError("the message holds no picture data")
    if len(data) < 4 or data[0] != 0xFF or data[1] != SOI:
        begin = bytes(data[:4]).hex(" ")
        raise JpegError(f"not a JPEG: it begins with {begin} instead of ff d8")
    size = _find_size(data)
    if size.width * size.height > max_pixels:
        raise JpegError(too_large(size.width, size.height, max_pixels))
    tail = bytes(data[-2:])
    if tail != b"\xff\xd9" and b"\xff\xd9" not in bytes(data[-LONGEST_PADDING:]):
        raise JpegError(f"the JPEG is cut short: {len(data)} bytes without an end marker")
    return size


def _find_size(data: memoryview) -> JpegSize:
    offset = 2
    for _ in range(MOST_MARKERS):
        if offset + 4 > len(data):
            break
        if data[offset] != 0xFF:
            raise JpegError(f"broken JPEG: no marker at byte {offset}")
        marker = data[offset + 1]
        if marker == 0xFF:  # fill byte
            offset += 1
            continue
        if marker in WITHOUT_LENGTH:
            offset += 2
            continue
        if marker in (EOI, SOS):
            break
        if marker in START_OF_FRAME:
            return _size_at(data, offset)
        length = _uint16(data, offset + 2)
        if length < 2:  # it counts itself
            raise JpegError(f"broken JPEG: a segment of {length} bytes at byte {offset}")
        offset += 2 + length
    raise JpegError("broken JPEG: it says no size before the picture begins")


def _size_at(data: memoryview, offset: int) -> JpegSize:
    if offset + 9 > len(data):
        raise JpegError("the JPEG is cut short in its frame header")
    size = JpegSize(width=_uint16(data, offset + 7), height=_uint16(data, offset + 5))
    if size.width == 0 or size.height == 0:
        raise JpegError(f"broken JPEG: its size is {size.width}x{size.height}")
    return size


def too_large(width: int, height: int, max_pixels: int) -> str:
    """Say why a picture of this size is refused."""
    return (
        f"the picture of {width}x{height} has more than {max_pixels} pixels: if that is meant, "
        "raise the bridge's parameter max_pixels"
    )


def _uint16(data: memoryview, offset: int) -> int:
    return data[offset] << 8 | data[offset + 1]
