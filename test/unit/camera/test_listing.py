# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What --list-cameras prints, of recorded devices and of this machine's own."""

import errno
import shlex
from contextlib import contextmanager
from dataclasses import fields

import pytest

from pi_webrtc_streamer.camera.listing import describe_picamera2, list_v4l2
from pi_webrtc_streamer.camera.v4l2_choice import choose
from pi_webrtc_streamer.camera.v4l2_device import asking, devices, lasting_name
from pi_webrtc_streamer.camera.v4l2_formats import read_formats
from pi_webrtc_streamer.cli import parser
from pi_webrtc_streamer.settings.camera import CameraSettings
from support import v4l2 as recorded

THERE = {
    "/dev/video0": recorded.WEBCAM,
    "/dev/video1": recorded.ITS_METADATA,
    "/dev/video2": recorded.H264_ALONE,
    "/dev/video4": recorded.LOOPBACK,
    "/dev/video5": recorded.DEPTH,
    "/dev/video6": recorded.SEVERAL_PLANES,
    "/dev/video10": recorded.CODEC,
    "/dev/video13": recorded.IMAGE_PROCESSOR,
    "/dev/video20": recorded.RIBBON_CABLE,
}
BY_ID = "/dev/v4l/by-id/usb-046d_HD_Pro_Webcam_C920-video-index0"
WEBCAM = f"""\
{BY_ID}  (/dev/video0)
  HD Pro Webcam C920 (usb-0000:01:00.0-1.2)
  MJPG: 640x480 at 30, 24, 15; 1280x720 at 30, 24, 15; 1920x1080 at 30, 5
  YUYV: 640x480 at 30, 15, 5; 1280x720 at 10, 7.5, 5; 1920x1080 at 5; 2304x1536 at 2
  pi-webrtc-streamer --source v4l2 --camera {BY_ID} --width 1280 --height 720 --framerate 30"""


@pytest.fixture
def listing():
    def lasting(name):
        return BY_ID if name == "/dev/video0" else name

    return list_v4l2(list(THERE), lambda name: recorded.recorded(THERE[name]), lasting)


def test_a_webcam_is_listed_with_all_that_it_has(listing):
    assert listing.cameras[0] == WEBCAM


def test_cameras_alone_are_listed(listing):
    assert [each.split()[0] for each in listing.cameras[1:]] == ["/dev/video2", "/dev/video4"]
    assert listing.remarks == [
        "/dev/video5, Depth Camera (usb-xhci-hcd.0-2), has nothing that can be shown, only Z16",
        "/dev/video6, rkisp_mainpath (platform:rkisp0-vir0), has several planes, which FFmpeg "
        "cannot read",
    ]


def test_each_line_that_is_offered_can_be_pasted(listing):
    devices = {each.split()[0]: each for each in listing.cameras}
    assert len(devices) == 3
    for name, text in devices.items():
        program, *arguments = shlex.split(text.splitlines()[-1])
        assert program == "pi-webrtc-streamer"
        options = vars(parser().parse_args(arguments))
        names = {field.name for field in fields(CameraSettings)}
        given = {key: value for key, value in options.items() if key in names and value is not None}
        settings = CameraSettings(**given)
        assert (settings.source, settings.camera) == ("v4l2", name)
        device = THERE.get(name, recorded.WEBCAM)
        choose(read_formats(device.ask), settings.width, settings.height, settings.framerate)


def test_what_cannot_be_asked_is_said():
    @contextmanager
    def refuse(name):
        number = errno.EACCES if name == "/dev/video0" else errno.EBUSY
        raise OSError(number, "Device or resource busy")
        yield

    listing = list_v4l2(["/dev/video0", "/dev/video1"], refuse)
    assert listing.cameras == []
    assert listing.remarks == [
        "/dev/video0 may not be opened: sudo usermod -aG video $USER lets you, after you have "
        "logged in again",
        "/dev/video1 cannot be asked: Device or resource busy",
    ]
    assert list_v4l2([]).remarks == ["there is no /dev/video*"]


def test_what_is_no_video_device_is_said():
    (remark,) = list_v4l2(["/dev/null"]).remarks
    assert remark == "/dev/null cannot be asked: Inappropriate ioctl for device"


def test_a_camera_on_a_ribbon_cable_is_listed_with_its_sensors_modes():
    info = {"Model": "imx219", "Id": "/base/soc/i2c0mux/i2c@1/imx219@10", "Num": 0}
    modes = [
        {"format": "SRGGB10_CSI2P", "bit_depth": 10, "size": (640, 480), "fps": 206.65},
        {"format": "SRGGB10_CSI2P", "bit_depth": 10, "size": (3280, 2464), "fps": 21.19},
        {"format": "SRGGB8", "bit_depth": 8, "size": (640, 480), "fps": 206.65},
        {"format": "YUYV"},
    ]
    assert describe_picamera2(0, info, modes) == (
        "/base/soc/i2c0mux/i2c@1/imx219@10\n"
        "  imx219, number 0\n"
        "  its sensor: 640x480 at up to 206.7; 3280x2464 at up to 21.19 (others are scaled)\n"
        "  pi-webrtc-streamer --source picamera2 --camera /base/soc/i2c0mux/i2c@1/imx219@10 "
        "--width 1280 --height 720 --framerate 30"
    )
    assert "camera 0 cannot be opened" in describe_picamera2(0, info, "camera 0 cannot be opened")
    assert "it does not tell the modes" in describe_picamera2(0, info, [])


def test_devices_are_found_by_number_and_by_the_name_that_lasts(tmp_path):
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    for name in ("video10", "video2", "video", "videos", "vide0"):
        (tmp_path / name).touch()
    (by_id / "usb-camera-video-index0").symlink_to("../video2")
    assert devices(tmp_path) == [str(tmp_path / "video2"), str(tmp_path / "video10")]
    there = str(by_id / "usb-camera-video-index0")
    assert lasting_name(str(tmp_path / "video2"), by_id) == there
    assert lasting_name(str(tmp_path / "video10"), by_id) == str(tmp_path / "video10")


def test_a_device_is_given_back():
    with asking("/dev/null") as ask, pytest.raises(OSError, match="Inappropriate ioctl"):
        ask(recorded.QUERYCAP, bytes(104))
    with pytest.raises(OSError, match="Bad file descriptor"):
        ask(recorded.QUERYCAP, bytes(104))
