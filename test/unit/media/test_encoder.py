# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""H.264 and VP8: pictures come out as they went in, and key frames when they are asked for."""

import logging
import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.media import encoder as encoder_module
from pi_webrtc_streamer.media.codec import Codec, StreamSettings
from pi_webrtc_streamer.media.decoder import JpegDecoder
from pi_webrtc_streamer.media.encoder import (
    REOPEN_CHANGE,
    V4l2H264Encoder,
    X264Encoder,
    open_encoder,
)
from pi_webrtc_streamer.media.packetiser import split_annex_b
from pi_webrtc_streamer.media.sizes import enlargement
from pi_webrtc_streamer.media.tiers import make_tiers
from support.pictures import jpeg, luma

DECODERS = {Codec.H264: "h264", Codec.VP8: "vp8"}


def open_one(codec: Codec, frame: av.VideoFrame):
    tier = make_tiers(2_500_000, 100_000)[0]
    return open_encoder(codec, frame, tier, StreamSettings(), tier.highest)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_each_thread_of_libx264_encodes_a_slice_of_the_same_picture(threads):
    frame = JpegDecoder().decode(jpeg(640, 480))
    tier = make_tiers(2_500_000, 100_000)[0]
    given = StreamSettings(h264_encoder="libx264", encoder_threads=threads)
    encoder = open_encoder(Codec.H264, frame, tier, given, tier.highest)
    for number in range(3):
        encoded = encoder.encode(frame, keyframe=False)
        assert encoded is not None, "no picture is held back"
        kinds = [nal[0] & 31 for nal in split_annex_b(encoded[0])]
        assert kinds.count(1 if number else 5) == threads


@pytest.mark.parametrize(
    ("width", "height"),
    [(640, 480), (641, 481), (1280, 720), (97, 96), (96, 133), (3000, 8), (8, 3000)],
)
@pytest.mark.parametrize("codec", Codec)
def test_pictures_of_any_size_come_out_as_they_went_in(codec, width, height):
    frame = JpegDecoder().decode(jpeg(width, height))
    factor = enlargement(width, height)
    assert (frame.width, frame.height) == (factor * width // 2 * 2, factor * height // 2 * 2)
    source = luma(frame).astype(int)
    encoder = open_one(codec, frame)
    decoder = av.CodecContext.create(DECODERS[codec], "r")
    decoded = []
    for _ in range(5):
        encoded = encoder.encode(frame, keyframe=False)
        assert encoded is not None
        decoded += decoder.decode(av.Packet(encoded[0]))
    decoded += decoder.decode(None)
    assert len(decoded) == 5, "no picture is held back"
    shown = decoded[-1]
    assert (shown.width, shown.height) == (frame.width, frame.height)
    if codec is Codec.H264:
        assert shown.color_range == 2, "the stream says full range"
        full = luma(shown).astype(int)
    else:
        full = (luma(shown).astype(int) - 16) * 255 / 219
    assert np.abs(full - source).mean() < 2


@pytest.mark.parametrize("codec", Codec)
def test_key_frames_come_first_and_when_asked_for_and_never_else(codec):
    frame = JpegDecoder().decode(jpeg(320, 240))
    encoder = open_one(codec, JpegDecoder().decode(jpeg(320, 240)))
    keyframes = []
    for number in range(400):
        encoded = encoder.encode(frame, keyframe=number in (7, 8, 300))
        assert encoded is not None
        if encoded[1]:
            keyframes.append(number)
    assert keyframes == [0, 7, 8, 300]


@pytest.mark.parametrize("codec", Codec)
def test_a_key_frame_can_be_decoded_without_what_came_before(codec):
    decoder = JpegDecoder()
    encoder = open_one(codec, JpegDecoder().decode(jpeg(320, 240)))
    for level in (10, 60, 110):
        encoder.encode(decoder.decode(jpeg(320, 240, level)), keyframe=False)
    encoded = encoder.encode(decoder.decode(jpeg(320, 240, 200)), keyframe=True)
    assert encoded is not None
    late = av.CodecContext.create(DECODERS[codec], "r")
    frames = late.decode(av.Packet(encoded[0])) + late.decode(None)
    assert len(frames) == 1
    expected = 200 if codec is Codec.H264 else 16 + 200 * 219 / 255
    assert abs(luma(frames[0]).mean() - expected) < 3


@given(st.integers(100_000, 5_000_000), st.floats(0.1, 3))
def test_an_encoder_whose_bitrate_is_fixed_suits_what_is_near_it(bitrate, share):
    frame = JpegDecoder().decode(jpeg(64, 48))
    tier = make_tiers(5_000_000, 100_000)[0]
    encoder = open_encoder(Codec.VP8, frame, tier, StreamSettings(), bitrate)
    assert encoder.suits(frame, bitrate)
    wanted = round(share * bitrate)
    encoder.set_bitrate(wanted)  # which is nothing to it
    assert encoder.suits(frame, wanted) == (abs(wanted - bitrate) <= REOPEN_CHANGE * bitrate)
    assert not encoder.suits(JpegDecoder().decode(jpeg(96, 48)), bitrate)


def libx264_for_the_hardware(monkeypatch, **options: str):
    """Let libx264 work in the place of the Raspberry Pi 4's encoder, with options."""
    make = encoder_module._encoder_context

    def make_other(name, *arguments):
        context = make("libx264" if name == "h264_v4l2m2m" else name, *arguments)
        if name == "h264_v4l2m2m":
            context.options = options
        return context

    monkeypatch.setattr(encoder_module, "_encoder_context", make_other)
    monkeypatch.setattr(encoder_module, "_hardware", encoder_module._Hardware())


def test_hardware_that_gives_each_picture_back_is_used_until_it_does_not(monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    libx264_for_the_hardware(monkeypatch, preset="ultrafast", tune="zerolatency")
    frame = JpegDecoder().decode(jpeg(320, 240))
    encoder = open_one(Codec.H264, frame)
    assert isinstance(encoder, V4l2H264Encoder)
    assert "works" in caplog.text
    for number in range(5):
        _, is_keyframe = encoder.encode(frame, keyframe=False)
        assert is_keyframe == (number == 0)
    encoder._context = held_back = av.CodecContext.create("libx264", "w")
    held_back.width, held_back.height, held_back.pix_fmt = 320, 240, "yuv420p"
    held_back.time_base = Fraction(1, 30)
    with pytest.raises(av.error.FFmpegError, match="holds pictures back"):
        encoder.encode(frame, keyframe=False)
    assert "has failed" in caplog.text
    assert isinstance(open_one(Codec.H264, frame), X264Encoder)


def test_hardware_that_holds_pictures_back_is_not_used(monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    libx264_for_the_hardware(monkeypatch, preset="medium")  # looks ahead
    frame = JpegDecoder().decode(jpeg(320, 240))
    assert isinstance(open_one(Codec.H264, frame), X264Encoder)
    assert "it holds pictures back): using libx264" in caplog.text


def test_an_earlier_picture_is_not_taken_for_this_one():
    """Each would be shown with the time of a later one."""
    context = encoder_module._encoder_context("libx264", 320, 240, StreamSettings(), 1_000_000)
    context.pix_fmt, context.options = (
        "yuvj420p",
        {"x264-params": "rc-lookahead=1:sync-lookahead=0"},
    )
    encoder = encoder_module._PyavEncoder(context)
    frame = JpegDecoder().decode(jpeg(320, 240))

    def encode_many():
        return [encoder.encode(frame, keyframe=False) for _ in range(60)]

    with pytest.raises(av.error.FFmpegError, match="holds pictures back"):
        encode_many()


def test_the_encoder_is_chosen_by_trial_or_by_name(caplog):
    frame = JpegDecoder().decode(jpeg(320, 240))
    tier = make_tiers(2_500_000, 100_000)[0]
    with caplog.at_level(logging.INFO):
        encoder = open_encoder(Codec.H264, frame, tier, StreamSettings(), tier.highest)
    assert encoder.encode(frame, keyframe=True) is not None
    assert re.search("(libx264|h264_v4l2m2m) opened for 320x240 .full., 2500 kbit/s", caplog.text)
    named = StreamSettings(h264_encoder="libx264")
    assert isinstance(open_encoder(Codec.H264, frame, tier, named, tier.highest), X264Encoder)
    if not Path("/dev/video11").exists():
        missing = StreamSettings(h264_encoder="h264_v4l2m2m")
        with pytest.raises(av.error.FFmpegError):
            open_encoder(Codec.H264, frame, tier, missing, tier.highest)
