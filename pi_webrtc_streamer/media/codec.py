# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The codecs that a viewer can be sent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .jpeg import MAX_PIXELS
from .packetiser import IPV6_MTU
from .stages import StageTimes

CLOCK_RATE = 90_000  # of every video payload type, in Hz (RFC 6184, RFC 7741)


class Codec(Enum):
    """A video codec; the value is its name in parameters and, in capitals, in SDP."""

    H264 = "h264"
    VP8 = "vp8"


@dataclass(frozen=True)
class StreamSettings:
    """How pictures are encoded: ``framerate`` is what to expect, in 1/s.

    ``h264_encoder`` is FFmpeg's name of one, or ``auto``; ``encoder_threads`` is how many of them
    libx264 has for each stream, 0: one for each core, up to four. No picture of more than
    ``max_pixels`` is decoded. ``mtu`` is the largest IP packet, in bytes.
    """

    framerate: float = 30.0
    h264_encoder: str = "auto"
    encoder_threads: int = 0
    max_pixels: int = MAX_PIXELS
    mtu: int = IPV6_MTU


@dataclass(frozen=True, eq=False)
class AccessUnit:
    """One encoded picture, cut for RTP.

    ``timestamp`` is its capture time at 90 kHz modulo 2**32; ``size`` counts the payload bytes.
    """

    payloads: tuple[bytes, ...]
    timestamp: int
    keyframe: bool
    size: int
    times: StageTimes
