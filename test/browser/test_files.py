# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Files that are not simply a video, through all of the product: what the browser shows of them."""

from fractions import Fraction

import av
import numpy as np
from PIL import Image

from support.program import Program
from support.quadrants import assert_quadrants, quadrants


def write_phone_video(path):
    """Write a video that is 480 lines of 320 pixels, twice as wide as high, and lies on its side.

    Upright, its 480x640 show the quadrants.
    """
    as_seen = np.rot90(quadrants(480, 320)).copy()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 320, 480, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(2)
        stream.set_display_rotation(-90)
        for _ in range(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(as_seen, "rgb24")))
        container.mux(stream.encode())


def test_a_phones_video_is_upright_and_in_the_right_shape(operator, port, tmp_path):
    write_phone_video(tmp_path / "phone.mp4")
    arguments = ["--source", str(tmp_path / "phone.mp4"), "--port", str(port)]
    with Program("pi-webrtc-streamer", *arguments) as program:
        operator.open(program.link)
        operator.wait_for_frames()
        picture = operator.picture()
    assert picture.shape == (640, 480, 3)
    assert_quadrants(picture)


def test_one_picture_is_shown_as_it_was_held(operator, port, tmp_path):
    """A photograph of a phone that was held upright, and turned by a viewer as Exif says."""
    exif = Image.Exif()
    exif[0x112] = 6  # the camera's top is on the right: to be turned clockwise
    lying = np.rot90(quadrants(480, 640)).copy()
    Image.fromarray(lying).save(tmp_path / "photograph.jpg", exif=exif, quality=95)
    arguments = ["--source", str(tmp_path / "photograph.jpg"), "--port", str(port)]
    with Program("pi-webrtc-streamer", *arguments) as program:
        operator.open(program.link)
        operator.wait_for_frames()
        picture = operator.picture()
        assert "one picture" in program.output
    assert picture.shape == (640, 480, 3)
    assert_quadrants(picture)
