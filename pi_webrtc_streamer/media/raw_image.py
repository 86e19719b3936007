# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Uncompressed pictures (``sensor_msgs/Image``) to JPEG.

Not to be imported before there is such a picture: a bridge whose topics carry JPEG needs neither
numpy nor simplejpeg.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import simplejpeg

from . import yuv_image
from .cdr import Image, ImageError
from .jpeg import MAX_PIXELS, too_large
from .mosaic import SensorBits
from .sizes import enlargement

Pixels: TypeAlias = npt.NDArray[Any]  # height x width x channels

QUALITY = 90  # of the JPEG: it is encoded once more for WebRTC, so loss must not show here
BEST = 100  # of a small picture: there one sees every pixel

# The type of a channel, less its byte order, and the channels. Those without names of colours
# (8UC3 and so on) are in OpenCV's order.
_LAYOUTS = {
    "mono8": ("u1", "GRAY"),
    "rgb8": ("u1", "RGB"),
    "bgr8": ("u1", "BGR"),
    "rgba8": ("u1", "RGBA"),
    "bgra8": ("u1", "BGRA"),
    "mono16": ("u2", "GRAY"),
    "rgb16": ("u2", "RGB"),
    "bgr16": ("u2", "BGR"),
    "rgba16": ("u2", "RGBA"),
    "bgra16": ("u2", "BGRA"),
    "8UC1": ("u1", "GRAY"),
    "8UC3": ("u1", "BGR"),
    "8UC4": ("u1", "BGRA"),
    "8SC1": ("i1", "GRAY"),
    "16UC1": ("u2", "GRAY"),
    "16UC3": ("u2", "BGR"),
    "16UC4": ("u2", "BGRA"),
    "16SC1": ("i2", "GRAY"),
    "32SC1": ("i4", "GRAY"),
    "32FC1": ("f4", "GRAY"),
    "64FC1": ("f8", "GRAY"),
}
_CHANNELS = {"GRAY": 1, "RGB": 3, "BGR": 3, "RGBA": 4, "BGRA": 4}
_BAYER = re.compile(r"(bayer_(?:rggb|bggr|gbrg|grbg))(8|16)")


def encode_jpeg(
    image: Image,
    to_bgr: Callable[[Image], Pixels],
    max_pixels: int = MAX_PIXELS,
    sensor: SensorBits | None = None,
) -> bytes:
    """Return the picture as a JFIF file, 4:2:0 where it has colours and is not small.

    8-bit colours and grey are taken as they are, 16-bit colours by their upper 8 bits, and YUV as
    :mod:`.yuv_image` has it. Grey of more bits, or of floating point, which is mostly depth, is
    scaled from its least to its greatest value (see :func:`scale_to_8_bits`). For all other
    encodings ``to_bgr`` is asked; it gets Bayer patterns as 8 bits without padding. ``sensor``
    keeps, from picture to picture, how many bits those have.

    :raises ImageError: if there is no picture, more than ``max_pixels``, less data than its size
        asks for, or an encoding that ``to_bgr`` cannot convert.
    """
    _check_size(image, max_pixels)
    try:
        return _encode(image, to_bgr, sensor or SensorBits())
    except ImageError:
        raise
    except ValueError as error:  # simplejpeg's, for a side of more than 65500 pixels
        raise ImageError(
            f"a picture of {image.width}x{image.height} cannot be compressed: {error}"
        ) from error


def _encode(image: Image, to_bgr: Callable[[Image], Pixels], sensor: SensorBits) -> bytes:
    if image.encoding in _LAYOUTS:
        pixel, channels = _LAYOUTS[image.encoding]
        pixels = _pixels(image, pixel, _CHANNELS[channels])
        if pixels.dtype.itemsize > 1 and channels != "GRAY":
            # Each channel by itself would shift the hue, and a stretch of all of them, too.
            return _compress((pixels >> 8).astype(np.uint8), channels)
        return _compress(_to_8_bits(pixels), channels)
    if image.encoding.lower() in yuv_image.LAYOUTS:
        return _compress_planes(*yuv_image.planes_of(image))
    bayer = _BAYER.fullmatch(image.encoding)
    if bayer is not None:
        mosaic = _pixels(image, "u1" if bayer[2] == "8" else "u2", 1)
        if bayer[2] == "16":
            mosaic = sensor.to_8_bits(mosaic)
        image = image._replace(
            encoding=f"{bayer[1]}8", step=image.width, data=memoryview(mosaic.tobytes())
        )
    return _compress(to_bgr(image), "BGR")


def scale_to_8_bits(pixels: Pixels) -> Pixels:
    """Return the picture in 8 bits, its least value black and its greatest white.

    So a picture of depth shows all its range, whatever its unit, and its brightness may change from
    one picture to the next. What is no finite number, which is how depth cameras say that they do
    not know, is black, and so is a picture of one value.
    """
    single = pixels.dtype.itemsize <= 2 or pixels.dtype.name == "float32"  # holds them exactly
    values: npt.NDArray[np.floating[Any]] = pixels.astype(np.float32 if single else np.float64)
    known = values if np.isfinite(values).all() else values[np.isfinite(values)]
    if known.size == 0:
        return np.zeros(values.shape, np.uint8)
    low = known.min()
    with np.errstate(over="ignore"):
        span = known.max() - low
    if not 0 < span < np.inf:
        return np.zeros(values.shape, np.uint8)
    if known is not values:
        values[~np.isfinite(values)] = low
    values -= low
    values /= span  # times 1 / span would not do: it may be infinite
    values *= 255
    levels: Pixels = np.rint(values).astype(np.uint8)
    return levels


def _check_size(image: Image, max_pixels: int) -> None:
    if image.width == 0 or image.height == 0:
        raise ImageError(f"the message holds no picture: its size is {image.width}x{image.height}")
    if image.width * image.height > max_pixels:
        raise ImageError(too_large(image.width, image.height, max_pixels))
    needed = image.height * image.step
    if len(image.data) < needed:
        raise ImageError(
            f'the picture (encoding "{image.encoding}") is cut short: {len(image.data)} bytes '
            f"where {image.height} rows of {image.step} bytes have {needed}"
        )


def _pixels(image: Image, pixel: str, channels: int) -> Pixels:
    """Return a view of the data, with the bytes that pad the rows left out."""
    dtype = np.dtype(pixel).newbyteorder(">" if image.is_bigendian else "<")
    row = image.width * channels * dtype.itemsize
    if image.step < row:
        raise ImageError(
            f"its step is {image.step} bytes, but a row of {image.width} pixels of encoding "
            f'"{image.encoding}" has {row}: its publisher must set step'
        )
    return np.ndarray(
        (image.height, image.width, channels),
        dtype,
        buffer=image.data,
        strides=(image.step, channels * dtype.itemsize, dtype.itemsize),
    )


def _to_8_bits(pixels: Pixels) -> Pixels:
    return pixels if pixels.dtype == np.uint8 else scale_to_8_bits(pixels)


def _compress(pixels: Pixels, channels: str) -> bytes:
    # Small pictures are enlarged: each of their pixels keeps a colour of its own.
    small = enlargement(pixels.shape[1], pixels.shape[0]) > 1
    subsampling = "Gray" if channels == "GRAY" else "444" if small else "420"
    quality = BEST if small else QUALITY
    jpeg: bytes = simplejpeg.encode_jpeg(pixels, quality, channels, subsampling, fastdct=not small)
    return jpeg


def _compress_planes(y: Pixels, u: Pixels, v: Pixels) -> bytes:
    """Encode from the planes, without RGB on the way."""
    height, width = y.shape
    if height % 2 or width % 2:
        # libjpeg-turbo reads two by two of luma for one of chroma: there must be more to read.
        y = np.pad(y, ((0, height % 2), (0, width % 2)), "edge")[:height, :width]
    jpeg: bytes = simplejpeg.encode_jpeg_yuv_planes(y, u, v, quality=QUALITY, fastdct=True)
    return jpeg
