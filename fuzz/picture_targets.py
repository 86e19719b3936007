# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures from any publisher: serialized messages and JPEG."""

from __future__ import annotations

import array
import io
import struct
import zlib
from contextlib import suppress
from typing import Any

import numpy as np
import simplejpeg
from PIL import Image as PillowImage
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as ImageMessage

from pi_webrtc_streamer.media.cdr import CdrError, Image, ImageError, read_image
from pi_webrtc_streamer.media.cdr import CompressedImage as CompressedPicture
from pi_webrtc_streamer.media.compressed_image import to_jpeg
from pi_webrtc_streamer.media.decoder import DecodeError, JpegDecoder
from pi_webrtc_streamer.media.feed import CameraFeed
from pi_webrtc_streamer.media.intake import Intake
from pi_webrtc_streamer.media.jpeg import JpegError, read_jpeg_header
from pi_webrtc_streamer.media.raw_image import encode_jpeg
from pi_webrtc_streamer.media.sizes import ENLARGED_SIDE, LONGEST_ENLARGED

SAVED_BY_PILLOW = ("PNG", "TIFF", "BMP", "WEBP", "JPEG2000", "PPM")
MAX_PIXELS = 100_000  # so that a picture takes milliseconds


def compressed_image(data: bytes) -> None:
    """Take a CompressedImage, as the subscription does: CDR, the format, and the JPEG's header."""
    feed = CameraFeed("camera", "/topic", max_pixels=MAX_PIXELS)
    intake = Intake(feed, _refuse)
    intake.take_compressed(data)
    intake.close()
    assert feed.received + feed.rejected <= 1
    status = feed.status([])
    assert len(status.reason) < 2000
    assert feed.received == 0 or 0 < status.width * status.height <= MAX_PIXELS


def compressed_picture(data: bytes) -> None:
    """Decode a picture of any format, as its beginning has it, or a name that comes first."""
    said, _, picture = data.partition(b"\0")
    image = CompressedPicture(0, "", said[:60].decode("latin-1"), memoryview(picture))
    with suppress(ImageError, JpegError):
        header = read_jpeg_header(memoryview(to_jpeg(image, _refuse, MAX_PIXELS)), MAX_PIXELS)
        assert header.width * header.height <= MAX_PIXELS


def image(data: bytes) -> None:
    """Take an Image and make JPEG of it."""
    with suppress(CdrError, ImageError):
        picture = read_image(data)
        jpeg = encode_jpeg(picture, _refuse, MAX_PIXELS)
        assert read_jpeg_header(memoryview(jpeg))[:2] == (picture.width, picture.height)


def jpeg(data: bytes) -> None:
    """Decode a JPEG as the media thread does."""
    with suppress(JpegError):
        read_jpeg_header(memoryview(data), MAX_PIXELS)
    with suppress(DecodeError):
        frame = JpegDecoder(MAX_PIXELS).decode(memoryview(data))
        # A small picture is enlarged, a long and narrow one to four times its pixels.
        most = max(4 * MAX_PIXELS, LONGEST_ENLARGED * 2 * ENLARGED_SIDE)
        assert frame.width * frame.height <= most


def _refuse(picture: Image) -> Any:
    raise ImageError(f"cv_bridge was asked for {picture.encoding}")


def _jpeg(width: int = 32, height: int = 24) -> bytes:
    encoded: bytes = simplejpeg.encode_jpeg(np.zeros((height, width, 3), np.uint8))
    return encoded


def compressed_images() -> list[bytes]:
    """Return messages with a JPEG by all names for one, and one that says it is none."""
    return [
        serialize_message(CompressedImage(format=name, data=array.array("B", _jpeg())))
        for name in ("jpeg", "bgr8; jpeg compressed bgr8", "png")
    ]


def compressed_pictures() -> list[bytes]:
    """Return a picture in each format that needs converting."""
    grey = np.arange(24 * 32, dtype=np.uint16).reshape(24, 32)
    png = _saved(grey * 80, "PNG")
    rvl = struct.pack("<12xII", 8, 1) + bytes.fromhex("00000081")  # eight zeros
    zstd = struct.pack("<IIBII", 2, 4, 0, 4, 5) + b"mono8" + zlib.compress(bytes(8))
    return [
        b"\0" + _jpeg()[:-2],
        b"bayer_rggb8; png compressed \0" + _saved(grey.astype(np.uint8), "PNG"),
        b"32FC1; compressedDepth png\0" + struct.pack("<4xff", 100, 0.5) + png,
        b"16UC1; compressedDepth rvl\0" + rvl,
        b"zstd\0" + zstd,
        b"\0" + _saved(grey.astype(np.float32), "TIFF"),
        *(b"\0" + _saved(grey.astype(np.uint8), name) for name in SAVED_BY_PILLOW),
    ]


def _saved(pixels: np.ndarray, name: str) -> bytes:
    file = io.BytesIO()
    PillowImage.fromarray(pixels).save(file, name)
    return file.getvalue()


def images() -> list[bytes]:
    """Return an Image in each kind of encoding."""
    encodings = {"rgb8": 3, "mono8": 1, "mono16": 2, "yuv422": 2, "32FC1": 4, "bayer_rggb8": 1}
    return [
        serialize_message(
            ImageMessage(
                height=4,
                width=6,
                encoding=encoding,
                step=6 * size,
                data=array.array("B", bytes(range(24 * size))),
            )
        )
        for encoding, size in encodings.items()
    ]


def jpegs() -> list[bytes]:
    """Return JPEG pictures, with and without odd sides."""
    return [_jpeg(), _jpeg(16, 16), _jpeg(17, 33)]
