# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a CompressedImage holds, by its content: its ``format`` is what publishers make of it.

sensor_msgs says "jpeg" or "png" there; image_transport writes "rgb8; jpeg compressed bgr8", others
"mjpeg", "video/h264" or nothing.
"""

from __future__ import annotations

import re
from enum import Enum


class PictureFormat(Enum):
    """A format of single pictures; the value is how people write it."""

    JPEG = "JPEG"
    PNG = "PNG"
    TIFF = "TIFF"
    BMP = "BMP"
    WEBP = "WebP"
    JPEG_2000 = "JPEG 2000"
    PBM = "PBM"
    PGM = "PGM"
    PPM = "PPM"
    SUN_RASTER = "Sun raster"
    COMPRESSED_DEPTH_PNG = "compressedDepth png"
    COMPRESSED_DEPTH_RVL = "compressedDepth rvl"
    ZSTD = "zstd"


_PNG = rb"\x89PNG\r\n\x1a\n"
DEPTH_HEADER = 12  # bytes before the picture, in compressed_depth_image_transport's ConfigHeader
_BEGINNINGS = {
    PictureFormat.JPEG: rb"\xff\xd8",
    PictureFormat.PNG: _PNG,
    PictureFormat.TIFF: rb"II\*\0|MM\0\*",
    PictureFormat.BMP: rb"BM.{4}\0{4}",
    PictureFormat.WEBP: rb"RIFF.{4}WEBP",
    PictureFormat.JPEG_2000: rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
    PictureFormat.PBM: rb"P[14]\s",
    PictureFormat.PGM: rb"P[25]\s",
    PictureFormat.PPM: rb"P[36]\s",
    PictureFormat.SUN_RASTER: rb"\x59\xa6\x6a\x95",
    PictureFormat.COMPRESSED_DEPTH_PNG: rb".{%d}%b" % (DEPTH_HEADER, _PNG),
}
_PATTERNS = {each: re.compile(begin, re.DOTALL) for each, begin in _BEGINNINGS.items()}
# These two have nothing in their data that tells them.
_BY_NAME = {
    PictureFormat.COMPRESSED_DEPTH_RVL: re.compile(r"compressedDepth\s+rvl", re.IGNORECASE),
    PictureFormat.ZSTD: re.compile(r"zstd", re.IGNORECASE),
}
_VIDEO = {
    "H.264": r"h\.?264|\bavc",
    "H.265": r"h\.?265|hevc",
    "AV1": r"\bav1\b",
    "VP8": r"vp8",
    "VP9": r"vp9",
    "MPEG-4": r"mpeg-?4",
    "Theora": r"theora",
}
# Of a NAL unit (ITU-T H.264 and H.265, annex B).
_START_CODE = re.compile(rb"\x00\x00\x00?\x01[\x00-\x7f]")


def find_format(data: memoryview, said: str) -> PictureFormat | None:
    """Return the format of the data; ``said`` is the message's ``format``, which seldom decides."""
    for each, begin in _PATTERNS.items():
        if begin.match(data):
            return each
    return next((each for each, name in _BY_NAME.items() if name.search(said)), None)


def find_video(data: memoryview, said: str) -> str | None:
    """Return the name of a video codec whose data this is, or is said to be."""
    for name, pattern in _VIDEO.items():
        if re.search(pattern, said, re.IGNORECASE):
            return name
    return "H.264 or H.265" if _START_CODE.match(data) else None


def encoding_said(said: str) -> str:
    """Return the encoding that image_transport says the picture had: ``16UC1; png compressed``."""
    return said.partition(";")[0].strip()


def names_mosaic(said: str) -> bool:
    """Whether the picture had a Bayer pattern, by what image_transport says."""
    return encoding_said(said).startswith("bayer_")


def target_said(said: str) -> str:
    """Return what image_transport says it was compressed as: ``bgr8; jpeg compressed mono8``."""
    return said.rpartition("compressed")[2].strip() if "compressed" in said else ""
