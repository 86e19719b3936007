# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a JPEG's markers say, read without decoding it (ITU-T T.81, annex B)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

SOI, EOI, SOS, TEM = 0xD8, 0xD9, 0xDA, 0x01
# Start-of-frame markers: C0 to CF but for DHT (C4), JPG (C8) and DAC (CC).
START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
WITHOUT_LENGTH = frozenset(range(0xD0, 0xD8)) | {TEM}
# Markers in all. Exif and colour profiles take some dozens, the scans of a progressive picture some
# more; without a limit, a message full of fill bytes would keep the thread that reads all cameras
# busy for seconds.
MOST_MARKERS = 1024
MAX_PIXELS = 16_000_000  # unless told otherwise; the largest Raspberry Pi camera has 12 million
# A marker that ends a scan's data: not a stuffed byte (ff 00), a restart marker or one that nobody
# uses.
_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")
END = b"\xff\xd9"


class JpegError(ValueError):
    """The data is not a JPEG picture that can be shown; the text says what is wrong with it."""


class JpegHeader(NamedTuple):
    """What a picture says of itself.

    ``width`` and ``height`` are in pixels. ``components`` is 1 for grey, 3 for colours. ``end`` is
    the number of bytes up to the end marker, or None if there is none: whether the picture is whole
    then, only decoding it can tell.
    """

    width: int
    height: int
    components: int
    end: int | None


def is_jpeg(data: memoryview) -> bool:
    """Whether the data begins as a JPEG does."""
    return len(data) > 1 and data[0] == 0xFF and data[1] == SOI


def read_jpeg_header(data: memoryview, max_pixels: int = MAX_PIXELS) -> JpegHeader:
    """Return what a picture's markers say; what follows its end marker is not looked at.

    Drivers publish buffers that are larger than the picture. A few hundred bytes can claim a
    picture whose decoding takes 6 GB, hence ``max_pixels``.

    :raises JpegError: if it is empty, no JPEG, too large, or says no size.
    """
    if len(data) == 0:
        raise JpegError("the message holds no picture data")
    if not is_jpeg(data):
        raise JpegError(f"not a JPEG: it begins with {bytes(data[:4]).hex(' ')} instead of ff d8")
    header, end = None, None
    for marker, offset in _markers(data):
        if marker in START_OF_FRAME and header is None:
            header = _frame_header(data, offset)
        elif marker in (SOS, EOI) and header is None:
            break
        elif marker == EOI:
            end = offset + 2
            break
    if header is None:
        raise JpegError("broken JPEG: it says no size before the picture begins")
    if header.width * header.height > max_pixels:
        raise JpegError(too_large(header.width, header.height, max_pixels))
    return header._replace(end=end)


def _markers(data: memoryview) -> Iterator[tuple[int, int]]:
    """Return the picture's markers, and where each one is, up to the first :data:`MOST_MARKERS`."""
    offset = 2
    for _ in range(MOST_MARKERS):
        if offset + 2 > len(data):
            return
        if data[offset] != 0xFF:
            raise JpegError(f"broken JPEG: no marker at byte {offset}")
        marker = data[offset + 1]
        if marker == 0xFF:  # fill byte
            offset += 1
            continue
        yield marker, offset
        if marker in (EOI, SOI):  # or the next picture, if the end of this one is missing
            return
        offset += 2 if marker in WITHOUT_LENGTH else _segment(data, offset)
        if marker == SOS:
            following = _MARKER.search(data, offset)
            if following is None:
                return
            offset = following.start()


def _segment(data: memoryview, offset: int) -> int:
    """Return the length of a marker and its segment."""
    if offset + 4 > len(data):
        raise JpegError("the JPEG is cut short in its headers")
    length = _uint16(data, offset + 2)
    if length < 2:  # it counts itself
        raise JpegError(f"broken JPEG: a segment of {length} bytes at byte {offset}")
    return 2 + length


def _frame_header(data: memoryview, offset: int) -> JpegHeader:
    if offset + 10 > len(data):
        raise JpegError("the JPEG is cut short in its frame header")
    width, height = _uint16(data, offset + 7), _uint16(data, offset + 5)
    if width == 0 or height == 0:
        raise JpegError(f"broken JPEG: its size is {width}x{height}")
    return JpegHeader(width, height, data[offset + 9], None)


def too_large(width: int, height: int, max_pixels: int) -> str:
    """Say why a picture of this size is refused."""
    return (
        f"the picture of {width}x{height} has more than {max_pixels} pixels: if that is meant, "
        "raise the bridge's parameter max_pixels"
    )


def _uint16(data: memoryview, offset: int) -> int:
    return data[offset] << 8 | data[offset + 1]
