# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Uncompressed pictures of flat colours, in every encoding, with padded rows."""

import array
from importlib.util import find_spec

import numpy as np
import pytest
from sensor_msgs.msg import Image as ImageMessage

from pi_webrtc_streamer.media.cdr import Image

Colour = tuple[int, int, int]

BAYER = tuple(f"bayer_{each}{n}" for each in ("rggb", "bggr", "gbrg", "grbg") for n in (8, 16))
EIGHT_BITS = ("rgb8", "bgr8", "rgba8", "bgra8", "mono8", "8UC1", "8UC3", "8UC4")
NEEDS_CV_BRIDGE = pytest.mark.skipif(
    find_spec("cv_bridge") is None,
    reason="there is no cv_bridge: for Python 3.14 it comes with ROS 2 itself, not as a wheel",
)
# The order of the four bytes of two pixels.
PACKED_YUV = {
    **dict.fromkeys(("yuv422", "uyvy"), "uyvz"),
    **dict.fromkeys(("yuv422_yuy2", "yuyv"), "yuzv"),
    "yvyu": "yvzu",
    "vyuy": "vyuz",
}
# The order of the planes, those that are interleaved together; and of how many pixels, across and
# down, one value of chroma is.
PLANAR_YUV = {
    "nv12": (("uv",), 2, 2),
    "nv21": (("vu",), 2, 2),
    "nv16": (("uv",), 2, 1),
    "nv61": (("vu",), 2, 1),
    "nv24": (("uv",), 1, 1),
    "nv42": (("vu",), 1, 1),
    "i420": (("u", "v"), 2, 2),
    "yv12": (("v", "u"), 2, 2),
    "yuv422p": (("u", "v"), 2, 1),
}
YUV = (*PACKED_YUV, *PLANAR_YUV)


def halves(
    encoding: str,
    width: int,
    height: int,
    left: Colour,
    right: Colour,
    *,
    padding: int = 0,
    big_endian: bool = False,
) -> Image:
    """Return a picture of two colours (red, green, blue), each a half of its width.

    Grey encodings have the mean of a colour. After each row come ``padding`` bytes of noise.
    """
    rgb = np.empty((height, width, 3), np.uint8)
    rgb[:, : width // 2], rgb[:, width // 2 :] = left, right
    return image_of(encoding, rgb, padding=padding, big_endian=big_endian)


def image_of(
    encoding: str, rgb: np.ndarray, *, padding: int = 0, big_endian: bool = False
) -> Image:
    """Return a picture in an encoding, with ``padding`` bytes of noise behind each row."""
    height, width, _ = rgb.shape
    if encoding in PLANAR_YUV:
        padding -= padding % 2  # so that chroma has half of it
        data, step = _planar_yuv(rgb, encoding, padding), width + padding
        return Image(7, "optical", height, width, encoding, big_endian, step, memoryview(data))
    rows = packed(encoding, rgb, big_endian)
    noise = np.random.default_rng(1).integers(0, 256, (height, padding), np.uint8)
    data = np.hstack([rows, noise]).tobytes()
    step = rows.shape[1] + padding
    return Image(7, "optical", height, width, encoding, big_endian, step, memoryview(data))


def packed(encoding: str, rgb: np.ndarray, big_endian: bool = False) -> np.ndarray:
    """Return the rows of a picture in an encoding, as bytes."""
    height = rgb.shape[0]
    alpha = np.full((*rgb.shape[:2], 1), 99, np.uint8)
    if encoding in PACKED_YUV:
        y, u, v = _yuv(rgb)
        of_pair = {"y": y[:, ::2], "z": y[:, 1::2], "u": u[:, ::2], "v": v[:, ::2]}
        return np.dstack([of_pair[each] for each in PACKED_YUV[encoding]]).reshape(height, -1)
    if encoding.startswith("bayer"):
        pixels = mosaic(rgb, encoding.removeprefix("bayer_")[:4])
    elif encoding in ("rgb8", "rgb16"):
        pixels = rgb
    elif encoding in ("rgba8", "rgba16"):
        pixels = np.dstack([rgb, alpha])
    elif encoding in ("bgr8", "bgr16", "8UC3", "16UC3"):
        pixels = rgb[:, :, ::-1]
    elif encoding in ("bgra8", "bgra16", "8UC4", "16UC4"):
        pixels = np.dstack([rgb[:, :, ::-1], alpha])
    else:
        pixels = rgb.mean(2)
    if encoding.endswith("16") or encoding.startswith("16"):
        pixels = (np.asarray(pixels, np.uint16) * 257).astype(">u2" if big_endian else "<u2")
    elif encoding == "32FC1":
        pixels = np.asarray(pixels, ">f4" if big_endian else "<f4") / 100
    else:
        pixels = np.asarray(pixels, np.uint8)
    return np.frombuffer(pixels.tobytes(), np.uint8).reshape(height, -1)


def mosaic(rgb: np.ndarray, pattern: str) -> np.ndarray:
    """Return what a sensor behind these filters sees."""
    seen = np.empty(rgb.shape[:2], np.uint8)
    for place, colour in enumerate(pattern):
        row, column = divmod(place, 2)
        seen[row::2, column::2] = rgb[row::2, column::2, "rgb".index(colour)]
    return seen


def _yuv(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return video range of BT.601."""
    r, g, b = (rgb[:, :, channel] / 255 for channel in range(3))
    luma = 0.299 * r + 0.587 * g + 0.114 * b
    y = np.rint(16 + 219 * luma).astype(np.uint8)
    u = np.rint(128 + 112 * (b - luma) / 0.886).astype(np.uint8)
    v = np.rint(128 + 112 * (r - luma) / 0.701).astype(np.uint8)
    return y, u, v


def _planar_yuv(rgb: np.ndarray, encoding: str, padding: int) -> bytes:
    order, across, down = PLANAR_YUV[encoding]
    y, u, v = _yuv(rgb)
    planes = {"u": u[::down, ::across], "v": v[::down, ::across]}
    rows = [y, *(np.dstack([planes[each] for each in names]) for names in order)]
    step, data = rgb.shape[1] + padding, b""
    for number, plane in enumerate(rows):
        flat = plane.reshape(plane.shape[0], -1)
        own = step if number == 0 else step // across * len(order[0])
        data += np.pad(flat, ((0, 0), (0, own - flat.shape[1])), constant_values=77).tobytes()
    return data


def message(image: Image) -> ImageMessage:
    """Return the ROS message of a picture."""
    result = ImageMessage(
        height=image.height,
        width=image.width,
        encoding=image.encoding,
        is_bigendian=int(image.is_bigendian),
        step=image.step,
        data=array.array("B", bytes(image.data)),
    )
    seconds, nanoseconds = divmod(image.stamp, 10**9)
    result.header.stamp.sec, result.header.stamp.nanosec = seconds, nanoseconds
    result.header.frame_id = image.frame_id
    return result
