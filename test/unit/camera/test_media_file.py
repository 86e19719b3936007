# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is taken of a file, and what is refused before anything is decoded."""

import base64
import io
import struct
import subprocess
import sys
import wave
import zlib
from fractions import Fraction

import av
import numpy as np
import pytest
from av.stream import Disposition
from PIL import Image

from pi_webrtc_streamer.camera.media_file import open_media
from pi_webrtc_streamer.camera.source import SourceError
from pi_webrtc_streamer.camera.still import StillSource
from pi_webrtc_streamer.camera.video_file import open_file
from support.pictures import captured, rgb_of, write_video
from support.quadrants import assert_quadrants, quadrants

# Two by two tiles: avifenc --grid 2x2 --min 10 --max 20 --yuv 420 (libavif 0.11.1).
TILES = """
AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUIAAAHhbWV0YQAAAAAAAAAoaGRscgAAAAAAAAAAcGljdAAAAA
AAAAAAAAAAAGxpYmF2aWYAAAAADnBpdG0AAAAAAAEAAABWaWxvYwAAAABEAAAFAAEAAAABAAACCQAAAAgAAgAAAAEA
AAIRAAAAKQADAAAAAQAAAjoAAAAnAAQAAAABAAACYQAAACkABQAAAAEAAAKKAAAAKQAAAJBpaW5mAAAAAAAFAAAAGm
luZmUCAAAAAAEAAGdyaWRDb2xvcgAAAAAaaW5mZQIAAAEAAgAAYXYwMUNvbG9yAAAAABppbmZlAgAAAQADAABhdjAx
Q29sb3IAAAAAGmluZmUCAAABAAQAAGF2MDFDb2xvcgAAAAAaaW5mZQIAAAEABQAAYXYwMUNvbG9yAAAAACBpcmVmAA
AAAAAAABRkaW1nAAEABAACAAMABAAFAAAAmWlwcnAAAABfaXBjbwAAABRpc3BlAAAAAAAAAQAAAADAAAAAEHBpeGkA
AAAAAwgICAAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAACAAAAAYAAAAAxhdjFDgQAMAAAAADJpcG1hAA
AAAAAAAAUAAQMBAgMAAgQEAoUDAAMEBAKFAwAEBAQChQMABQQEAoUDAAAAsm1kYXQAAAEBAQAAwBIACgkYGb/fYICG
g0IyGhDwAMMMMQC0VVVMZBlcQ3TecpbsFHtW2KfAEgAKCRgZv99ggIaDQjIYEPAAwwwxALRSVPHxyEw0IpaK87NXqa
hkEgAKCRgZv99ggIaDQjIaEPAAwwwxALRVVcEYh6DEn12UzoBQyBmp6EASAAoJGBm/32CAhoNCMhoQ8ADDDDEAtFTL
EhRruD2rcdNYtG/pmanoQA==
"""


def png(width: int, height: int) -> bytes:
    """Return a PNG that says it is of this size, and holds one row."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1 + 3 * width) * height, 1)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", rows), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def write_sound_with_cover(path, with_video):
    """Write music whose cover shows the quadrants, and perhaps a grey video."""
    cover = io.BytesIO()
    Image.fromarray(quadrants(96, 64)).save(cover, "JPEG", quality=95)
    with av.open(str(path), "w") as container:
        sound = container.add_stream("mp3", rate=16000, layout="mono")
        attached = container.add_stream("mjpeg", rate=1)
        attached.width, attached.height, attached.pix_fmt = 96, 64, "yuvj420p"
        attached.disposition = Disposition.attached_pic
        if with_video:
            video = container.add_stream("libx264", rate=25)
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        packet = av.Packet(cover.getvalue())
        packet.stream, packet.pts, packet.dts, packet.time_base = attached, 0, 0, Fraction(1)
        container.start_encoding()
        container.mux(packet)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1152), np.int16), "s16", "mono")
        silence.sample_rate = 16000
        container.mux([*sound.encode(silence), *sound.encode()])
        if with_video:
            grey = np.full((48, 64, 3), 90, np.uint8)
            for _ in range(3):
                container.mux(video.encode(av.VideoFrame.from_ndarray(grey, "rgb24")))
            container.mux(video.encode())


def test_the_cover_of_a_piece_of_music_is_one_picture(tmp_path):
    write_sound_with_cover(tmp_path / "music.mp3", with_video=False)
    source = open_file(str(tmp_path / "music.mp3"), 30.0)
    assert isinstance(source, StillSource)
    assert_quadrants(rgb_of(captured(source)[0]))


def test_a_video_comes_before_its_cover(tmp_path):
    write_sound_with_cover(tmp_path / "film.mp4", with_video=True)
    source = open_file(str(tmp_path / "film.mp4"), 30.0)
    assert "64x48, 25 fps, looped" in source.description
    assert rgb_of(captured(source)[0]).std() < 3
    source.close()


def test_sound_alone_and_video_of_an_unknown_kind_are_refused(tmp_path):
    sound = tmp_path / "sound.wav"
    with wave.open(str(sound), "wb") as writer:
        writer.setparams((1, 2, 8000, 0, "NONE", ""))
        writer.writeframes(bytes(16000))
    with pytest.raises(SourceError, match=r"sound.wav. has no video stream, but audio"):
        open_media(str(sound))
    film = tmp_path / "film.mp4"
    write_video(film, levels=[40])
    film.write_bytes(film.read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(SourceError, match=r"film.mp4.* FFmpeg does not know"):
        open_media(str(film))


def test_a_picture_in_tiles_is_refused(tmp_path):
    """As phones write them; one tile alone would be shown."""
    path = tmp_path / "tiles.avif"
    path.write_bytes(base64.b64decode(TILES))
    with pytest.raises(SourceError, match=r"tiles.avif. is a picture in tiles.*heif-convert"):
        open_media(str(path))


def test_what_is_no_file_is_named(tmp_path):
    with pytest.raises(SourceError, match="/dev/null is a device: give source v4l2, and camera"):
        open_media("/dev/null")
    with pytest.raises(SourceError, match="is a folder; give source one file in it"):
        open_media(str(tmp_path))


def test_a_text_in_the_file_that_is_no_text_harms_nothing(tmp_path):
    path = tmp_path / "titled.mp4"
    write_video(path, levels=[40], title="Title")
    path.write_bytes(path.read_bytes().replace(b"Title", b"\xff\x8b\xfe\x80\xff"))
    assert isinstance(open_file(str(path), 30.0), StillSource)


LARGE = """
import resource, sys
from pi_webrtc_streamer.camera.media_file import open_media
from pi_webrtc_streamer.camera.source import SourceError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    open_media(sys.argv[1])
except SourceError as error:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, error)
"""


def test_a_picture_that_is_too_large_is_refused_before_it_is_decoded(tmp_path):
    path = tmp_path / "huge.png"
    path.write_bytes(png(10000, 8000))
    outcome = subprocess.run(
        [sys.executable, "-c", LARGE, str(path)], capture_output=True, text=True, check=True
    )
    kilobytes, why = outcome.stdout.split(" ", 1)
    assert int(kilobytes) < 30_000, "decoded, it takes 240 MB"
    assert "huge.png" in why
    assert "the largest that is shown has 8192x8192 pixels" in why


def test_a_picture_that_is_too_wide_is_refused(tmp_path):
    path = tmp_path / "wide.png"
    path.write_bytes(png(9000, 16))
    with pytest.raises(SourceError, match=r"wide.png.*9000x16; the largest.*scale it down"):
        open_media(str(path))
