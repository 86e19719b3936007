# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures in, H.264 or VP8 out, through FFmpeg's libraries (PyAV)."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Mapping
from fractions import Fraction
from os import sched_getaffinity
from typing import Protocol

from av.codec.context import CodecContext
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from . import live
from .codec import Codec, StreamSettings
from .planes import FULL_RANGE
from .tiers import Tier

logger = logging.getLogger(__name__)

LIMITED_RANGE = "yuv420p"  # luma 16 to 235
BT601 = 6  # smpte170m, in FFmpeg's numbering of primaries, transfer and matrix alike
SMALLEST_CHANGE = 0.05  # share of a bitrate below which it is left as it is
REOPEN_CHANGE = 0.25  # share from which on an encoder is opened anew for it
MOST_SLICES = 4  # more cost more bits than they save time
HELD_BACK = "it holds pictures back"
TRIALS = 5  # pictures
NEVER = 1_000_000  # frames between key frames: they are sent on demand only


class Encoder(Protocol):
    """Encodes pictures of one size with one codec."""

    @property
    def name(self) -> str:
        """FFmpeg's name of the encoder."""
        ...

    def suits(self, frame: VideoFrame, bitrate: int) -> bool:
        """Whether this encoder can take the picture and go to this bitrate, in bit/s."""
        ...

    def set_bitrate(self, bitrate: int) -> None:
        """Encode at another bitrate from now on."""
        ...

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
        live.encoders.add(self)

    @property
    def name(self) -> str:
        return self._context.name

    def suits(self, frame: VideoFrame, bitrate: int) -> bool:
        return (frame.width, frame.height) == (self._context.width, self._context.height)

    def set_bitrate(self, bitrate: int) -> None:
        if abs(bitrate - (self._context.bit_rate or 0)) > SMALLEST_CHANGE * bitrate:
            self._context.bit_rate = bitrate

    def encode(self, frame: VideoFrame, keyframe: bool) -> tuple[memoryview, bool] | None:
        frame.pts = self._count
        frame.time_base = self._context.time_base
        frame.pict_type = PictureType.I if keyframe or self._count == 0 else PictureType.NONE
        self._count += 1
        packets = self._context.encode(frame)
        if not packets:
            return None
        # Without lookahead and frame threads, one picture in is one packet out. Another picture
        # than this one would be shown with the wrong time, and every later one, too.
        (packet,) = packets
        if packet.pts != frame.pts:
            raise FFmpegError(errno.EAGAIN, HELD_BACK)
        return memoryview(packet).toreadonly(), packet.is_keyframe


class X264Encoder(_PyavEncoder):
    """libx264 in constrained baseline, full range, without any delay of its own.

    Its bitrate changes at once and without a key frame, up to the tier's highest, for which it is
    opened. Its threads share one picture, in slices, and never hold one back.
    """

    def __init__(
        self, width: int, height: int, tier: Tier, settings: StreamSettings, bitrate: int
    ) -> None:
        context = _encoder_context("libx264", width, height, settings, bitrate)
        context.thread_count = settings.encoder_threads or min(
            len(sched_getaffinity(0)), MOST_SLICES
        )
        context.thread_type = "SLICE"
        context.pix_fmt = FULL_RANGE
        context.color_range = ColorRange.JPEG
        context.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "profile": "baseline",
            "forced-idr": "1",
            # As high as the bitrate: libx264 changes the bitrate of an open encoder only then.
            "maxrate": str(tier.highest),
            # A fifth of a second bounds a key frame to 27 kB at 2.5 Mbit/s; with a tenth, pictures
            # of much detail would get 60 % of the bitrate.
            "bufsize": str(tier.highest // 5),
            "x264-params": "scenecut=0:keyint=infinite",
        }
        super().__init__(context)


class _FixedEncoder(_PyavEncoder):
    """Takes limited range, and no other bitrate once it is open.

    It is opened anew for a change that matters.
    """

    def __init__(self, context: VideoCodecContext, bitrate: int) -> None:
        context.pix_fmt = LIMITED_RANGE
        context.color_range = ColorRange.MPEG
        super().__init__(context)
        self._bitrate = bitrate

    def suits(self, frame: VideoFrame, bitrate: int) -> bool:
        near = abs(bitrate - self._bitrate) <= REOPEN_CHANGE * self._bitrate
        return near and super().suits(frame, bitrate)

    def set_bitrate(self, bitrate: int) -> None:
        pass

    def encode(self, frame: VideoFrame, keyframe: bool) -> tuple[memoryview, bool] | None:
        return super().encode(_to_limited_range(frame), keyframe)


class V4l2H264Encoder(_FixedEncoder):
    """The Raspberry Pi 4's encoder, behind the kernel's V4L2.

    FFmpeg tells it the bitrate only when it is opened, and does not wait for what comes out if the
    driver has let go of what went in (libavcodec/v4l2_m2m_enc.c). From then on there would be a
    picture's delay.
    """

    def __init__(
        self, width: int, height: int, tier: Tier, settings: StreamSettings, bitrate: int
    ) -> None:
        context = _encoder_context("h264_v4l2m2m", width, height, settings, bitrate)
        context.profile = "Constrained Baseline"  # as offered; without this, it would be High
        super().__init__(context, bitrate)

    def encode(self, frame: VideoFrame, keyframe: bool) -> tuple[memoryview, bool]:
        try:
            encoded = super().encode(frame, keyframe)
            if encoded is None:
                raise FFmpegError(errno.EAGAIN, HELD_BACK)
        except FFmpegError as error:
            _hardware.give_up(error)
            raise
        return encoded


class Vp8Encoder(_FixedEncoder):
    """libvpx for receivers without H.264; VP8 cannot say full range, so it is converted."""

    def __init__(
        self, width: int, height: int, tier: Tier, settings: StreamSettings, bitrate: int
    ) -> None:
        context = _encoder_context("libvpx", width, height, settings, bitrate)
        context.options = {
            "deadline": "realtime",
            # A fixed speed: left to choose one by itself, libvpx takes 3 ms more at 1280x720, for
            # half a decibel. With threads, every twentieth picture took 170 ms.
            "cpu-used": "-12",
            "lag-in-frames": "0",
            "error-resilient": "1",
            "static-thresh": "1",
            "undershoot-pct": "100",
            "overshoot-pct": "15",
            "minrate": str(bitrate),
            "maxrate": str(bitrate),
            "bufsize": str(bitrate // 2),
            "rc_init_occupancy": str(bitrate // 4),
            # A key frame of at most three times the mean frame; without it, 461 kB were seen.
            "max-intra-rate": "300",
        }
        super().__init__(context, bitrate)


_ENCODERS: Mapping[str, Callable[[int, int, Tier, StreamSettings, int], Encoder]] = {
    "h264_v4l2m2m": V4l2H264Encoder,
    "libx264": X264Encoder,
    "libvpx": Vp8Encoder,
}


def open_encoder(
    codec: Codec, frame: VideoFrame, tier: Tier, settings: StreamSettings, bitrate: int
) -> Encoder:
    """Open an encoder for pictures like this one.

    :raises av.error.FFmpegError: if the codec refuses the size or the settings.
    """
    name = "libvpx" if codec is Codec.VP8 else settings.h264_encoder
    if name == "auto":
        name = "h264_v4l2m2m" if _hardware.works() else "libx264"
    encoder = _ENCODERS[name](frame.width, frame.height, tier, settings, bitrate)
    logger.info(
        "%s opened for %dx%d (%s), %.0f kbit/s",
        name,
        frame.width,
        frame.height,
        tier.name,
        bitrate / 1000,
    )
    return encoder


class _Hardware:
    """Whether the hardware's H.264 encoder works here: tried once, and no more after it failed."""

    def __init__(self) -> None:
        self._works: bool | None = None

    def works(self) -> bool:
        """Whether it does; the first time, by encoding real pictures."""
        if self._works is None:
            try:
                _try_hardware()
            except (FFmpegError, ValueError) as error:
                logger.info("no hardware encoder for H.264 (%s): using libx264", error)
                self._works = False
            else:
                logger.info("the hardware's encoder for H.264 works")
                self._works = True
        return self._works

    def give_up(self, error: FFmpegError) -> None:
        """Let libx264 be used from now on."""
        if self._works:
            logger.warning("the hardware's encoder for H.264 has failed (%s)", error)
            self._works = False


_hardware = _Hardware()


def _try_hardware() -> None:
    """Encode some pictures.

    :raises av.error.FFmpegError: if it does not work, or holds pictures back.
    """
    tier = Tier(0, 1, 1_000_000, 1_000_000)
    frame = VideoFrame(640, 480, FULL_RANGE)
    encoder = V4l2H264Encoder(frame.width, frame.height, tier, StreamSettings(), tier.highest)
    for _ in range(TRIALS):
        encoder.encode(frame, keyframe=False)


def _to_limited_range(frame: VideoFrame) -> VideoFrame:
    return frame.reformat(
        format=LIMITED_RANGE,
        src_colorspace=Colorspace.ITU601,
        dst_colorspace=Colorspace.ITU601,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
    )


def _encoder_context(
    name: str, width: int, height: int, settings: StreamSettings, bitrate: int
) -> VideoCodecContext:
    context = CodecContext.create(name, "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height = width, height
    context.framerate = Fraction(settings.framerate).limit_denominator(1001)
    context.time_base = 1 / context.framerate
    context.bit_rate = bitrate
    context.gop_size = NEVER
    context.max_b_frames = 0
    context.thread_count = 1
    context.colorspace = context.color_primaries = context.color_trc = BT601
    return context
