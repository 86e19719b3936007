# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Coded pictures of a live stream, and those put together that were taken apart on their way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, cast

from av.packet import Packet
from av.video.stream import VideoStream

if TYPE_CHECKING:
    VideoPacket = Packet[VideoStream]  # has no parameter when the program runs


class Arrived(NamedTuple):
    """A coded picture, and when it began to come (s, monotonic clock).

    Unless ``known``, that is the latest it can have been.
    """

    packet: VideoPacket
    at: float
    known: bool


class Rejoining:
    """Joins the parts of key frames that come in several packets with one stamp.

    GStreamer repeats the parameter sets before each slice of a key frame. FFmpeg's parser takes
    them for the beginning of another picture, and a decoder would show each part for itself. That
    there are several is seen at the first key frame; from then on, as many are waited for.
    """

    def __init__(self) -> None:
        self._usual = 1  # parts of a key frame
        self._held: Arrived | None = None
        self._stamp: int | None = None
        self._count = 0

    def add(self, arrived: Arrived) -> Iterator[Arrived]:
        """Take the next packet; yields what is whole now."""
        packet = arrived.packet
        if packet.pts is None or packet.pts != self._stamp:
            if self._held is not None:
                self._usual = self._count  # fewer than before
                yield self._held
            self._held, self._stamp, self._count = None, packet.pts, 0
        self._count += 1
        self._usual = max(self._usual, self._count)
        whole = arrived if self._held is None else _join(self._held, arrived)
        waits = packet.is_keyframe and self._count < self._usual
        self._held = whole if waits else None
        if not waits:
            yield whole


def _join(first: Arrived, rest: Arrived) -> Arrived:
    whole = Packet(bytes(first.packet) + bytes(rest.packet))
    whole.pts, whole.time_base = rest.packet.pts, rest.packet.time_base
    return first._replace(packet=cast("VideoPacket", whole))
