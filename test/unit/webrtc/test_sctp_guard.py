# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What of SCTP reaches aiortc, and that nothing that does can harm it."""

import asyncio
from struct import pack

import pytest
from aiortc.rtcsctptransport import (
    AbortChunk,
    Chunk,
    CookieEchoChunk,
    ForwardTsnChunk,
    HeartbeatChunk,
    InitAckChunk,
    ReconfigChunk,
    SackChunk,
    ShutdownChunk,
    parse_packet,
)
from hypothesis import given
from hypothesis import strategies as st

from fuzz.control_targets import FIRST, Association, data_chunk, init
from pi_webrtc_streamer.webrtc.sctp_guard import (
    LARGEST_MESSAGE,
    LARGEST_PACKET,
    MOST_A_SECOND,
    MOST_ACKNOWLEDGED,
    MOST_GAPS,
    REACH,
    WINDOW,
    SctpGuard,
)

HEADER = pack("!HHLL", 5000, 5000, 0, 0)
BEFORE = FIRST - 1  # what has come when nothing has
KINDS = [*range(12), 14, 128, 130, 192]
ANY_NUMBER = st.integers(0, 2**32 - 1)


def chunk(kind: int, body: bytes, flags: int = 0, length: int | None = None) -> bytes:
    """Return a chunk that says any length of itself."""
    head = pack("!BBH", kind, flags, len(body) + 4 if length is None else length)
    return head + body + bytes(-len(body) % 4)


def sack(gaps: list[tuple[int, int]], duplicates: int = 0) -> SackChunk:
    sack = SackChunk()
    sack.cumulative_tsn, sack.advertised_rwnd = FIRST, 1 << 20
    sack.gaps, sack.duplicates = gaps, [FIRST] * duplicates
    return sack


def forward(number: int, *streams: tuple[int, int]) -> ForwardTsnChunk:
    forward = ForwardTsnChunk()
    forward.cumulative_tsn, forward.streams = number, list(streams)
    return forward


def with_parameters(made: Chunk, *parameters: tuple[int, bytes]) -> Chunk:
    made.params = list(parameters)
    return made


def agreed() -> SctpGuard:
    """Return a guard of an association that is there."""
    guard = SctpGuard()
    assert guard.passes(HEADER + bytes(CookieEchoChunk(body=bytes(24))), 0, BEFORE)
    return guard


GOOD = {
    "a message": data_chunk(FIRST, b"m" * LARGEST_MESSAGE),
    "one at once": data_chunk(FIRST, b"m", flags=15),
    "an empty one": data_chunk(FIRST, b"\0", protocol=57),
    "one ahead": data_chunk(BEFORE + WINDOW, b"m"),
    "an acknowledgement": sack([(2, 3), (5, 5)], duplicates=2),
    "a heartbeat": with_parameters(HeartbeatChunk(), (1, b"time")),
    "an end": with_parameters(AbortChunk(), (12, b"User-Initiated Abort")),
    "what is given up": forward(FIRST + 100_000, (0, 7)),
}


@pytest.mark.parametrize("what", GOOD)
def test_what_an_honest_driver_sends_passes(what):
    guard = agreed()
    assert guard.passes(HEADER + bytes(GOOD[what]), 1, BEFORE)
    assert not guard.refused


BAD = {
    "too large a message": data_chunk(FIRST, b"m" * (LARGEST_MESSAGE + 1)),
    "another stream": data_chunk(FIRST, b"m", stream_id=1),
    "no binary message": data_chunk(FIRST, b"m", protocol=50),
    "a fragment, or an ordered message": data_chunk(FIRST, b"m", flags=6),
    "a message too far ahead": data_chunk(FIRST + WINDOW, b"m"),
    "more given up than there was": forward(FIRST + REACH),
    "too large an acknowledgement": sack([(1, MOST_ACKNOWLEDGED + 1)]),
    "a second association": init(),
    "a stream to be reset": with_parameters(ReconfigChunk(), (13, bytes(14))),
    "an unknown chunk": chunk(64, bytes(16)),
    "a malformed packet": chunk(0, bytes(16), length=3),
    "too large a packet": chunk(4, bytes(LARGEST_PACKET)),
    "a chunk twice in a packet": bytes(ShutdownChunk(body=bytes(4))) * 2,
    "a chunk that is to be alone": bytes(data_chunk(FIRST, b"m")) + chunk(14, b""),
}


@pytest.mark.parametrize("why", BAD)
def test_what_none_sends_is_refused_and_counted(why):
    guard = agreed()
    assert not guard.passes(HEADER + bytes(BAD[why]), 1, BEFORE)
    assert guard.refused == {why: 1}
    assert guard.passes(HEADER + bytes(data_chunk(FIRST, b"m")), 1, BEFORE), "it goes on"


@pytest.mark.parametrize(
    "body",
    [
        chunk(3, bytes(8)),  # an acknowledgement cut short
        chunk(3, bytes(8) + pack("!HH", 0, 3)),  # of more duplicates than there are
        chunk(3, bytes(8) + pack("!HHHH", 1, 0, 5, 4)),  # from 5 to 4
        chunk(6, pack("!HH", 1, 0)),  # a parameter of length 0, in each chunk that has some
        chunk(9, pack("!HH", 1, 3)),
        chunk(4, pack("!HH", 1, 0)),
        chunk(5, pack("!HH", 1, 9) + b"1234"),
        chunk(7, b"\0\0"),
        chunk(192, bytes(3)),
        chunk(192, b""),
        chunk(0, bytes(12), 7),  # no message at all
        chunk(0, bytes(5), 7),
        chunk(11, b"body"),
    ],
)
def test_what_aiortc_would_raise_for_or_hang_in_is_refused(body):
    guard = agreed()
    assert not guard.passes(HEADER + body, 1, BEFORE)
    assert set(guard.refused) <= {"a malformed chunk", "a malformed packet"}


@pytest.mark.parametrize(
    "first",
    [
        data_chunk(FIRST, b"m"),
        forward(FIRST + 1),
        sack([]),
        CookieEchoChunk(body=bytes(24)),
        bytes(CookieEchoChunk(body=bytes(24))) + bytes(data_chunk(FIRST, b"m")),
    ],
)
def test_nothing_comes_before_the_first_number_is_known(first):
    guard = SctpGuard()
    assert not guard.passes(HEADER + bytes(first), 0, None)
    assert guard.refused == {"no association yet": 1}


def test_messages_may_come_with_the_cookie():
    guard = SctpGuard()
    assert guard.passes(HEADER + bytes(init()), 0, None)
    assert not guard.passes(HEADER + bytes(data_chunk(FIRST, b"m")), 0, BEFORE)
    both = bytes(CookieEchoChunk(body=bytes(24))) + bytes(data_chunk(FIRST, b"m"))
    assert guard.passes(HEADER + both, 0, BEFORE)


def test_an_association_begins_with_a_good_init():
    for change in ({"initiate_tag": 0}, {"outbound_streams": 0}, {"params": [(1, b"")]}):
        bad = init()
        for name, value in change.items():
            setattr(bad, name, value)
        whole = bytes(bad).replace(b"\0\x01\0\x04", b"\0\x01\0\0") if "params" in change else bad
        assert not SctpGuard().passes(HEADER + bytes(whole), 0, None)
    ack = InitAckChunk(body=bytes(init())[4:])
    assert SctpGuard().passes(HEADER + bytes(ack), 0, None)
    assert not SctpGuard().passes(HEADER + bytes(ack) + bytes(ack), 0, None)


def test_packets_messages_and_repetitions_have_rates():
    guard = agreed()
    heartbeat = HEADER + bytes(with_parameters(HeartbeatChunk(), (1, b"time")))
    passed = sum(guard.passes(heartbeat, 0, BEFORE) for _ in range(1000))
    assert passed == MOST_A_SECOND - 1  # and the cookie
    assert guard.refused["too many packets"] == 1000 - passed
    full = b"".join(bytes(data_chunk(FIRST + n, b"m")) for n in range(50))
    passed = sum(guard.passes(HEADER + full, 1, BEFORE) for _ in range(100))
    assert passed == MOST_A_SECOND // 50
    repeated = HEADER + bytes(data_chunk(BEFORE, b"m"))
    passed = sum(guard.passes(repeated, 2, BEFORE) for _ in range(100))
    assert 0 < passed < 50


def test_a_normal_drive_passes_whole():
    """30 commands, 20 acknowledgements and a heartbeat each second, for an hour."""
    guard = agreed()
    received = 2**32 - 5000  # it wraps around
    for tick in range(36_000):
        now = tick / 10
        for _ in range(3):
            number = (received + 1) % 2**32
            assert guard.passes(HEADER + bytes(data_chunk(number, b"m" * 40)), now, received)
            received = number
        for _ in range(2):
            assert guard.passes(HEADER + bytes(GOOD["an acknowledgement"]), now, received)
    assert not guard.refused


distances = st.one_of(
    st.integers(-20, 2 * WINDOW),
    st.sampled_from([n * REACH + d for n in range(-4, 5) for d in (-1, 0, 1)]),
)
chunks = st.one_of(
    st.builds(
        lambda ahead, size, flags, stream, order, protocol: (
            "data",
            ahead,
            data_chunk(
                0, b"m" * size, flags, stream_id=stream, stream_seq=order, protocol=protocol
            ),
        ),
        distances,
        st.integers(1, 80),
        st.sampled_from([7, 7, 7, 15, 6, 5, 3]),
        st.sampled_from([0, 0, 0, 1]),
        st.sampled_from([0, 0, 9, 40_000]),
        st.sampled_from([53, 53, 57, 50, 51]),
    ),
    st.builds(
        lambda ahead, streams: ("forward", ahead, forward(0, *streams)),
        distances,
        st.lists(st.tuples(st.integers(0, 1), st.integers(0, 65_535)), max_size=2),
    ),
    st.builds(
        lambda ahead, gaps, duplicates: ("sack", ahead, sack(gaps, duplicates)),
        st.integers(-3, 3),
        st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3000)), max_size=5),
        st.integers(0, MOST_GAPS + 1),
    ),
    st.builds(
        lambda kind, body, length: ("bytes", 0, chunk(kind, body, 0, length)),
        st.sampled_from(KINDS),
        st.binary(max_size=40),
        st.one_of(st.none(), st.none(), st.integers(0, 50)),
    ),
    st.builds(
        lambda kind, parameters: (
            "bytes",
            0,
            chunk(kind, b"".join(pack("!HH", 1, size) + body for size, body in parameters)),
        ),
        st.sampled_from([4, 5, 6, 9, 130]),
        st.lists(st.tuples(st.integers(0, 12), st.binary(max_size=8)), max_size=3),
    ),
    st.builds(lambda number: ("init", number, init()), ANY_NUMBER),
)
packets = st.lists(chunks, min_size=1, max_size=4)


def numbered(association: Association, kind: str, ahead: int, made: Chunk | bytes) -> bytes:
    """Give a chunk its number, relative to where the association is."""
    sctp = association.sctp
    if kind in ("data", "forward"):
        number = ((sctp._last_received_tsn or 0) + ahead) % 2**32
        setattr(made, "tsn" if kind == "data" else "cumulative_tsn", number)
    elif kind == "sack":
        made.cumulative_tsn = (sctp._last_sacked_tsn + ahead) % 2**32
    elif kind == "init":
        made.initial_tsn = ahead
    return bytes(made)


@given(st.booleans(), st.lists(st.one_of(packets, st.just("send")), max_size=60))
def test_whatever_is_sent_aiortc_stays_well(established, session):
    """The association checks after each packet what aiortc keeps, and that it raised nothing."""

    async def run() -> None:
        association = await Association.make(established)
        for packet in session:
            if packet == "send":
                if association.channel.ready:
                    await association.channel.send(b"status")
                continue
            await association.take(b"".join(numbered(association, *each) for each in packet))
        await association.close()

    asyncio.run(run())


@given(st.lists(st.binary(max_size=60), max_size=5), st.one_of(st.none(), ANY_NUMBER))
def test_what_passes_can_be_read(bodies, received):
    async def packet() -> bytes:
        association = Association()
        return association.packet(b"".join(bodies))

    data = asyncio.run(packet())
    for guard in (SctpGuard(), agreed()):
        if guard.passes(data, 0, received):
            assert parse_packet(data)[3]
