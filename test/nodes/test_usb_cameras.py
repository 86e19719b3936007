# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""USB cameras of every format: FFmpeg opens and reads them, and a driver of ours answers."""

import io
import os
import shutil
import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter
from PIL import Image

from pi_webrtc_streamer.camera.source import Picture
from pi_webrtc_streamer.camera.v4l2_choice import SHOWN
from support.pictures import rgb_of
from support.quadrants import assert_quadrants, quadrants

STAND_IN = Path(__file__).parents[1] / "support" / "v4l2_stand_in.c"
SIZE = 1280, 720
SRGB, BT709 = 8, 3  # of enum v4l2_colorspace
# Opens devices, one after the other, and keeps a picture of each.
PROGRAM = """
import os, sys
import numpy as np
from pi_webrtc_streamer.camera.v4l2 import open_v4l2
for device in sys.argv[1:]:
    os.environ["V4L2_STAND_IN"] = device
    source = open_v4l2(device, 1280, 720, 30.0)
    for _ in range(2):  # stopped, and started again
        source.start()
        count = 0
        while count < 3:
            with source.capture() as picture:
                if picture is not None:
                    count += 1
                    np.savez(device, y=picture.y, u=picture.u, v=picture.v)
        source.stop()
    print(device, source.description, source.hardware_id)
    source.close()
"""


def in_limited_range(form, matrix="ITU601"):
    frame = av.VideoFrame.from_ndarray(quadrants(*SIZE), "rgb24")
    scaler = VideoReformatter()
    return scaler.reformat(frame, format=form, dst_colorspace=matrix, dst_color_range="MPEG")


def packed(frame):
    """Return a frame's rows as a camera has them: without what FFmpeg may have between them."""
    encoder = av.CodecContext.create("rawvideo", "w")
    encoder.width, encoder.height, encoder.pix_fmt = *SIZE, frame.format.name
    encoder.time_base = Fraction(1, 30)
    return b"".join(bytes(packet) for packet in encoder.encode(frame))


def as_jpeg():
    file = io.BytesIO()
    Image.fromarray(quadrants(*SIZE)).save(file, "JPEG", quality=95)
    return file.getvalue()


def as_h264():
    """Return pictures of which all but the first depend on the one before."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = SIZE
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 30)
    encoder.options = {"tune": "zerolatency", "preset": "ultrafast", "g": "15", "crf": "10"}
    frame = in_limited_range("yuv420p")
    return [bytes(packet) for _ in range(30) for packet in encoder.encode(frame)]


def pictures_of(fourcc):
    if fourcc == "YV12":
        y, u, v = (bytes(plane) for plane in in_limited_range("yuv420p").planes)
        return [y + v + u]
    special = {"MJPG": lambda: [as_jpeg()], "JPEG": lambda: [as_jpeg()], "H264": as_h264}
    make = special.get(fourcc, lambda: [packed(in_limited_range(SHOWN[fourcc]))])
    return make()


def write_device(path, fourcc, colour_space, pictures):
    head = struct.pack("=4s4I", f"{fourcc:4}".encode(), *SIZE, colour_space, len(pictures))
    path.write_bytes(head + b"".join(struct.pack("=I", len(each)) + each for each in pictures))


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What was shown, and said, of a device of each format, and of one that means BT.709."""
    compiler = shutil.which("cc")
    if compiler is None or not Path("/usr/include/linux/videodev2.h").exists():
        pytest.skip("there is no C compiler, or no headers of Linux (libc6-dev)")
    folder = tmp_path_factory.mktemp("devices")
    driver = folder / "v4l2_stand_in.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", driver, STAND_IN, "-ldl"], check=True)
    for fourcc in SHOWN:
        write_device(folder / fourcc, fourcc, SRGB, pictures_of(fourcc))
    hd = packed(in_limited_range("yuyv422", "ITU709"))
    write_device(folder / "BT.709", "YUYV", BT709, [hd])
    names = [*SHOWN, "BT.709"]
    outcome = subprocess.run(
        [sys.executable, "-c", PROGRAM, *(str(folder / name) for name in names)],
        env=os.environ | {"LD_PRELOAD": str(driver)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    said = outcome.stdout.splitlines()
    planes = [np.load(folder / f"{name}.npz") for name in names]
    seen = [rgb_of(Picture(each["y"], each["u"], each["v"], 0)) for each in planes]
    return dict(zip(names, zip(seen, said, strict=True), strict=True))


@pytest.mark.parametrize("name", [*SHOWN, "BT.709"])
def test_a_camera_is_shown_in_its_colours(shown, name):
    """At 1280x720: by the size alone, YUYV were BT.709, and the webcam says that it is not."""
    seen, said = shown[name]
    assert said.endswith("Stand-in (usb-0)")
    assert "1280x720" in said
    if name in ("GREY", "Y16"):
        assert np.ptp(seen, axis=2).max() <= 3
        assert seen.std() > 20
    else:
        assert_quadrants(seen)


def test_what_decodes_is_named(shown):
    codecs = {name: said.split(", ")[2].split()[0] for name, (_, said) in shown.items()}
    assert codecs.pop("H264") == "h264"
    assert codecs.pop("MJPG") == codecs.pop("JPEG") == "mjpeg"
    assert set(codecs.values()) == {"rawvideo"}
