# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Messages as other people's nodes publish them: four colours, or a ramp of depth."""

import struct
import zlib
from array import array
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from .pictures import saved
from .quadrants import quadrants
from .raw_images import image_of, message, mosaic
from .repeating import repeating

WIDTH, HEIGHT = 320, 240
RGB = quadrants(WIDTH, HEIGHT)
RAMP = np.tile(np.linspace(500, 5000, WIDTH).astype(np.uint16), (HEIGHT, 1))  # mm
PERIOD = 0.1  # seconds between two pictures


def compressed(data: bytes, said: str) -> CompressedImage:
    return CompressedImage(format=said, data=array("B", data))


def four_colours() -> dict[str, Image | CompressedImage]:
    """Return messages that show :data:`RGB`, by the names that cameras get for them."""
    jpeg = saved(RGB, "JPEG", quality=95)
    other = saved(np.random.default_rng(1).integers(0, 255, RGB.shape, np.uint8), "JPEG")
    nv12 = image_of("nv12", RGB)
    packed = struct.pack("<IIBII", HEIGHT, WIDTH, 0, nv12.step, 4) + b"nv12"
    raw = ("nv12", "nv21", "yuv422_yuy2", "uyvy", "bayer_grbg8", "bayer_rggb16", "rgb16", "bgr16")
    return {
        **{f"raw_{encoding}": message(image_of(encoding, RGB)) for encoding in raw},
        "misnamed": compressed(jpeg, "rgb8; jpeg compressed; bgr8"),
        "mjpeg": compressed(jpeg, "mjpeg"),
        "zeros_behind": compressed(jpeg + bytes(20_000), "jpeg"),
        "stale_behind": compressed(jpeg + other[-20_000:], "jpeg"),
        "no_end": compressed(jpeg[:-2], "jpeg"),
        "two_pictures": compressed(jpeg + other, "jpeg"),
        "png": compressed(saved(RGB, "PNG"), "rgb8; png compressed bgr8"),
        "png_with_alpha": compressed(saved(np.dstack([RGB, RGB[:, :, 0]]), "PNG"), "png"),
        "webp": compressed(saved(RGB, "WEBP", quality=95), "webp"),
        "tiff": compressed(saved(RGB, "TIFF"), "rgb8; tiff compressed "),
        "mosaic": compressed(
            saved(mosaic(RGB, "gbrg"), "JPEG", quality=95), "bayer_gbrg8; jpeg compressed "
        ),
        "zstd": compressed(packed + zlib.compress(nv12.data), "zstd"),
    }


def depth() -> dict[str, Image | CompressedImage]:
    """Return messages that show :data:`RAMP`."""
    png = saved(RAMP, "PNG")
    raw = RAMP.astype("<u2").tobytes()
    return {
        "depth": Image(
            height=HEIGHT, width=WIDTH, encoding="16UC1", step=2 * WIDTH, data=array("B", raw)
        ),
        "depth_png": compressed(png, "16UC1; png compressed "),
        "depth_packed": compressed(bytes(12) + png, "16UC1; compressedDepth png"),
    }


@contextmanager
def publishing(node: Node, messages: dict[str, Image | CompressedImage]) -> Iterator[None]:
    """Publish each message on the topic of its name, again and again, for a context."""
    qos = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    publishers = {
        name: node.create_publisher(type(each), name, qos) for name, each in messages.items()
    }

    def publish() -> None:
        now = node.get_clock().now().to_msg()
        for name, each in messages.items():
            each.header.stamp = now
            publishers[name].publish(each)

    try:
        with repeating(publish, PERIOD):
            yield
    finally:
        for publisher in publishers.values():
            node.destroy_publisher(publisher)
