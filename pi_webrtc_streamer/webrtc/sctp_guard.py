# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What of a driver's SCTP reaches aiortc: what one data channel needs, and no more. Pure.

aiortc trusts its peer. A parameter of length 0 holds it in a loop for ever, a list that is shorter
than it says ends the connection, and what comes out of order is kept without bounds. (RFC 9260;
3758 for FORWARD TSN, 8831 and 8832 for data channels, 6525 for RE-CONFIG.)
"""

from __future__ import annotations

from collections import Counter
from struct import unpack_from
from typing import NamedTuple

from ..runtime.rate_limit import RateLimit

LARGEST_MESSAGE = 64  # bytes
LARGEST_PACKET = 1280  # bytes; browsers send up to 1200
# A driver sends 30 commands a second, and acknowledges 20 messages.
MOST_A_SECOND = 250.0  # packets, and messages; also at once, after the network has kept some back
MOST_REPEATED = 10.0  # messages a second that have come before
# How far ahead of what has come without a gap a message may be. aiortc keeps the numbers of those
# between, and names each gap in a packet of 1200 bytes at most.
WINDOW = 500
MOST_GAPS = 64  # in an acknowledgement, and as many duplicates
MOST_ACKNOWLEDGED = 2048  # messages in all gaps of one: aiortc goes through them one by one

HEADER, CHUNK_HEADER = 12, 4  # bytes
DATA, INIT, INIT_ACK, SACK, HEARTBEAT, HEARTBEAT_ACK, ABORT = range(7)
SHUTDOWN, SHUTDOWN_ACK, ERROR, COOKIE_ECHO, COOKIE_ACK = range(7, 12)
SHUTDOWN_COMPLETE, RE_CONFIG, FORWARD_TSN = 14, 130, 192
WHOLE_AND_UNORDERED = 0b111  # U, B and E of RFC 9260, 3.3.1
BINARY, BINARY_EMPTY = 53, 57  # payload protocol identifiers (RFC 8831, 8)
# How far a sequence number may be from what has come. Half of all numbers away, a later one is an
# earlier one (RFC 1982), and one packet may go there and back.
REACH = 1 << 29


class Chunk(NamedTuple):
    """One chunk of a packet; ``body`` is without its header and padding."""

    kind: int
    flags: int
    body: bytes


class _Refusal(Exception):
    """Why a packet is refused, in one of few phrases."""


class SctpGuard:
    """Looks at each packet that a driver sends. What it keeps is of constant size.

    ``refused`` counts the packets that were, by reason. ``closing`` says whether the driver has
    begun to close its channel, or the association, whether or not that was let through.
    """

    def __init__(self) -> None:
        self.refused: Counter[str] = Counter()
        self.closing = False
        self._agreed = False  # on the first sequence numbers, from which they go on
        self._packets = RateLimit(MOST_A_SECOND, MOST_A_SECOND)
        self._messages = RateLimit(MOST_A_SECOND, MOST_A_SECOND)
        self._repeated = RateLimit(MOST_REPEATED, 3 * MOST_REPEATED)

    def passes(self, packet: bytes, now: float, received: int | None) -> bool:
        """Whether a packet may be handed on at a time, in seconds.

        ``received`` is the sequence number (TSN) up to which everything has come, None while the
        driver has not told its first one.
        """
        try:
            if not self._packets.allow(now):
                raise _Refusal("too many packets")
            chunks = _chunks(packet)
            self._check_order([chunk.kind for chunk in chunks], received)
            for chunk in chunks:
                self._check(chunk, now, received)
        except _Refusal as refusal:
            self.refused[str(refusal)] += 1
            return False
        self._agreed = self._agreed or any(
            chunk.kind in (COOKIE_ECHO, COOKIE_ACK) for chunk in chunks
        )
        return True

    def _check_order(self, kinds: list[int], received: int | None) -> None:
        """See that chunks may stand together, and come now."""
        others = [kind for kind in kinds if kind != DATA]
        if len(others) > len(set(others)):
            raise _Refusal("a chunk twice in a packet")
        if len(kinds) > 1 and not {INIT, INIT_ACK, SHUTDOWN_COMPLETE}.isdisjoint(kinds):
            raise _Refusal("a chunk that is to be alone")
        # Who could begin anew with other numbers would have those from before kept.
        if self._agreed and not {INIT, INIT_ACK}.isdisjoint(kinds):
            raise _Refusal("a second association")
        if received is None and not {SACK, COOKIE_ECHO, COOKIE_ACK}.isdisjoint(kinds):
            raise _Refusal("no association yet")
        agreeing = not {COOKIE_ECHO, COOKIE_ACK}.isdisjoint(kinds[:1])
        if not (self._agreed or agreeing) and not {DATA, FORWARD_TSN}.isdisjoint(kinds):
            raise _Refusal("no association yet")

    def _check(self, chunk: Chunk, now: float, received: int | None) -> None:
        kind, _, body = chunk
        if kind == DATA and received is not None:
            self._check_data(chunk, now, received)
        elif kind in (INIT, INIT_ACK):
            _check_init(body)
        elif kind == SACK:
            _check_sack(body)
        elif kind in (HEARTBEAT, HEARTBEAT_ACK, ABORT, ERROR):
            _check_parameters(body)
        elif kind == FORWARD_TSN:
            _check_forward(body, received)
        elif kind == SHUTDOWN:
            _require(len(body) == 4, "a malformed chunk")
            self.closing = True
        elif kind in (COOKIE_ACK, SHUTDOWN_ACK, SHUTDOWN_COMPLETE):
            _require(not body, "a malformed chunk")
        elif kind == RE_CONFIG:
            self.closing = True
            raise _Refusal("a stream to be reset")
        elif kind != COOKIE_ECHO:
            raise _Refusal("an unknown chunk")

    def _check_data(self, chunk: Chunk, now: float, received: int) -> None:
        _, flags, body = chunk
        _require(len(body) > 12, "a malformed chunk")
        number, stream, _, protocol = unpack_from("!LHHL", body)
        _require(stream == 0, "another stream")
        _require(protocol in (BINARY, BINARY_EMPTY), "no binary message")
        _require(len(body) - 12 <= LARGEST_MESSAGE, "too large a message")
        _require(
            flags & WHOLE_AND_UNORDERED == WHOLE_AND_UNORDERED, "a fragment, or an ordered message"
        )
        ahead = _distance(received, number)
        _require(-REACH <= ahead <= WINDOW, "a message too far ahead")
        if ahead > 0:
            _require(self._messages.allow(now), "too many messages")
        else:
            _require(self._repeated.allow(now), "too many repeated messages")


def _require(condition: bool, why_not: str) -> None:
    if not condition:
        raise _Refusal(why_not)


def _distance(here: int, there: int) -> int:
    """Return how much later a sequence number is than another; earlier ones are below 0."""
    return ((there - here + (1 << 31)) % (1 << 32)) - (1 << 31)


def _chunks(packet: bytes) -> list[Chunk]:
    """Take a packet to pieces, each of them padded to a multiple of 4 bytes."""
    size = len(packet)
    _require(size <= LARGEST_PACKET, "too large a packet")
    _require(size >= HEADER + CHUNK_HEADER and size % 4 == 0, "a malformed packet")
    chunks = []
    position = HEADER
    while position < size:
        kind, flags, length = unpack_from("!BBH", packet, position)
        _require(CHUNK_HEADER <= length <= size - position, "a malformed packet")
        chunks.append(Chunk(kind, flags, packet[position + CHUNK_HEADER : position + length]))
        position += _padded(length)
    return chunks


def _padded(length: int) -> int:
    return (length + 3) // 4 * 4


def _check_parameters(body: bytes) -> None:
    position = 0
    while position < len(body):
        _require(len(body) - position >= 4, "a malformed chunk")
        (length,) = unpack_from("!H", body, position + 2)
        _require(4 <= length <= len(body) - position, "a malformed chunk")
        position += _padded(length)


def _check_init(body: bytes) -> None:
    _require(len(body) >= 16, "a malformed chunk")
    tag, _, outbound, inbound, _ = unpack_from("!LLHHL", body)
    _require(bool(tag and outbound and inbound), "a malformed chunk")
    _check_parameters(body[16:])


def _check_sack(body: bytes) -> None:
    _require(len(body) >= 12, "a malformed chunk")
    gaps, duplicates = unpack_from("!HH", body, 8)
    _require(max(gaps, duplicates) <= MOST_GAPS, "too large an acknowledgement")
    _require(len(body) == 12 + 4 * (gaps + duplicates), "a malformed chunk")
    acknowledged = 0
    for place in range(gaps):
        first, last = unpack_from("!HH", body, 12 + 4 * place)
        _require(1 <= first <= last, "a malformed chunk")
        acknowledged += last - first + 1
    _require(acknowledged <= MOST_ACKNOWLEDGED, "too large an acknowledgement")


def _check_forward(body: bytes, received: int | None) -> None:
    """See that what is given up is of the one stream, at most.

    That it may go far makes aiortc forget, not keep. After an outage it does, and a driver whose
    word for it was not taken would never be heard again.
    """
    _require(len(body) in (4, 8), "a malformed chunk")
    _require(len(body) == 4 or body[4:6] == b"\0\0", "another stream")
    (number,) = unpack_from("!L", body)
    near = received is not None and abs(_distance(received, number)) <= REACH
    _require(near, "more given up than there was")
