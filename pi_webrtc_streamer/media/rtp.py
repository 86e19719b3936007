"""RTP packets of one stream to one receiver (RFC 3550), with header extensions (RFC 8285)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from .codec import AccessUnit

HISTORY_SIZE = 512  # packets that can be sent again: a large key frame and what follows it
ONE_BYTE_PROFILE = 0xBEDE
_HEADER = struct.Struct("!BBHII")
_VERSION_WITH_EXTENSION = 0x90
_VERSION = 0x80
_MARKER = 0x80


class Extensions(NamedTuple):
    """The identifiers that the receiver gave the header extensions; None: not negotiated."""

    mid: int | None = None
    abs_send_time: int | None = None
    playout_delay: int | None = None


class _Sent(NamedTuple):
    sequence: int
    marker: bool
    timestamp: int
    payload: bytes


class RtpWriter:
    """Writes the packets of a stream, and again those that were lost.

    ``sequence`` and ``rtx_sequence`` are where numbering starts; ``rtx`` is the payload type and
    the SSRC of retransmissions (RFC 4588), None where they were not negotiated: packets are then
    repeated as they were. Payloads are shared with all other viewers, never copied.
    """

    def __init__(
        self,
        *,
        ssrc: int,
        payload_type: int,
        mid: str,
        extensions: Extensions,
        sequence: int,
        rtx: tuple[int, int] | None = None,
        rtx_sequence: int = 0,
    ) -> None:
        self._ssrc = ssrc
        self._payload_type = payload_type
        self._sequence = sequence
        self._rtx = rtx
        self._rtx_sequence = rtx_sequence
        self._constant_elements = _constant_elements(extensions, mid)
        self._abs_send_time = extensions.abs_send_time
        self._history: list[_Sent | None] = [None] * HISTORY_SIZE
        self.packets_sent = 0
        self.octets_sent = 0

    def packets(self, unit: AccessUnit, send_time: float) -> Iterator[bytes]:
        """Yield the packets of an access unit, to be sent at ``send_time`` (seconds, any epoch)."""
        extension = self._extension(send_time)
        last = len(unit.payloads) - 1
        for number, payload in enumerate(unit.payloads):
            sent = _Sent(self._sequence, number == last, unit.timestamp, payload)
            self._history[self._sequence % HISTORY_SIZE] = sent
            self._sequence = self._sequence + 1 & 0xFFFF
            self.packets_sent += 1
            self.octets_sent += len(payload)
            yield (
                self._header(sent, self._payload_type, sent.sequence, self._ssrc, extension)
                + payload
            )

    def retransmission(self, sequence: int, send_time: float) -> bytes | None:
        """Return a packet that carries again what ``sequence`` did; None if it is forgotten."""
        sent = self._history[sequence % HISTORY_SIZE]
        if sent is None or sent.sequence != sequence:
            return None
        extension = self._extension(send_time)
        if self._rtx is None:
            header = self._header(sent, self._payload_type, sequence, self._ssrc, extension)
            return header + sent.payload
        payload_type, ssrc = self._rtx
        header = self._header(sent, payload_type, self._rtx_sequence, ssrc, extension)
        self._rtx_sequence = self._rtx_sequence + 1 & 0xFFFF
        return header + sequence.to_bytes(2, "big") + sent.payload

    def _header(
        self, sent: _Sent, payload_type: int, sequence: int, ssrc: int, extension: bytes
    ) -> bytes:
        first = _VERSION_WITH_EXTENSION if extension else _VERSION
        second = (_MARKER if sent.marker else 0) | payload_type
        return _HEADER.pack(first, second, sequence, sent.timestamp, ssrc) + extension

    def _extension(self, send_time: float) -> bytes:
        elements = self._constant_elements
        if self._abs_send_time is not None:
            # 6.18 fixed point: seconds modulo 64
            ticks = int(send_time % 64 * 2**18) & 0xFFFFFF
            elements += bytes((self._abs_send_time << 4 | 2,)) + ticks.to_bytes(3, "big")
        if not elements:
            return b""
        elements += bytes(-len(elements) % 4)
        return struct.pack("!HH", ONE_BYTE_PROFILE, len(elements) // 4) + elements


def _constant_elements(extensions: Extensions, mid: str) -> bytes:
    elements = b""
    if extensions.mid is not None:
        name = mid.encode()
        elements += bytes((extensions.mid << 4 | len(name) - 1,)) + name
    if extensions.playout_delay is not None:
        # Both limits 0: the receiver shows a picture when it is decoded, and schedules nothing.
        elements += bytes((extensions.playout_delay << 4 | 2, 0, 0, 0))
    return elements
