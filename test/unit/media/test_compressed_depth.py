# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Depth as compressed_depth_image_transport packs it."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pi_webrtc_streamer.media.cdr import ImageError
from pi_webrtc_streamer.media.compressed_depth import read_rvl, real_depth

MAX_PIXELS = 10_000
# What compressed_depth_image_transport's own encoder (5.1) made of it.
RECORDED = bytes.fromhex("c2f18d62f38ea81323f3ffbf00000000")
PICTURE = [[0, 0, 0, 0, 0], [0, 500, 510, 0, 65535], [1, 2, 0, 0, 0]]


def packed(data: bytes, columns: int, rows: int) -> memoryview:
    return memoryview(struct.pack("<12xII", columns, rows) + data)


def rvl(values: list[int]) -> bytes:
    """Encode runs of zeros and of differences; numbers go out in half bytes of three bits each."""
    numbers, at, last = [], 0, 0
    while at < len(values):
        zeros = next((n for n, each in enumerate(values[at:]) if each), len(values) - at)
        at += zeros
        run = next((n for n, each in enumerate(values[at:]) if not each), len(values) - at)
        numbers += [zeros, run]
        for each in values[at : at + run]:
            numbers.append((each - last) * 2 if each >= last else (last - each) * 2 - 1)
            last = each
        at += run
    halves = []
    for number in numbers:
        while number > 7:
            halves.append(number & 7 | 8)
            number >>= 3
        halves.append(number)
    halves += [0] * (-len(halves) % 8)
    words = [
        int("".join(f"{half:x}" for half in halves[n : n + 8]), 16)
        for n in range(0, len(halves), 8)
    ]
    return struct.pack(f"<{len(words)}I", *words)


def test_what_the_real_encoder_wrote():
    assert read_rvl(packed(RECORDED, 5, 3), MAX_PIXELS).tolist() == PICTURE


values = st.one_of(st.just(0), st.integers(0, 20), st.integers(0, 2**16 - 1))


@given(arrays.arrays(np.uint16, arrays.array_shapes(min_dims=2, max_dims=2), elements=values))
def test_every_picture_comes_back(picture):
    rows, columns = picture.shape
    data = packed(rvl(picture.ravel().tolist()), columns, rows)
    assert (read_rvl(data, MAX_PIXELS) == picture).all()


@given(st.binary(max_size=200))
def test_any_bytes_give_a_picture_or_an_image_error(data):
    try:
        picture = read_rvl(memoryview(data), MAX_PIXELS)
    except ImageError:
        return
    assert picture.size <= MAX_PIXELS


@given(st.binary(max_size=200), st.integers(1, 20), st.integers(1, 20))
def test_any_data_of_a_small_picture(data, columns, rows):
    try:
        assert read_rvl(packed(data, columns, rows), MAX_PIXELS).shape == (rows, columns)
    except ImageError:
        return


def test_a_picture_too_large_is_not_decoded():
    with pytest.raises(ImageError, match="40000x50000 has more than 10000 pixels"):
        read_rvl(packed(RECORDED, 40_000, 50_000), MAX_PIXELS)


@given(st.lists(st.floats(0.3, 9.9), min_size=1, max_size=50))
def test_depth_in_metres_comes_back(metres):
    """Quantised as the encoder does, with its depth_quantization of 100 and depth_max of 10."""
    depth = np.array(metres, np.float32)
    a = np.float32(100 * 101)
    b = np.float32(1) - a / np.float32(10)
    header = memoryview(struct.pack("<4xff", a, b))
    values = (a / depth + b).astype(np.uint16)
    assert np.abs(real_depth(header, values) / depth - 1).max() < 0.02


def test_depth_that_is_unknown():
    header = memoryview(struct.pack("<4xff", 100, 0.5))
    assert np.isnan(real_depth(header, np.array([0, 7], np.uint16))).tolist() == [True, False]
