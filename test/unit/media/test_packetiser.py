# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""RTP payloads: what is cut is put together again, by aiortc's reading of the RFCs."""

import math

from aiortc.codecs.h264 import H264PayloadDescriptor
from aiortc.codecs.vpx import VpxPayloadDescriptor
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.media.packetiser import (
    MAX_PAYLOAD,
    H264Packetiser,
    Vp8Packetiser,
    split_annex_b,
    split_evenly,
)

START_CODES = (b"\0\0\1", b"\0\0\0\1")


@st.composite
def nal_units(draw) -> bytes:
    """A NAL unit: no start code inside, no zero at its end (H.264, 7.4.1)."""
    kind = draw(st.integers(1, 12))
    importance = draw(st.integers(0, 3))
    size = draw(st.one_of(st.integers(0, 40), st.integers(0, 5 * MAX_PAYLOAD)))
    filler = draw(st.integers(3, 255))
    body = (draw(st.binary(max_size=32)) + bytes([filler]) * size).replace(b"\0\0", b"\3\3")
    return bytes([importance << 5 | kind]) + body.replace(b"\0", b"\3") + b"\x80"


@given(st.lists(st.tuples(st.sampled_from(START_CODES), nal_units()), min_size=1, max_size=6))
def test_h264_comes_out_as_it_went_in(parts):
    unit = b"".join(code + nal for code, nal in parts)

    payloads = H264Packetiser().packetise(memoryview(unit))

    assert all(0 < len(payload) <= MAX_PAYLOAD for payload in payloads)
    put_together = b"".join(H264PayloadDescriptor.parse(payload)[1] for payload in payloads)
    assert put_together == b"".join(b"\0\0\0\1" + nal for _, nal in parts)


@given(st.integers(1, 40 * MAX_PAYLOAD))
def test_fragments_of_a_large_picture_are_of_equal_size(size):
    nal = b"\x65" + b"\x11" * size
    payloads = H264Packetiser().packetise(memoryview(b"\0\0\1" + nal))
    assert len({len(payload) for payload in payloads[:-1]}) <= 1
    assert len(payloads[-1]) <= len(payloads[0])
    fits = len(nal) <= MAX_PAYLOAD
    assert len(payloads) == (1 if fits else math.ceil(size / (MAX_PAYLOAD - 2)))


@given(st.binary(min_size=1, max_size=4 * MAX_PAYLOAD), st.integers(1, 3))
def test_vp8_comes_out_as_it_went_in(frame, count):
    packetiser = Vp8Packetiser()
    for number in range(1, count + 1):
        payloads = packetiser.packetise(memoryview(frame))
        parsed = [VpxPayloadDescriptor.parse(payload) for payload in payloads]
        assert b"".join(rest for _, rest in parsed) == frame
        assert [bool(descriptor.partition_start) for descriptor, _ in parsed] == [
            index == 0 for index in range(len(parsed))
        ]
        assert {descriptor.picture_id for descriptor, _ in parsed} == {number}
        assert all(len(payload) <= MAX_PAYLOAD for payload in payloads)


def test_the_vp8_picture_id_wraps_at_15_bits():
    packetiser = Vp8Packetiser()
    ids = []
    for _ in range(2**15 + 2):
        (payload,) = packetiser.packetise(memoryview(b"x"))
        ids.append(VpxPayloadDescriptor.parse(payload)[0].picture_id)
    assert ids[0] == 1
    assert ids[-3:] == [0, 1, 2]


@given(st.binary(max_size=500))
def test_annex_b_splitting_never_fails(data):
    nals = list(split_annex_b(memoryview(data)))
    assert all(nal in data for nal in map(bytes, nals))


@given(st.binary(max_size=2000), st.integers(1, 300))
def test_even_parts_are_the_fewest_and_make_the_whole(data, most):
    parts = split_evenly(memoryview(data), most)
    assert b"".join(parts) == data
    assert len(parts) == max(1, math.ceil(len(data) / most))
    assert all(len(part) <= most for part in parts)
    assert len({len(part) for part in parts[:-1]}) <= 1
