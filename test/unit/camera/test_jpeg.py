# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""JPEG from planes."""

import simplejpeg

from pi_webrtc_streamer.camera import barcode
from pi_webrtc_streamer.camera.jpeg import encode_jpeg
from pi_webrtc_streamer.camera.pattern import (
    PatternSource,
)
from support.pictures import captured


def test_a_picture_survives_jpeg():
    (picture,) = captured(PatternSource(1280, 720, framerate=200))
    data = encode_jpeg(picture, quality=90)
    assert simplejpeg.decode_jpeg_header(data)[:2] == (720, 1280)
    grey = simplejpeg.decode_jpeg(data, "GRAY")[:, :, 0]
    assert barcode.read(grey) == picture.stamp // 1_000_000 % 2**32
