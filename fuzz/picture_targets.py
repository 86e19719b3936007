# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures from any publisher: serialized messages and JPEG."""

from __future__ import annotations

import array
from contextlib import suppress
from typing import Any

import numpy as np
import simplejpeg
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as ImageMessage

from pi_webrtc_streamer.media.cdr import CdrError, Image, ImageError, read_image
from pi_webrtc_streamer.media.decoder import DecodeError, JpegDecoder
from pi_webrtc_streamer.media.feed import CameraFeed
from pi_webrtc_streamer.media.jpeg import JpegError, read_jpeg_size
from pi_webrtc_streamer.media.raw_image import encode_jpeg
from pi_webrtc_streamer.media.sizes import ENLARGED_SIDE, LONGEST_ENLARGED

MAX_PIXELS = 100_000  # so that a picture takes milliseconds


def compressed_image(data: bytes) -> None:
    """Take a CompressedImage, as the subscription does: CDR, the format, and the JPEG's header."""
    feed = CameraFeed("camera", "/topic", max_pixels=MAX_PIXELS)
    feed.accept(data)
    assert feed.received + feed.rejected == 1
    status = feed.status([])
    assert len(status.reason) < 2000
    assert feed.received == 0 or 0 < status.width * status.height <= MAX_PIXELS


def image(data: bytes) -> None:
    """Take an Image and make JPEG of it."""
    with suppress(CdrError, ImageError):
        picture = read_image(data)
        jpeg = encode_jpeg(picture, _refuse, MAX_PIXELS)
        assert read_jpeg_size(memoryview(jpeg)) == (picture.width, picture.height)


def jpeg(data: bytes) -> None:
    """Decode a JPEG as the media thread does."""
    with suppress(JpegError):
        read_jpeg_size(memoryview(data), MAX_PIXELS)
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
