# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""RTP packets of one stream to one receiver (RFC 3550), with header extensions (RFC 8285)."""

from __future__ import annotations

import struct
from collections import deque
from typing import NamedTuple

from ..media.codec import AccessUnit

# Packets that can be sent again. A whole unit is kept or forgotten, so that a large key frame does
# not push itself out.
HISTORY_SIZE = 512
ONE_BYTE_PROFILE = 0xBEDE
ONE_BYTE_IDS = range(1, 15)
LONGEST_ELEMENT = 16  # bytes
_HEADER = "!BBHII"
_VERSION_WITH_EXTENSION = 0x90
_VERSION = 0x80
_PADDING = 0x20
_MARKER = 0x80
_MOST_PADDING = 255  # bytes in a packet (RFC 3550, 5.1)


class Extensions(NamedTuple):
    """The identifiers that the receiver gave the header extensions; None: not negotiated."""

    mid: int | None = None
    abs_send_time: int | None = None
    playout_delay: int | None = None

    def writable(self, mid: str) -> Extensions:
        """Return those that the one-byte form can carry, given the value of mid."""
        usable = [number if number in ONE_BYTE_IDS else None for number in self]
        if not 1 <= len(mid.encode()) <= LONGEST_ELEMENT:
            usable[0] = None
        return Extensions(*usable)


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
        extensions = extensions.writable(mid)
        self._constant_elements = _constant_elements(extensions, mid)
        self._abs_send_time = extensions.abs_send_time
        self._header = struct.Struct(_HEADER + f"{len(self._extension(0))}s")
        self._first = _VERSION if self._header.size == 12 else _VERSION_WITH_EXTENSION
        self._history: deque[tuple[int, AccessUnit]] = deque()
        self._remembered = 0
        self.packets_sent = 0
        self.octets_sent = 0

    def packets(self, unit: AccessUnit, send_time: float) -> list[bytes]:
        """Return the packets of an access unit, to be sent at ``send_time``.

        In seconds of a clock that is never set: receivers estimate the link by it.
        """
        pack, first, plain = self._header.pack, self._first, self._payload_type
        marked = _MARKER | plain
        timestamp, ssrc = unit.timestamp, self._ssrc
        extension = self._extension(send_time)
        self._remember(unit)
        sequence = self._sequence
        last = len(unit.payloads) - 1
        packets = []
        for number, payload in enumerate(unit.payloads):
            second = marked if number == last else plain
            packets.append(pack(first, second, sequence, timestamp, ssrc, extension) + payload)
            sequence = sequence + 1 & 0xFFFF
        self._sequence = sequence
        self.packets_sent += len(packets)
        self.octets_sent += unit.size
        return packets

    def repetitions(self, unit: AccessUnit, send_time: float) -> list[bytes]:
        """Return the packets of the newest unit once more; none without RFC 4588, by which the
        receiver tells them from the first ones.
        """
        if self._rtx is None:
            return []
        first = self._sequence - len(unit.payloads)
        return [
            self._again(first + index & 0xFFFF, unit, index, send_time)
            for index in range(len(unit.payloads))
        ]

    def retransmission(self, sequence: int, send_time: float) -> bytes | None:
        """Return a packet that carries again what ``sequence`` did; None if it is forgotten."""
        for first_sequence, unit in reversed(self._history):
            index = sequence - first_sequence & 0xFFFF
            if index < len(unit.payloads):
                return self._again(sequence, unit, index, send_time)
        return None

    @property
    def can_pad(self) -> bool:
        """Whether packets without a payload can be sent: where retransmission was negotiated, whose
        numbering they may use up.
        """
        return self._rtx is not None

    def padding(self, octets: int, timestamp: int, send_time: float) -> list[bytes]:
        """Return packets of at least so many octets altogether, of which receivers show nothing."""
        if self._rtx is None:
            return []
        payload_type, ssrc = self._rtx
        extension = self._extension(send_time)
        payload = bytes(_MOST_PADDING - 1) + bytes((_MOST_PADDING,))
        packets = []
        for _ in range(-(-octets // (self._header.size + _MOST_PADDING))):
            number, self._rtx_sequence = self._rtx_sequence, self._rtx_sequence + 1 & 0xFFFF
            header = self._header.pack(
                self._first | _PADDING, payload_type, number, timestamp, ssrc, extension
            )
            packets.append(header + payload)
        return packets

    def _again(self, sequence: int, unit: AccessUnit, index: int, send_time: float) -> bytes:
        marker = _MARKER if index == len(unit.payloads) - 1 else 0
        extension = self._extension(send_time)
        payload = unit.payloads[index]
        payload_type, ssrc, number = self._payload_type, self._ssrc, sequence
        if self._rtx is not None:
            payload_type, ssrc = self._rtx
            number, self._rtx_sequence = self._rtx_sequence, self._rtx_sequence + 1 & 0xFFFF
            payload = sequence.to_bytes(2, "big") + payload
        header = self._header.pack(
            self._first, marker | payload_type, number, unit.timestamp, ssrc, extension
        )
        return header + payload

    def _remember(self, unit: AccessUnit) -> None:
        if unit.keyframe:  # nobody needs what came before it any more
            self._history.clear()
            self._remembered = 0
        self._history.append((self._sequence, unit))
        self._remembered += len(unit.payloads)
        while len(self._history) > 1 and (
            self._remembered - len(self._history[0][1].payloads) >= HISTORY_SIZE
        ):
            self._remembered -= len(self._history.popleft()[1].payloads)

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
