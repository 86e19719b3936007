# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Cuts access units into RTP payloads: H.264 (RFC 6184) and VP8 (RFC 7741).

The payloads of one fragmented unit are of equal size, but for the last one where the length does
not divide: equal packets can leave in a single system call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

IPV6_MTU = 1280  # bytes that every network with IPv6 carries
# 48 bytes of IPv6 and UDP, 12 of RTP, 20 of header extensions, 16 of SRTP authentication (AEAD), 2
# of a retransmission's sequence number, and 2 to spare.
AROUND_PAYLOAD = 100
MAX_PAYLOAD = IPV6_MTU - AROUND_PAYLOAD

_STAP_A, _FU_A = 24, 28
_FU_START, _FU_END = 0x80, 0x40
_VP8_EXTENDED, _VP8_START, _VP8_HAS_PICTURE_ID = 0x80, 0x10, 0x80


class Packetiser(Protocol):
    """Makes RTP payloads of a codec's access units."""

    def packetise(self, unit: memoryview) -> list[bytes]:
        """Return the payloads of one access unit, in order; the last one gets the marker bit."""
        ...


class H264Packetiser:
    """RFC 6184 in packetization mode 1: single NAL units, STAP-A for small ones, FU-A for large."""

    def __init__(self, max_payload: int = MAX_PAYLOAD) -> None:
        self._max_payload = max_payload

    def packetise(self, unit: memoryview) -> list[bytes]:
        """Return the payloads of an access unit in Annex B form (NAL units after start codes)."""
        payloads: list[bytes] = []
        small: list[memoryview] = []
        for nal in split_annex_b(unit):
            if small and _stap_size([*small, nal]) > self._max_payload:
                payloads.append(_aggregate(small))
                small = []
            if len(nal) > self._max_payload:
                payloads.extend(self._fragment(nal))
            else:
                small.append(nal)
        if small:
            payloads.append(_aggregate(small))
        return payloads

    def _fragment(self, nal: memoryview) -> Iterator[bytes]:
        header = nal[0]
        indicator = header & 0xE0 | _FU_A
        parts = split_evenly(nal[1:], self._max_payload - 2)
        for number, part in enumerate(parts):
            position = (_FU_START if number == 0 else 0) | (
                _FU_END if number == len(parts) - 1 else 0
            )
            yield bytes((indicator, position | header & 0x1F)) + part


class Vp8Packetiser:
    """RFC 7741 with a 15-bit picture id, one partition a frame as far as RTP is concerned."""

    def __init__(self, max_payload: int = MAX_PAYLOAD) -> None:
        self._max_payload = max_payload
        self._picture_id = 0

    def packetise(self, unit: memoryview) -> list[bytes]:
        """Return the payloads of a VP8 frame."""
        self._picture_id = self._picture_id + 1 & 0x7FFF
        picture_id = (0x8000 | self._picture_id).to_bytes(2, "big")
        payloads = []
        for number, part in enumerate(split_evenly(unit, self._max_payload - 4)):
            start = _VP8_START if number == 0 else 0
            descriptor = bytes((_VP8_EXTENDED | start, _VP8_HAS_PICTURE_ID)) + picture_id
            payloads.append(descriptor + part)
        return payloads


def split_annex_b(unit: memoryview) -> Iterator[memoryview]:
    """Yield the NAL units between the start codes (00 00 01, with or without a further zero)."""
    octets = bytes(unit)  # find() is what makes this fast, and a memoryview has none
    start = octets.find(b"\0\0\1")
    while start >= 0:
        start += 3
        following = octets.find(b"\0\0\1", start)
        end = len(octets) if following < 0 else following
        # Zeros before a start code belong to it; a NAL unit never ends in one (H.264, 7.4.1).
        while end > start and octets[end - 1] == 0:
            end -= 1
        if end > start:
            yield unit[start:end]
        start = following


def split_evenly(data: memoryview, most: int) -> Sequence[memoryview]:
    """Cut data into the fewest parts of at most ``most`` bytes, all of one size but the last."""
    count = max(1, -(-len(data) // most))
    size = max(1, -(-len(data) // count))
    return [data[offset : offset + size] for offset in range(0, max(1, len(data)), size)]


def _stap_size(nals: Sequence[memoryview]) -> int:
    return 1 + sum(2 + len(nal) for nal in nals)


def _aggregate(nals: Sequence[memoryview]) -> bytes:
    if len(nals) == 1:
        return bytes(nals[0])
    importance = max(nal[0] & 0x60 for nal in nals)
    units = b"".join(len(nal).to_bytes(2, "big") + nal for nal in nals)
    return bytes((importance | _STAP_A,)) + units
