"""The codecs that a viewer can be sent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

CLOCK_RATE = 90_000  # of every video payload type, in Hz (RFC 6184, RFC 7741)


class Codec(Enum):
    """A video codec; the value is its name in parameters and, in capitals, in SDP."""

    H264 = "h264"
    VP8 = "vp8"


@dataclass(frozen=True)
class StreamSettings:
    """How pictures are encoded: ``bitrate`` in bit/s, ``framerate`` (what to expect) in 1/s."""

    bitrate: int = 2_500_000
    framerate: float = 30.0


@dataclass(frozen=True, eq=False)
class AccessUnit:
    """One encoded picture, cut for RTP.

    ``timestamp`` is its capture time at 90 kHz modulo 2**32, ``captured`` the same in nanoseconds
    on the publisher's clock; ``size`` counts the payload bytes.
    """

    payloads: tuple[bytes, ...]
    timestamp: int
    captured: int
    keyframe: bool
    size: int
