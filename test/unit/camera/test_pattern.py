# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The test pattern."""

import itertools

import numpy as np
import pytest

from pi_webrtc_streamer.camera import barcode
from pi_webrtc_streamer.camera.jpeg import encode_jpeg
from pi_webrtc_streamer.camera.pattern import (
    AHEAD,
    NOISE_DEVIATION,
    TEXTURE_STEP,
    DrawnAhead,
    PatternSource,
    busy_rows,
)
from pi_webrtc_streamer.media.codec import Codec, StreamSettings
from pi_webrtc_streamer.media.decoder import JpegDecoder
from pi_webrtc_streamer.media.encoder import open_encoder
from pi_webrtc_streamer.media.tiers import make_tiers
from support.pictures import captured


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (640, 480), (641, 481), (16, 16)])
def test_the_pattern_moves_and_tells_its_time(width, height):
    pictures = captured(PatternSource(width, height, framerate=200), 3)
    for picture in pictures:
        assert picture.y.shape == (height, width)
        assert picture.u.shape == picture.v.shape == ((height + 1) // 2, (width + 1) // 2)
        if width >= 512:
            assert barcode.read(picture.y) == picture.stamp // 1_000_000 % 2**32
    assert all(a.stamp < b.stamp for a, b in itertools.pairwise(pictures))
    if width >= 512:  # a smaller picture may be all barcode, and show a bit or two of it
        assert not np.array_equal(pictures[0].y, pictures[1].y)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (640, 480), (641, 481)])
def test_the_busy_pattern_keeps_bars_ramp_and_barcode(width, height):
    plain = captured(PatternSource(width, height, framerate=200))[0]
    first, second = captured(PatternSource(width, height, framerate=200, busy=True), 2)
    rows = busy_rows(height)
    for busy in (first, second):
        below_barcode = slice(min(barcode.LARGE, height // 2), rows.start)
        assert np.array_equal(busy.y[below_barcode], plain.y[below_barcode])
        assert np.array_equal(busy.y[rows.stop :], plain.y[rows.stop :])
        assert np.array_equal(busy.u, first.u)
        if width >= 512:
            assert barcode.read(busy.y) == busy.stamp // 1_000_000 % 2**32
    assert not np.array_equal(first.y[rows], second.y[rows])


def test_the_busy_pattern_is_a_texture_that_scrolls_under_noise():
    first, second = captured(PatternSource(1280, 720, framerate=200, busy=True), 2)
    rows = slice(busy_rows(720).start, 720 * 5 // 8)  # above the moving block
    before, after = (each.y[rows].astype(int) for each in (first, second))
    still, moved = after - before, after[:, :-TEXTURE_STEP] - before[:, TEXTURE_STEP:]
    assert np.abs(moved).max() <= 80, "the noise does not wrap around"
    # The difference of two noises that have nothing to do with each other.
    assert moved.std() == pytest.approx(NOISE_DEVIATION * 2**0.5, rel=0.1)
    assert still.std() > moved.std()
    assert before.std() > 10


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (640, 480), (641, 481), (16, 64)])
def test_what_is_drawn_ahead_is_busy_and_tells_its_time(width, height):
    pictures = captured(DrawnAhead(width, height, framerate=1000), 2 * AHEAD + 1)
    below_barcode = slice(barcode.square_size(width), height)
    busy = captured(PatternSource(width, height, framerate=1000, busy=True), AHEAD + 1)[1:]
    for earlier, later in itertools.pairwise(pictures):
        assert earlier.stamp < later.stamp
        if width >= 512:
            assert barcode.read(later.y) == later.stamp // 1_000_000 % 2**32
            assert not np.array_equal(earlier.y[below_barcode], later.y[below_barcode])
    drawn = [each.y[below_barcode].tobytes() for each in pictures]
    assert drawn[:AHEAD] == drawn[AHEAD : 2 * AHEAD]
    assert set(drawn) >= {each.y[below_barcode].tobytes() for each in busy[:-1]}


def test_what_is_drawn_ahead_is_drawn_in_place():
    source = DrawnAhead(640, 480, framerate=1000)
    lent = []
    source.start()
    while len(lent) < AHEAD + 1:
        with source.capture() as picture:
            if picture is not None:
                lent.append(picture)
    assert np.shares_memory(lent[0].y, lent[AHEAD].y)


def encoded_bitrate(source, count=90):
    """Return the bitrate at 30 frames/s once the encoder has found its quantiser."""
    tier = make_tiers(2_500_000, 100_000)[0]
    decoder = JpegDecoder()
    encoder = None
    sizes = []
    for picture in captured(source, count):
        frame = decoder.decode(memoryview(encode_jpeg(picture, 85)))
        if encoder is None:
            settings = StreamSettings(framerate=30, h264_encoder="libx264")
            encoder = open_encoder(Codec.H264, frame, tier, settings, tier.highest)
        data, _ = encoder.encode(frame, False)
        sizes.append(len(data))
    return np.mean(sizes[count // 3 :]) * 8 * 30


def test_the_busy_pattern_makes_the_encoder_limit_its_bitrate():
    """How near it then comes to the limit is the matter of its buffer's size."""
    plain = encoded_bitrate(PatternSource(1280, 720, framerate=200))
    busy = encoded_bitrate(PatternSource(1280, 720, framerate=200, busy=True))
    ahead = encoded_bitrate(DrawnAhead(1280, 720, framerate=200))
    assert plain < 800_000
    assert 1_250_000 < busy < 2_750_000
    assert 1_250_000 < ahead < 2_750_000
