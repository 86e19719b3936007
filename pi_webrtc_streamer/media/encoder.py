"""JPEG in, H.264 or VP8 out, through FFmpeg's libraries (PyAV)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from fractions import Fraction
from typing import Literal, Protocol

import av
from av.codec.context import CodecContext
from av.filter import Graph
from av.video.codeccontext import VideoCodecContext
from av.video.format import VideoFormat
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from .codec import Codec, StreamSettings

logger = logging.getLogger(__name__)

FULL_RANGE = "yuvj420p"  # JFIF: BT.601, luma 0 to 255
LIMITED_RANGE = "yuv420p"  # luma 16 to 235
SMALLEST_SIDE = 16  # pixels; libx264 opens below, receivers do not all show it
BT601 = 6  # smpte170m, in FFmpeg's numbering of primaries, transfer and matrix alike
NEVER = 1_000_000  # frames between key frames: they are sent on demand only


class DecodeError(ValueError):
    """The JPEG could not be decoded, or not to a picture that can be encoded."""


class JpegDecoder:
    """Decodes JPEG pictures, each for itself, to planar YUV 4:2:0 with even sides."""

    def __init__(self) -> None:
        self._context: VideoCodecContext = _context("mjpeg", "r")
        self._context.thread_count = 1  # frame threads would hold pictures back
        self._crop: tuple[tuple[int, int, str], Graph] | None = None

    def decode(self, data: memoryview) -> VideoFrame:
        """Return the picture in full-range 4:2:0.

        An odd last row or column is cut off, since 4:2:0 H.264 has even sides.

        :raises DecodeError: if the data is no JPEG or the picture is too small to be encoded.
        """
        try:
            # PyAV takes any buffer, whatever its stub says, and does not copy it.
            frames = self._context.decode(av.Packet(data))  # type: ignore[arg-type]
        except av.error.FFmpegError as error:
            raise DecodeError(f"the JPEG cannot be decoded: {error.strerror}") from error
        if not frames or frames[0].is_corrupt:
            raise DecodeError("the JPEG cannot be decoded: its picture data is broken")
        frame = frames[0]
        if min(frame.width, frame.height) < SMALLEST_SIDE:
            raise DecodeError(
                f"the picture of {frame.width}x{frame.height} is too small to be encoded"
            )
        if frame.format.name != FULL_RANGE:
            frame = frame.reformat(
                format=FULL_RANGE,
                src_color_range=ColorRange.JPEG,
                dst_color_range=ColorRange.JPEG,
            )
        return self._even(frame)

    def _even(self, frame: VideoFrame) -> VideoFrame:
        if frame.width % 2 == 0 and frame.height % 2 == 0:
            return frame
        size = (frame.width, frame.height, frame.format.name)
        if self._crop is None or self._crop[0] != size:
            self._crop = size, _crop_to_even(*size)
        graph = self._crop[1]
        graph.push(frame)
        cropped = graph.pull()
        assert isinstance(cropped, VideoFrame)
        return cropped


class Encoder(Protocol):
    """Encodes pictures of one size with one codec."""

    def encode(self, frame: VideoFrame, keyframe: bool) -> tuple[memoryview, bool] | None:
        """Return an access unit and whether it is a key frame, or None if none came out.

        :raises av.error.FFmpegError: if the codec fails; the encoder is then of no more use.
        """
        ...


class _PyavEncoder:
    def __init__(self, context: VideoCodecContext) -> None:
        context.open()
        self._context = context
        self._count = 0

    def encode(self, frame: VideoFrame, keyframe: bool) -> tuple[memoryview, bool] | None:
        frame.pts = self._count
        frame.time_base = self._context.time_base
        frame.pict_type = PictureType.I if keyframe or self._count == 0 else PictureType.NONE
        self._count += 1
        packets = self._context.encode(frame)
        if not packets:
            return None
        # Without lookahead and frame threads, one picture in is one packet out.
        (packet,) = packets
        return memoryview(packet).toreadonly(), packet.is_keyframe


class H264Encoder(_PyavEncoder):
    """libx264 in constrained baseline, full range, without any delay of its own."""

    def __init__(self, width: int, height: int, settings: StreamSettings) -> None:
        context = _encoder_context("libx264", width, height, settings)
        context.pix_fmt = FULL_RANGE
        context.color_range = ColorRange.JPEG
        context.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "profile": "baseline",
            "forced-idr": "1",
            "maxrate": str(settings.bitrate),
            # A tenth of a second bounds a key frame to what the link carries in three frames.
            "bufsize": str(settings.bitrate // 10),
            "x264-params": "scenecut=0:keyint=infinite",
        }
        super().__init__(context)


class Vp8Encoder(_PyavEncoder):
    """libvpx for receivers without H.264; VP8 cannot say full range, so it is converted."""

    def __init__(self, width: int, height: int, settings: StreamSettings) -> None:
        context = _encoder_context("libvpx", width, height, settings)
        context.pix_fmt = LIMITED_RANGE
        context.color_range = ColorRange.MPEG
        context.options = {
            "deadline": "realtime",
            "cpu-used": "8",
            "lag-in-frames": "0",
            "error-resilient": "1",
            "static-thresh": "1",
            "undershoot-pct": "100",
            "overshoot-pct": "15",
            "minrate": str(settings.bitrate),
            "maxrate": str(settings.bitrate),
            "bufsize": str(settings.bitrate // 2),
            "rc_init_occupancy": str(settings.bitrate // 4),
            # A key frame of at most three times the mean frame; without it, 461 kB were seen.
            "max-intra-rate": "300",
        }
        super().__init__(context)

    def encode(self, frame: VideoFrame, keyframe: bool) -> tuple[memoryview, bool] | None:
        limited = frame.reformat(
            format=LIMITED_RANGE,
            src_colorspace=Colorspace.ITU601,
            dst_colorspace=Colorspace.ITU601,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
        )
        return super().encode(limited, keyframe)


_ENCODERS: Mapping[Codec, type[H264Encoder | Vp8Encoder]] = {
    Codec.H264: H264Encoder,
    Codec.VP8: Vp8Encoder,
}


def open_encoder(codec: Codec, width: int, height: int, settings: StreamSettings) -> Encoder:
    """Open an encoder for pictures of this size.

    :raises av.error.FFmpegError: if the codec refuses the size or the settings.
    """
    return _ENCODERS[codec](width, height, settings)


def _context(name: str, mode: Literal["r", "w"]) -> VideoCodecContext:
    context = CodecContext.create(name, mode)
    assert isinstance(context, VideoCodecContext)
    return context


def _encoder_context(
    name: str, width: int, height: int, settings: StreamSettings
) -> VideoCodecContext:
    context = _context(name, "w")
    context.width, context.height = width, height
    context.framerate = Fraction(settings.framerate).limit_denominator(1001)
    context.time_base = 1 / context.framerate
    context.bit_rate = settings.bitrate
    context.gop_size = NEVER
    context.max_b_frames = 0
    context.thread_count = 1
    context.colorspace = context.color_primaries = context.color_trc = BT601
    return context


def _crop_to_even(width: int, height: int, pixel_format: str) -> Graph:
    graph = Graph()
    source = graph.add_buffer(
        width=width,
        height=height,
        format=VideoFormat(pixel_format),
        time_base=Fraction(1, 1000),
    )
    crop = graph.add("crop", f"{width // 2 * 2}:{height // 2 * 2}:0:0:exact=1")
    sink = graph.add("buffersink")
    source.link_to(crop)
    crop.link_to(sink)
    graph.configure()
    return graph
