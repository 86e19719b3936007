# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""One picture as a source."""

import time

import numpy as np
import pytest
from PIL import Image

from pi_webrtc_streamer.camera.geometry import Geometry, Transformer
from pi_webrtc_streamer.camera.jpeg import encode_jpeg
from pi_webrtc_streamer.camera.source import SourceError
from pi_webrtc_streamer.camera.still import Once, StillSource
from pi_webrtc_streamer.camera.video_file import open_file
from pi_webrtc_streamer.settings.schema import SettingsError
from support.pictures import captured, random_picture, rgb_of, write_video
from support.quadrants import assert_quadrants, quadrants


@pytest.mark.parametrize(
    ("form", "mode"),
    [
        *((form, "RGB") for form in ("jpg", "png", "webp", "bmp", "tiff", "gif", "avif", "tga")),
        *((form, "P") for form in ("png", "bmp", "tiff", "gif", "tga")),
        *((form, "RGBA") for form in ("png", "webp", "tiff", "avif")),
    ],
)
def test_every_kind_of_picture_is_shown(tmp_path, form, mode):
    path = tmp_path / f"picture.{form}"
    Image.fromarray(quadrants(96, 64)).convert(mode).save(path, quality=95)
    source = open_file(str(path), 100.0)
    assert isinstance(source, StillSource)
    assert source.description == f"{path}, 96x64, one picture"
    first, second = captured(source, 2)
    assert first.stamp < second.stamp
    assert_quadrants(rgb_of(first))
    source.close()


@pytest.mark.parametrize("form", ["png", "tiff"])
def test_sixteen_bits_become_eight(tmp_path, form):
    path = tmp_path / f"grey.{form}"
    ramp = np.linspace(0, 65535, 96).astype(np.uint16)[None].repeat(64, 0)
    Image.fromarray(ramp).save(path)
    seen = rgb_of(captured(open_file(str(path), 30.0))[0])
    assert np.abs(seen.mean((0, 2)) - np.linspace(0, 255, 96)).max() < 4


def test_a_video_of_one_picture_is_one_picture(tmp_path):
    path = tmp_path / "one.mp4"
    write_video(path, levels=[90])
    source = open_file(str(path), 30.0)
    assert isinstance(source, StillSource)
    assert abs(captured(source)[0].y.mean() - 90) < 4


def test_a_picture_is_lent_as_often_as_is_asked_for():
    source = StillSource("picture.png", random_picture(16, 16, 0), 0.1)
    source.start()
    begun = time.monotonic()
    with source.capture() as first:
        assert first is not None
    with source.capture() as second:
        assert second is None
    source.set_framerate(50.0)
    assert source.framerate == 50.0
    source.start()
    for _ in range(11):
        lent = None
        while lent is None:
            with source.capture() as lent:
                pass
        assert lent.y is first.y
    assert time.monotonic() - begun >= 10 / 50
    with pytest.raises(SettingsError, match="a picture has no control gain"):
        source.set_control("gain", 1.0)
    assert source.controls == {}


def test_what_lasts_is_made_once():
    made = []

    def make(picture):
        made.append(picture)
        return encode_jpeg(picture, 80)

    source = StillSource("picture.png", random_picture(16, 16, 0), 1000.0)
    turned = Once(Transformer(Geometry(size=(32, 0), flip_horizontal=True, rotation=90)))
    once = Once(make)
    source.start()
    jpegs = []
    while len(jpegs) < 5:
        with source.capture() as picture:
            if picture is not None:
                jpegs.append(once(turned(picture)))
    assert len(made) == len(set(jpegs)) == 1
    other = random_picture(16, 16, 1)
    assert once(other) != jpegs[0]
    once(other)
    assert len(made) == 3, "what does not last is made again"


def test_a_file_of_nonsense_is_named(tmp_path):
    for number, content in enumerate([b"", b"GIF89a", bytes(1000), b"\xff\xd8\xff\xe0" * 100]):
        path = tmp_path / f"nonsense{number}.jpg"
        path.write_bytes(content)
        with pytest.raises(SourceError, match=f"nonsense{number}.jpg"):
            open_file(str(path), 30.0)
