# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A ``sensor_msgs/CompressedImage`` that is not simply a whole JPEG, to pixels.

Not to be imported before there is such a picture: most topics carry JPEG.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from itertools import islice
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.codec.context import CodecContext
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from .cdr import CompressedImage, Image, ImageError
from .compressed_depth import read_rvl, real_depth
from .decoder import DecodeError, check_jpeg
from .float_tiff import read_float_tiff
from .jpeg import END, MAX_PIXELS, is_jpeg, too_large
from .mosaic import SensorBits, is_mosaic
from .picture_format import (
    DEPTH_HEADER,
    PictureFormat,
    encoding_said,
    find_format,
    find_video,
    names_mosaic,
    target_said,
)
from .raw_image import Pixels, encode_jpeg

WAY_OUT = "let its publisher send jpeg or png"

# FFmpeg's names of decoders.
_DECODERS = {
    PictureFormat.JPEG: "mjpeg",
    PictureFormat.PNG: "png",
    PictureFormat.TIFF: "tiff",
    PictureFormat.BMP: "bmp",
    PictureFormat.WEBP: "webp",
    PictureFormat.JPEG_2000: "jpeg2000",
    PictureFormat.PBM: "pbm",
    PictureFormat.PGM: "pgm",
    PictureFormat.PPM: "ppm",
    PictureFormat.SUN_RASTER: "sunrast",
}
_GREY = ("gray", "ya8", "monow", "monob")
# zstd_image_transport's: height, width, is_bigendian, step, and the length of the encoding.
_ZSTD_HEADER = struct.Struct("<IIBII")
_GZIP_OR_ZLIB = 47  # for zlib: whichever it is


def to_jpeg(
    image: CompressedImage,
    to_bgr: Callable[[Image], Pixels],
    max_pixels: int = MAX_PIXELS,
    sensor: SensorBits | None = None,
) -> bytes:
    """Return the picture as a JFIF file; a JPEG without an end marker is only given one.

    ``to_bgr`` and ``sensor`` are those of :func:`.raw_image.encode_jpeg`.

    :raises ImageError: if it is no picture, a damaged one, or too large.
    """
    if is_jpeg(image.data) and not names_mosaic(image.format):
        return _with_end(image.data, max_pixels)
    return encode_jpeg(decode_image(image, max_pixels), to_bgr, max_pixels, sensor)


def _with_end(jpeg: memoryview, max_pixels: int) -> bytes:
    # What drivers fill their buffers up with is zeros.
    whole = bytes(jpeg).rstrip(b"\0") + END
    try:
        check_jpeg(memoryview(whole), max_pixels)
    except DecodeError as error:
        raise ImageError(
            "the JPEG is cut short: it has no end marker, and its data ends before the picture does"
        ) from error
    return whole


def decode_image(image: CompressedImage, max_pixels: int = MAX_PIXELS) -> Image:
    """Return the picture as an Image: grey, RGB, depth, or a Bayer mosaic.

    The data says what it is, not ``format``, but for what the pixels mean: depth, or a mosaic.

    :raises ImageError: if it is no picture, a damaged one, or too large.
    """
    found = find_format(image.data, image.format)
    if found is None:
        raise ImageError(_why_not(image))
    if found is PictureFormat.ZSTD:
        return _unpack_zstd(image, max_pixels)
    if found is PictureFormat.TIFF and (read := read_float_tiff(image.data, max_pixels)):
        name, step = f"{read.bits}FC1", read.width * read.bits // 8
        numbers = memoryview(read.data)
        return Image(
            *(image.stamp, image.frame_id, read.height, read.width, name),
            *(read.big_endian, step, numbers),
        )
    encoding = encoding_said(image.format)
    if found in (PictureFormat.COMPRESSED_DEPTH_PNG, PictureFormat.COMPRESSED_DEPTH_RVL):
        return _image(image, *_decode_depth(image.data, found, encoding, max_pixels))
    pixels, channels = _pixels(_decode(image.data, found, max_pixels))
    if channels.startswith("mono") and names_mosaic(image.format):
        # image_transport makes grey of a mosaic for JPEG; others leave it as it is.
        if target_said(image.format) == "mono8" and not is_mosaic(pixels):
            return _image(image, pixels, channels)
        channels = encoding[: len("bayer_rggb")] + channels[len("mono") :]
    return _image(image, pixels, channels)


def _why_not(image: CompressedImage) -> str:
    said = f'its format is "{image.format[:40]}"'
    if len(image.data) == 0:
        return "the message holds no picture data"
    if video := find_video(image.data, image.format):
        return (
            f"it is {video} video ({said}), and a CompressedImage has whole pictures: {WAY_OUT}, "
            "have the video decoded to an Image topic first, or give the stream's own URL to a "
            "camera node as its source"
        )
    begin = bytes(image.data[:4]).hex(" ")
    return (
        f"it is not a JPEG, nor another picture that is known: it begins with {begin} ({said}); "
        f"{WAY_OUT}"
    )


def _image(image: CompressedImage, pixels: npt.NDArray[Any], encoding: str) -> Image:
    height, width = pixels.shape[:2]
    pixels = np.ascontiguousarray(pixels)
    data = pixels.reshape(-1).view(np.uint8).data.toreadonly()
    step = pixels.strides[0]
    return Image(image.stamp, image.frame_id, height, width, encoding, False, step, data)


def _decode_depth(
    data: memoryview, found: PictureFormat, encoding: str, max_pixels: int
) -> tuple[npt.NDArray[Any], str]:
    if found is PictureFormat.COMPRESSED_DEPTH_RVL:
        values = read_rvl(data, max_pixels)
    else:
        frame = _decode(data[DEPTH_HEADER:], PictureFormat.PNG, max_pixels)
        values, channels = _pixels(frame)
        if channels != "mono16":
            raise ImageError(f"its depth (compressedDepth) is a PNG of {channels}, not of 16 bits")
    if encoding == "32FC1":
        return real_depth(data[:DEPTH_HEADER], values), encoding
    return values, "16UC1"


def _decode(data: memoryview, found: PictureFormat, max_pixels: int) -> VideoFrame:
    """Return the first picture.

    :raises ImageError: if it cannot be decoded.
    """
    options = {"max_pixels": str(max_pixels)}
    if found is PictureFormat.JPEG:  # FFmpeg's others tell half a picture without
        options["err_detect"] = "explode"
    try:
        frames = (
            _open_container(data, options)
            if found is PictureFormat.AVIF
            else _decode_packet(_DECODERS[found], data, options)
        )
    except FFmpegError as error:
        raise ImageError(
            f"its {found.value} cannot be decoded, since it is damaged, cut short, of more than "
            f"{max_pixels} pixels, or of an unusual kind ({error.strerror}): {WAY_OUT}"
        ) from error
    if not frames:
        raise ImageError(f"its {found.value} holds no picture that can be decoded: {WAY_OUT}")
    return frames[0]


def _decode_packet(decoder: str, data: memoryview, options: dict[str, str]) -> list[VideoFrame]:
    context = CodecContext.create(decoder, "r")
    assert isinstance(context, VideoCodecContext)
    context.options = options
    context.thread_count = 1
    # PyAV takes any buffer, whatever its stub says, and does not copy it.
    frames = context.decode(av.Packet(data))  # type: ignore[arg-type]
    return frames or context.decode(None)


def _open_container(data: memoryview, options: dict[str, str]) -> list[VideoFrame]:
    with av.open(io.BytesIO(data), "r", options=options, metadata_errors="replace") as container:
        for stream in container.streams.video[:1]:
            stream.codec_context.options = options
            stream.thread_type = "NONE"
            return list(islice(container.decode(stream), 1))
    return []


def _pixels(frame: VideoFrame) -> tuple[npt.NDArray[Any], str]:
    """Return the pixels, and their encoding: grey of 8 or 16 bits, or RGB of 8."""
    name = frame.format.name
    if name.startswith(("gray1", "ya16")):
        return frame.to_ndarray(format="gray16le"), "mono16"
    if name in _GREY:
        return frame.to_ndarray(format="gray"), "mono8"
    return frame.to_ndarray(format="rgb24"), "rgb8"


def _unpack_zstd(image: CompressedImage, max_pixels: int) -> Image:
    """Return what zstd_image_transport has packed (with zlib, whatever its name says)."""
    if len(image.data) < _ZSTD_HEADER.size:
        raise ImageError(f"its data (zstd) is cut short: {len(image.data)} bytes")
    height, width, big, step, length = _ZSTD_HEADER.unpack_from(image.data)
    begin = _ZSTD_HEADER.size + length
    if height * width > max_pixels:
        raise ImageError(too_large(width, height, max_pixels))
    if length > len(image.data) or step > 64 * max(width, 1):
        raise ImageError("its data (zstd) is none of zstd_image_transport's")
    encoding = bytes(image.data[_ZSTD_HEADER.size : begin]).decode("utf-8", "replace")
    try:
        inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
        # Semi-planar pictures have up to three times what height and step say.
        data = inflater.decompress(image.data[begin:], 3 * height * step)
    except zlib.error as error:
        raise ImageError(f"its data (zstd) is damaged: {error}") from error
    return Image(
        image.stamp, image.frame_id, height, width, encoding, big != 0, step, memoryview(data)
    )
