# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Real video files as a camera."""

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pi_webrtc_streamer.camera import video_file
from pi_webrtc_streamer.camera.source import SourceError
from pi_webrtc_streamer.camera.video_file import (
    LONGEST_GAP,
    SHORTEST_GAP,
    Pace,
    VideoSource,
    open_file,
)
from support.pictures import captured, rgb_of, write_video
from support.quadrants import assert_quadrants, quadrants


@pytest.fixture
def due(monkeypatch):
    """When pictures are due, in seconds; they are not waited for."""
    times: list[float] = []
    monkeypatch.setattr(video_file, "sleep_until", lambda when: times.append(when) or True)
    return times


def test_a_real_video_is_looped_at_its_own_pace(big_buck_bunny, due):
    source = VideoSource(str(big_buck_bunny))
    assert "1280x720, 25 fps, looped" in source.description
    container = av.open(str(big_buck_bunny))
    decoded = next(container.decode(video=0)).reformat(
        format="yuvj420p", src_colorspace="ITU709", dst_colorspace="ITU601"
    )
    first, _ = captured(source, 2)
    assert first.y.shape == (720, 1280)
    expected = np.frombuffer(decoded.planes[0], np.uint8).reshape(720, -1)[:, :1280]
    assert np.abs(first.y.astype(int) - expected).mean() < 1
    assert np.diff(due) == pytest.approx(0.04), "as its timestamps say"
    source.close()


def test_a_short_video_begins_again(tmp_path):
    path = tmp_path / "short.mp4"
    write_video(path, levels=[40, 120, 200])
    source = VideoSource(str(path))
    levels = [round(float(picture.y.mean()), -1) for picture in captured(source, 7)]
    source.close()
    assert levels == [levels[0], levels[1], levels[2]] * 2 + [levels[0]]
    assert levels[0] < levels[1] < levels[2]


def test_what_is_no_video_is_named(tmp_path):
    with pytest.raises(
        SourceError, match=r"there is no file .*nowhere.mp4.*auto, picamera2, v4l2, pattern"
    ):
        VideoSource("nowhere.mp4")
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video" * 100)
    with pytest.raises(SourceError, match="cannot be opened as a video"):
        VideoSource(str(broken))


def test_a_video_cut_short_is_named(tmp_path):
    whole = tmp_path / "whole.mp4"
    write_video(whole, levels=[40] * 20)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[:500])
    with pytest.raises(SourceError, match=r"cut\.mp4"):
        captured(VideoSource(str(cut)))


def test_a_video_of_two_pictures_does_not_run_away(tmp_path, due):
    path = tmp_path / "two.mp4"
    write_video(path, levels=[40, 200])
    captured(open_file(str(path), 30.0), 6)
    assert np.diff(due) == pytest.approx(0.02)


def test_timestamps_that_stand_still_are_not_believed(tmp_path, due):
    path = tmp_path / "still.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for level in (40, 120, 200):
            image = np.full((48, 64, 3), level, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")):
                packet.pts = packet.dts = 0
                container.mux(packet)
    source = open_file(str(path), 20.0)
    captured(source, 6)
    assert np.diff(due) == pytest.approx(1 / source.framerate)
    source.close()


@pytest.mark.parametrize(("form", "durations"), [("gif", (100, 0, 200)), ("png", (100, 0, 200))])
def test_an_animation_is_looped_at_its_own_pace(tmp_path, due, form, durations):
    path = tmp_path / f"animation.{form}"
    first, *others = (Image.new("RGB", (64, 48), (level,) * 3) for level in (0, 120, 250))
    first.save(path, save_all=True, append_images=others, duration=durations, loop=0)
    source = open_file(str(path), 30.0)
    pictures = captured(source, 7)
    levels = [round(float(picture.y.mean())) for picture in pictures]
    assert np.abs(np.subtract(levels, [0, 120, 250, 0, 120, 250, 0])).max() <= 2
    gaps = np.diff(due)
    assert gaps[[0, 2]] == pytest.approx([0.1, 0.2])
    assert gaps[1] >= 0.015, "whatever stands for nothing"
    assert gaps[3:] == pytest.approx(gaps[:3])
    source.close()


def test_a_video_is_shown_in_the_shape_that_is_meant(tmp_path):
    """320x480 with pixels twice as wide as high, turned a quarter: 480x640."""
    path = tmp_path / "phone.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "5"})
        stream.width, stream.height, stream.pix_fmt = 320, 480, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(2)
        stream.set_display_rotation(-90)
        as_seen = np.rot90(quadrants(480, 320))  # it is turned back, clockwise
        for _ in range(2):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(as_seen.copy(), "rgb24")))
        container.mux(stream.encode())
    picture = captured(open_file(str(path), 30.0))[0]
    assert (picture.width, picture.height) == (480, 640)
    assert_quadrants(rgb_of(picture))


@given(
    st.lists(
        st.tuples(
            st.none() | st.floats(allow_nan=False, allow_infinity=False),
            st.none() | st.floats(allow_nan=False, allow_infinity=False),
            st.floats(0, 1),
        )
    )
)
def test_no_timestamp_makes_a_video_run_away_or_stand_still(pictures):
    pace, now, last = Pace(1 / 30), 100.0, None
    for timestamp, duration, decoding in pictures:
        now += decoding
        due = pace.due(timestamp, duration, now)
        assert due >= now - LONGEST_GAP
        if last is not None:
            assert due <= max(last, now) + LONGEST_GAP
            assert due >= last + SHORTEST_GAP - 1e-6
        last, now = due, max(now, due)
