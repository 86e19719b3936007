# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Real video files as a camera."""

import wave

import av
import numpy as np
import pytest

from pi_webrtc_streamer.camera.source import SourceError
from pi_webrtc_streamer.camera.video_file import VideoSource
from support.pictures import captured, write_video


def test_a_real_video_is_looped_at_its_own_pace(big_buck_bunny):
    source = VideoSource(str(big_buck_bunny))
    assert "1280x720, 25 fps, looped" in source.description
    container = av.open(str(big_buck_bunny))
    decoded = next(container.decode(video=0)).reformat(
        format="yuvj420p", src_colorspace="ITU709", dst_colorspace="ITU601"
    )
    first, second = captured(source, 2)
    assert first.y.shape == (720, 1280)
    expected = np.frombuffer(decoded.planes[0], np.uint8).reshape(720, -1)[:, :1280]
    assert np.abs(first.y.astype(int) - expected).mean() < 1
    assert second.stamp - first.stamp >= 30_000_000, "40 ms apart, as its timestamps say"
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
    sound = tmp_path / "sound.wav"
    with wave.open(str(sound), "wb") as writer:
        writer.setparams((1, 2, 8000, 0, "NONE", ""))
        writer.writeframes(bytes(16000))
    with pytest.raises(SourceError, match="has no video stream"):
        VideoSource(str(sound))


def test_a_video_cut_short_is_named(tmp_path):
    whole = tmp_path / "whole.mp4"
    write_video(whole, levels=[40] * 20)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[:500])
    with pytest.raises(SourceError, match=r"cut\.mp4"):
        captured(VideoSource(str(cut)))
