# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""V4L2 devices as a source: refused by what recorded ones have, or real ones of v4l2loopback."""

import av
import pytest
from av.video.reformatter import VideoReformatter

from pi_webrtc_streamer.camera import v4l2
from pi_webrtc_streamer.camera.opening import open_source
from pi_webrtc_streamer.camera.source import SourceError
from pi_webrtc_streamer.camera.v4l2 import open_v4l2
from pi_webrtc_streamer.camera.v4l2_device import devices
from pi_webrtc_streamer.camera.v4l2_identity import identify
from pi_webrtc_streamer.settings.camera import CameraSettings
from support import v4l2 as recorded
from support.pictures import captured, rgb_of
from support.quadrants import assert_quadrants, quadrants

SIZE = 1280, 720


def test_devices_that_are_none_are_named(caplog):
    with pytest.raises(SourceError, match="there is no camera /dev/video99; there are"):
        open_source(CameraSettings(source="v4l2", camera="/dev/video99"))
    with pytest.raises(
        SourceError, match=r"/dev/null cannot be opened as a camera of 640x480.*--list-cameras"
    ):
        open_v4l2("/dev/null", 640, 480, 30.0)
    opened = open_source(CameraSettings(source="auto", camera="/dev/video99"))
    assert "test pattern" in opened.source.description
    assert "there is no camera /dev/video99" in caplog.text


@pytest.mark.parametrize(
    ("device", "why"),
    [
        (recorded.WEBCAM, "it has no 1000x700: set width and height to 1280x720 or"),
        (recorded.H264_ALONE, r"it has no 1000x700: .* it has H264 \(1920x1080 at 30; 1280x720"),
        (recorded.DEPTH, r"it has only Z16 \(640x480 at 30\), and shown can be MJPG"),
    ],
)
def test_what_a_camera_lacks_is_refused_before_it_is_opened(monkeypatch, device, why):
    monkeypatch.setattr(v4l2, "asking", lambda name: recorded.recorded(device))
    with pytest.raises(SourceError, match=f"/dev/null cannot be shown as it is asked for: {why}"):
        open_v4l2("/dev/null", 1000, 700, 30.0)


def test_a_device_that_may_not_be_opened_says_what_to_type(monkeypatch):
    def refuse(name):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(v4l2, "asking", refuse)
    with pytest.raises(SourceError, match=r"/dev/null may not be opened: sudo usermod -aG video"):
        open_v4l2("/dev/null", 640, 480, 30.0)


def yuyv(rgb):
    frame = av.VideoFrame.from_ndarray(rgb, "rgb24")
    return VideoReformatter().reformat(
        frame, format="yuyv422", dst_colorspace="ITU601", dst_color_range="MPEG"
    )


@pytest.fixture
def loopback():
    """A device of v4l2loopback, where the kernel has it, on which the quadrants are shown."""
    found = [name for name in devices() if identify(name).startswith("Dummy video device")]
    if not found:
        pytest.skip("there is no device of v4l2loopback (modprobe v4l2loopback)")
    with av.open(found[0], "w", format="v4l2") as output:
        stream = output.add_stream("rawvideo", rate=30)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuyv422"
        output.mux(stream.encode(yuyv(quadrants(*SIZE))))
        yield found[0]


def test_a_real_device_shows_what_it_is_given(loopback):
    source = open_v4l2(loopback, *SIZE, 30.0)
    assert_quadrants(rgb_of(captured(source)[0]))
    source.close()
