# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures and videos to begin with."""

import io

import av
import numpy as np
from hypothesis import strategies as st
from PIL import Image

from pi_webrtc_streamer.camera.jpeg import encode_jpeg
from pi_webrtc_streamer.camera.source import Picture


def captured(source, count=1):
    """Capture pictures, copied out of their loan."""
    source.start()
    pictures = []
    while len(pictures) < count:
        with source.capture() as picture:
            if picture is not None:
                planes = (np.array(plane) for plane in (picture.y, picture.u, picture.v))
                pictures.append(Picture(*planes, picture.stamp))
    source.stop()
    return pictures


def random_picture(width: int, height: int, seed: int) -> Picture:
    rng = np.random.default_rng(seed)
    shape = (height // 2, width // 2)
    chroma = [rng.integers(0, 256, shape, np.uint8) for _ in range(2)]
    return Picture(rng.integers(0, 256, (height, width), np.uint8), *chroma, stamp=1)


pictures = st.builds(
    lambda width, height, seed: random_picture(2 * width, 2 * height, seed),
    st.integers(2, 40),
    st.integers(2, 40),
    st.integers(0, 2**32 - 1),
)


def planes(picture: Picture):
    return picture.y, picture.u, picture.v


def write_video(path, levels, **metadata):
    """Write a video whose frames are grey, each of a level of its own."""
    with av.open(str(path), "w") as container:
        container.metadata.update(metadata)
        stream = container.add_stream("libx264", rate=50, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for level in levels:
            image = np.full((48, 64, 3), level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode(None))


def write_noise(path):
    """Write a second of video, of noise: too much for FFmpeg to keep it when the rest is gone."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuvj420p"
        for _ in range(25):
            picture = rng.integers(0, 256, (480, 640, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())


def saved(pixels: np.ndarray | Image.Image, name: str, **options) -> bytes:
    """Return the file that Pillow makes of a picture, in the format of this name."""
    file = io.BytesIO()
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    picture.save(file, name, **options)
    return file.getvalue()


def jpeg(width: int, height: int, luma: int | None = None) -> memoryview:
    """Return a ramp from black to white, or one level."""
    y = np.linspace(0, 255, width).round().astype(np.uint8)[None].repeat(height, 0)
    if luma is not None:
        y[:] = luma
    u = np.full(((height + 1) // 2, (width + 1) // 2), 128, np.uint8)
    return memoryview(encode_jpeg(Picture(y, u, u, stamp=0), quality=95))


def luma(frame: av.VideoFrame) -> np.ndarray:
    plane = frame.planes[0]
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[
        : frame.height, : frame.width
    ]


def rgb_of(picture: Picture) -> np.ndarray:
    """Return a picture as it is shown, as JFIF has it: (height, width, RGB), 8 bits."""
    y = picture.y.astype(float)
    u, v = (
        plane.astype(float).repeat(2, 0).repeat(2, 1)[: picture.height, : picture.width] - 128
        for plane in (picture.u, picture.v)
    )
    rgb = np.stack([y + 1.402 * v, y - 0.344136 * u - 0.714136 * v, y + 1.772 * u], 2)
    return rgb.round().clip(0, 255).astype(np.uint8)
