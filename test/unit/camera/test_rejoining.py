# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Coded pictures in several packets."""

from fractions import Fraction

import av
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.camera.rejoining import Arrived, Rejoining


def packet(stamp, data, key):
    made = av.Packet(data)
    made.pts, made.time_base, made.is_keyframe = stamp, Fraction(1, 10), key
    return made


def rejoined(packets):
    """Return stamp, data and arrival of each picture, as they become whole."""
    rejoining = Rejoining()
    return [
        [(whole.packet.pts, bytes(whole.packet), whole.at) for whole in rejoining.add(arrived)]
        for arrived in (Arrived(each, float(at), True) for at, each in enumerate(packets))
    ]


def test_the_parts_of_a_key_frame_are_joined_once_it_is_known_that_there_are_any():
    first = [packet(0, b"a", True), packet(0, b"b", True), packet(1, b"p", False)]
    second = [packet(2, b"c", True), packet(2, b"d", True), packet(3, b"q", False)]
    assert rejoined(first + second) == [
        [(0, b"a", 0)], [(0, b"b", 1)], [(1, b"p", 2)], [], [(2, b"cd", 3)], [(3, b"q", 5)],
    ]  # fmt: skip


def test_key_frames_that_come_whole_again_are_held_once():
    parts = [packet(0, b"a", True), packet(0, b"b", True)]
    whole = [packet(1, b"c", True), packet(2, b"d", True), packet(3, b"e", True)]
    assert rejoined(parts + whole)[2:] == [[], [(1, b"c", 2), (2, b"d", 3)], [(3, b"e", 4)]]


@given(st.lists(st.tuples(st.integers(1, 4), st.booleans()), max_size=30))
def test_nothing_is_lost_nor_out_of_order(pictures):
    packets = [
        packet(stamp, bytes([stamp, part]), key)
        for stamp, (parts, key) in enumerate(pictures)
        for part in range(parts)
    ]
    packets.append(packet(len(pictures), b"end", False))
    data = b"".join(data for wholes in rejoined(packets) for _, data, _ in wholes)
    assert data == b"".join(map(bytes, packets))


@given(st.lists(st.booleans()))
def test_pictures_without_stamps_are_not_held(keys):
    assert all(len(wholes) == 1 for wholes in rejoined([packet(None, b"x", key) for key in keys]))
