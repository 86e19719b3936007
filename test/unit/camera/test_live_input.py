# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Devices that deliver at their own pace."""

import threading
import time

import av
import pytest

from pi_webrtc_streamer.camera.live_input import LiveInput
from pi_webrtc_streamer.camera.source import SourceError
from support.pictures import captured, write_video
from support.waiting import wait_for


def generated(form: str, rate: int = 30) -> LiveInput:
    """Return a live input without a device: FFmpeg's generator, at its own pace."""
    graph = f"testsrc=size=64x48:rate={rate},format={form},realtime"
    return LiveInput("generator", av.open(graph, format="lavfi"))


@pytest.mark.parametrize("form", ["yuyv422", "rgb24", "gray"])
def test_a_live_input_delivers_pictures_until_it_is_closed(form):
    source = generated(form)
    assert source.description == "generator, 64x48, wrapped_avframe"
    for _ in range(2):  # stopped, and started again
        first, second = captured(source, 2)
        assert first.y.shape == (48, 64)
        assert first.u.shape == first.v.shape == (24, 32)
        assert first.stamp < second.stamp
        assert first.y.std() > 20
        assert "live-input" not in {thread.name for thread in threading.enumerate()}
    source.close()
    source.close()


def test_only_the_newest_picture_of_a_live_input_is_kept():
    source = generated("gray", rate=200)
    source.start()
    wait_for(lambda: source._newest.overwritten >= 3, "pictures that nobody took")
    before = time.time_ns()
    wait_for(lambda: source._newest.overwritten >= 10, "more of them")
    with source.capture() as picture:
        assert picture.stamp > before
    source.close()


def test_a_live_input_that_ends_says_so():
    graph = "testsrc=size=64x48:rate=30:duration=0.1"
    source = LiveInput("generator", av.open(graph, format="lavfi"))
    with pytest.raises(SourceError, match="generator cannot be read on: it has ended"):
        captured(source, 1000)
    source.close()


def test_pictures_that_depend_on_one_another_are_all_decoded(tmp_path):
    """The file stands for a camera that has only H.264, and delivers as fast as it is read."""
    path = tmp_path / "video.mp4"
    write_video(path, levels=[40, 80, 120, 160, 200])
    source = LiveInput("camera", av.open(str(path)))
    assert source.description == "camera, 64x48, h264"
    source.start()
    wait_for(lambda: source._newest.ended, "the end of the video")
    with source.capture() as newest:
        assert abs(newest.y.mean() - 200) < 4
    source.stop()
    source.close()


def test_damage_ends_no_live_input(tmp_path):
    path = tmp_path / "video.ts"
    write_video(path, levels=range(20, 220))
    data = bytearray(path.read_bytes())
    data[4000:4600] = bytes(600)
    path.write_bytes(data)
    source = LiveInput("camera", av.open(str(path)))
    source.start()
    wait_for(lambda: source._newest.ended, "the end of the video")
    with source.capture() as newest:
        assert newest.y.mean() > 200
    source.close()
