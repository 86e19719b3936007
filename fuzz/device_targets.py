# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What sources bring: what a V4L2 device says of itself, and files of pictures."""

from __future__ import annotations

import io
import struct
import tempfile
from contextlib import closing, suppress
from unittest import mock

import av
import numpy as np
from PIL import Image

from pi_webrtc_streamer.camera import media_file
from pi_webrtc_streamer.camera.source import Picture, SourceError
from pi_webrtc_streamer.camera.v4l2_choice import SHOWN, ChoiceError, choose, describe, nearest
from pi_webrtc_streamer.camera.v4l2_colours import PIX_FORMAT, read_colours
from pi_webrtc_streamer.camera.v4l2_formats import FORMAT, INTERVAL, SIZE, read_formats
from pi_webrtc_streamer.camera.v4l2_identity import CAPABILITY, is_camera, is_multiplanar_camera
from pi_webrtc_streamer.camera.v4l2_identity import describe as describe_device
from pi_webrtc_streamer.camera.video_file import open_file
from pi_webrtc_streamer.settings.camera import LARGEST_SIDE

MAX_PIXELS = 100_000  # so that a picture takes milliseconds
CAPTURES, M2M = 0x04200001, 0x04008000


def v4l2(data: bytes) -> None:
    """Read a device that answers with these bytes, and then with nothing."""
    answers = io.BytesIO(data)

    def ask(request: int, question: bytes) -> bytes:
        answer = answers.read(len(question))
        if len(answer) < len(question):
            raise OSError("no answer")
        return answer

    with suppress(OSError):
        capability = ask(0, bytes(CAPABILITY.size))
        describe_device(capability).encode()
        assert not (is_camera(capability) and is_multiplanar_camera(capability))
    read_colours(ask)
    formats = read_formats(ask)
    describe(formats).encode()
    for width, height in nearest(formats, 1280, 720):
        assert any(form.size(width, height) for form in formats)
    with suppress(ChoiceError):
        choice = choose(formats, 1280, 720, 30.0)
        assert choice.format.fourcc in SHOWN
        assert choice.framerate >= 0


def media(data: bytes) -> None:
    """Open a file that holds these bytes, and show its first picture."""
    with (
        tempfile.NamedTemporaryFile(suffix=".bin") as file,
        mock.patch.dict(media_file.BOUNDS, max_pixels=str(MAX_PIXELS)),
        suppress(SourceError),
    ):
        file.write(data)
        file.flush()
        with closing(open_file(file.name, 30.0)) as source:
            source.start()
            with source.capture() as picture:
                if picture is not None:
                    _check(picture)


def _check(picture: Picture) -> None:
    assert 0 < picture.width <= LARGEST_SIDE
    assert 0 < picture.height <= LARGEST_SIDE
    chroma = (picture.height + 1) // 2, (picture.width + 1) // 2
    assert picture.u.shape == picture.v.shape == chroma


def devices() -> list[bytes]:
    """Return the answers of a webcam, of one with any size, and of a codec."""
    formats = [struct.unpack("<I", fourcc)[0] for fourcc in (b"MJPG", b"YUYV", b"H264")]
    camera, codec = (
        CAPABILITY.pack(b"uvcvideo", b"Camera", b"usb-1", 0, 1 << 31 | flags, flags)
        for flags in (CAPTURES, M2M)
    )
    now = PIX_FORMAT.pack(1, 1280, 720, formats[1], 1, 0, 0, 8, 0xFEEDCAFE, 0, 0, 0, 0)
    described = [FORMAT.pack(0, 1, 0, b"Format", pixels) for pixels in formats]
    discrete = SIZE.pack(0, 0, 1, 1280, 720, *[0] * 4)
    stepwise = SIZE.pack(0, 0, 3, 16, 1920, 8, 16, 1080, 8)
    rates = [INTERVAL.pack(0, 0, 0, 0, kind, 1, 30, 1, 5, 1, 1) for kind in (1, 2)]
    return [
        camera + now + described[0] + discrete + rates[0] * 3,
        camera + now + described[1] + stepwise + rates[1] + described[2] + discrete,
        codec,
    ]


def files() -> list[bytes]:
    """Return pictures of several kinds, one of them turned, and a short video."""
    exif = Image.Exif()
    exif[0x112] = 6
    ramp = np.linspace(0, 255, 32 * 24 * 4).astype(np.uint8).reshape(24, 32, 4)
    picture = Image.fromarray(ramp)
    colours, grey = picture.convert("RGB"), Image.fromarray(ramp[:, :, 0].astype(np.uint16) << 8)
    kinds = [
        (colours, "JPEG", {"exif": exif}),
        (picture, "PNG", {"exif": exif}),
        (grey, "PNG", {}),
        (picture.convert("P"), "PNG", {}),
        (picture, "WEBP", {"quality": 50}),
        (colours, "BMP", {}),
        (colours, "GIF", {"save_all": True, "append_images": [colours.rotate(90)]}),
    ]
    seeds = []
    for image, form, how in kinds:
        image.save(file := io.BytesIO(), form, **how)
        seeds.append(file.getvalue())
    return [*seeds, _video()]


def _video() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        stream.set_display_rotation(90)
        container.mux(stream.encode(av.VideoFrame(32, 24, "yuv420p")))
        container.mux(stream.encode())
    return file.getvalue()
