# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Planes become the same picture as a JPEG of them does, without a loss."""

import gc
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pi_webrtc_streamer.camera.jpeg import encode_jpeg
from pi_webrtc_streamer.camera.planes import copy_planes
from pi_webrtc_streamer.camera.source import Picture
from pi_webrtc_streamer.direct.slots import picture_bytes
from pi_webrtc_streamer.media.decoder import JpegDecoder, PictureDecoder
from pi_webrtc_streamer.media.frame import PlanarFrame
from pi_webrtc_streamer.media.planes import KEPT, PacketPool, PlanesReader
from pi_webrtc_streamer.media.stages import StageTimes


def picture(width: int, height: int, seed: int = 1) -> Picture:
    random = np.random.default_rng(seed)
    chroma = (height + 1) // 2, (width + 1) // 2
    y, u, v = (
        random.integers(0, 256, shape, np.uint8) for shape in ((height, width), chroma, chroma)
    )
    return Picture(y, u, v, stamp=1)


def planar(shown: Picture) -> PlanarFrame:
    size = picture_bytes(shown.width, shown.height)
    lease = PacketPool().filled(size, lambda place: copy_planes(shown, place))
    return PlanarFrame(lease, StageTimes(1), shown.width, shown.height)


@settings(deadline=None)
@given(st.integers(96, 200), st.integers(96, 200), st.integers(0, 9))
def test_no_pixel_is_changed(width, height, seed):
    shown = picture(width, height, seed)
    frame = PictureDecoder().decode(planar(shown))
    assert frame.format.name == "yuvj420p"
    assert (frame.width, frame.height) == (width // 2 * 2, height // 2 * 2)
    for plane, values in zip(frame.planes, (shown.y, shown.u, shown.v), strict=True):
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height]
        assert np.array_equal(rows[:, : plane.width], values[: plane.height, : plane.width])


@pytest.mark.parametrize("size", [(320, 240), (8, 8), (97, 33), (1280, 720)])
def test_it_is_like_the_jpeg_of_it(size):
    chroma = tuple((side + 1) // 2 for side in reversed(size))
    grey = Picture(
        np.full(size[::-1], 77, np.uint8),
        np.full(chroma, 90, np.uint8),
        np.full(chroma, 160, np.uint8),
        stamp=1,
    )
    mine = PictureDecoder().decode(planar(grey))
    its = JpegDecoder().decode(memoryview(encode_jpeg(grey, 95)))
    assert (mine.width, mine.height, mine.format.name) == (its.width, its.height, its.format.name)
    assert (mine.color_range, mine.colorspace) == (its.color_range, its.colorspace)
    difference = mine.to_ndarray(format="rgb24").astype(int) - its.to_ndarray(format="rgb24")
    assert abs(difference).max() <= 2


def test_one_decoder_takes_planes_of_any_size_and_jpeg():
    decoder = PictureDecoder()
    for size in ((320, 240), (160, 120), (320, 240)):
        assert decoder.decode(planar(picture(*size))).width == size[0]


def test_a_copy_is_a_copy():
    planes = bytearray(b"abc")
    lease = PacketPool().copied(memoryview(planes))
    planes[:] = b"xyz"
    assert bytes(lease.packet) == b"abc"


def test_a_packet_is_lent_again_when_it_is_back_and_not_before():
    pool = PacketPool()
    first = pool.copied(memoryview(b"abc"))
    second = pool.copied(memoryview(b"xyz"))
    assert bytes(first.packet) == b"abc"
    packet = first.packet
    del first
    assert pool.copied(memoryview(b"123")).packet is packet
    assert bytes(second.packet) == b"xyz"
    assert pool.copied(memoryview(b"longer")).packet is not packet


def test_what_ffmpeg_still_holds_is_not_lent_again():
    """Of the frame that was read, nothing is left but what a filter of FFmpeg's has of it."""
    shown = picture(64, 48)
    pool, size = PacketPool(), picture_bytes(64, 48)
    lease = pool.filled(size, lambda place: copy_planes(shown, place))
    packet = lease.packet
    read = PlanesReader().read(PlanarFrame(lease, StageTimes(1), 64, 48))
    graph = av.filter.Graph()
    graph.link_nodes(
        graph.add_buffer(
            template=None, width=64, height=48, format=read.format, time_base=Fraction(1, 30)
        ),
        graph.add("crop", "32:32"),
        graph.add("buffersink"),
    ).configure()
    read.pts = 0
    graph.push(read)
    del lease, read
    assert pool.copied(memoryview(bytes(size))).packet is not packet
    held = graph.pull()
    assert held.to_ndarray()[0, 0] == shown.y[8, 16]
    del held, graph
    gc.collect()
    assert packet in [pool.copied(memoryview(bytes(size))).packet for _ in range(2)]


@given(st.data())
def test_no_more_packets_are_kept_than_are_needed(data):
    """However many are held, none is overwritten; of those that are free, few are kept."""
    pool, held = PacketPool(), []
    for number in range(data.draw(st.integers(1, 30))):
        held.append((number, pool.copied(memoryview(bytes([number])))))
        while held and data.draw(st.booleans()):
            held.pop(data.draw(st.integers(0, len(held) - 1)))
        assert all(bytes(lease.packet) == bytes([of]) for of, lease in held)
    held.clear()
    again = [pool.copied(memoryview(b"x")) for _ in range(2 * KEPT)]
    assert len({id(lease.packet) for lease in again}) == 2 * KEPT
