"""Pictures from the pattern and from real video files, and what is done to them."""

import itertools
import threading
import time
import wave

import av
import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st

from pi_webrtc_streamer.camera import barcode
from pi_webrtc_streamer.camera.geometry import Geometry, Transformer
from pi_webrtc_streamer.camera.jpeg import encode_jpeg
from pi_webrtc_streamer.camera.live_input import LiveInput, open_v4l2
from pi_webrtc_streamer.camera.opening import open_source
from pi_webrtc_streamer.camera.pattern import (
    NOISE_DEVIATION,
    TEXTURE_STEP,
    PatternSource,
    busy_rows,
)
from pi_webrtc_streamer.camera.picamera_buffer import split_yuv420
from pi_webrtc_streamer.camera.picamera_devices import find_camera
from pi_webrtc_streamer.camera.source import Picture, SourceError
from pi_webrtc_streamer.camera.video_file import VideoSource
from pi_webrtc_streamer.media.codec import Codec, StreamSettings
from pi_webrtc_streamer.media.decoder import JpegDecoder
from pi_webrtc_streamer.media.encoder import open_encoder
from pi_webrtc_streamer.media.tiers import make_tiers
from pi_webrtc_streamer.settings.camera import CameraSettings
from pi_webrtc_streamer.settings.schema import SettingsError
from support.waiting import wait_for


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


@given(st.integers(0, 2**62), st.integers(512, 2000))
def test_the_barcode_is_read_as_drawn(stamp, width):
    y = np.full((64, width), 77, np.uint8)
    barcode.draw(y, stamp)
    assert barcode.read(y) == stamp // 1_000_000 % 2**32


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (640, 480), (641, 481), (16, 16)])
def test_the_pattern_moves_and_tells_its_time(width, height):
    pictures = captured(PatternSource(width, height, framerate=200), 3)
    for picture in pictures:
        assert picture.y.shape == (height, width)
        assert picture.u.shape == picture.v.shape == ((height + 1) // 2, (width + 1) // 2)
        if width >= 512:
            assert barcode.read(picture.y) == picture.stamp // 1_000_000 % 2**32
    assert all(a.stamp < b.stamp for a, b in itertools.pairwise(pictures))
    if width >= 512:  # a smaller picture may be all barcode, and show a bit or two of it
        assert not np.array_equal(pictures[0].y, pictures[1].y)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (640, 480), (641, 481)])
def test_the_busy_pattern_keeps_bars_ramp_and_barcode(width, height):
    plain = captured(PatternSource(width, height, framerate=200))[0]
    first, second = captured(PatternSource(width, height, framerate=200, busy=True), 2)
    rows = busy_rows(height)
    for busy in (first, second):
        below_barcode = slice(min(barcode.LARGE, height // 2), rows.start)
        assert np.array_equal(busy.y[below_barcode], plain.y[below_barcode])
        assert np.array_equal(busy.y[rows.stop :], plain.y[rows.stop :])
        assert np.array_equal(busy.u, first.u)
        if width >= 512:
            assert barcode.read(busy.y) == busy.stamp // 1_000_000 % 2**32
    assert not np.array_equal(first.y[rows], second.y[rows])


def test_the_busy_pattern_is_a_texture_that_scrolls_under_noise():
    first, second = captured(PatternSource(1280, 720, framerate=200, busy=True), 2)
    rows = slice(busy_rows(720).start, 720 * 5 // 8)  # above the moving block
    before, after = (each.y[rows].astype(int) for each in (first, second))
    still, moved = after - before, after[:, :-TEXTURE_STEP] - before[:, TEXTURE_STEP:]
    assert np.abs(moved).max() <= 80, "the noise does not wrap around"
    # The difference of two noises that have nothing to do with each other.
    assert moved.std() == pytest.approx(NOISE_DEVIATION * 2**0.5, rel=0.1)
    assert still.std() > moved.std()
    assert before.std() > 10


def encoded_bitrate(source, count=90):
    """Return the bitrate at 30 frames/s once the encoder has found its quantiser."""
    tier = make_tiers(2_500_000, 100_000)[0]
    decoder = JpegDecoder()
    encoder = None
    sizes = []
    for picture in captured(source, count):
        frame = decoder.decode(memoryview(encode_jpeg(picture, 85)))
        if encoder is None:
            settings = StreamSettings(framerate=30, h264_encoder="libx264")
            encoder = open_encoder(Codec.H264, frame, tier, settings, tier.highest)
        data, _ = encoder.encode(frame, False)
        sizes.append(len(data))
    return np.mean(sizes[count // 3 :]) * 8 * 30


def test_the_busy_pattern_makes_the_encoder_limit_its_bitrate():
    """How near it then comes to the limit is the matter of its buffer's size."""
    plain = encoded_bitrate(PatternSource(1280, 720, framerate=200))
    busy = encoded_bitrate(PatternSource(1280, 720, framerate=200, busy=True))
    assert plain < 800_000
    assert 1_250_000 < busy < 2_750_000


def test_a_picture_survives_jpeg():
    (picture,) = captured(PatternSource(1280, 720, framerate=200))
    data = encode_jpeg(picture, quality=90)
    assert simplejpeg.decode_jpeg_header(data)[:2] == (720, 1280)
    grey = simplejpeg.decode_jpeg(data, "GRAY")[:, :, 0]
    assert barcode.read(grey) == picture.stamp // 1_000_000 % 2**32


pictures = st.builds(
    lambda width, height, seed: random_picture(2 * width, 2 * height, seed),
    st.integers(2, 40),
    st.integers(2, 40),
    st.integers(0, 2**32 - 1),
)


def random_picture(width: int, height: int, seed: int) -> Picture:
    rng = np.random.default_rng(seed)
    shape = (height // 2, width // 2)
    chroma = [rng.integers(0, 256, shape, np.uint8) for _ in range(2)]
    return Picture(rng.integers(0, 256, (height, width), np.uint8), *chroma, stamp=1)


def planes(picture: Picture):
    return picture.y, picture.u, picture.v


@given(pictures, st.booleans(), st.booleans(), st.sampled_from([0, 90, 180, 270]))
def test_flip_and_rotation(picture, horizontal, vertical, rotation):
    geometry = Geometry(flip_horizontal=horizontal, flip_vertical=vertical, rotation=rotation)

    changed = Transformer(geometry)(picture)

    for before, after in zip(planes(picture), planes(changed), strict=True):
        expected = before[:, ::-1] if horizontal else before
        expected = expected[::-1] if vertical else expected
        assert np.array_equal(np.rot90(expected, -rotation // 90), after)
    encode_jpeg(changed, 80)


@given(
    pictures,
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 90, 180, 270]),
    st.data(),
)
def test_a_source_that_mirrors_leaves_the_rest_to_do(picture, horizontal, vertical, rotation, data):
    """What the sensor mirrors, all of it or less, and the rest in software make the whole."""
    height, width = picture.y.shape
    x, y = (2 * data.draw(st.integers(0, side // 2 - 1)) for side in (width, height))
    size = [
        2 * data.draw(st.integers(1, (side - at) // 2)) for side, at in ((width, x), (height, y))
    ]
    geometry = Geometry((x, y, *size), (0, 0), horizontal, vertical, rotation)
    mirrored = data.draw(st.booleans()), data.draw(st.booleans())
    mirror = Geometry(flip_horizontal=mirrored[0], flip_vertical=mirrored[1])

    by_source = Transformer(mirror)(picture)
    both = Transformer(geometry.after_mirroring(mirrored, width, height))(by_source)

    for one, other in zip(planes(Transformer(geometry)(picture)), planes(both), strict=True):
        assert np.array_equal(one, other)


@settings(max_examples=30)
@given(pictures, st.integers(0, 90), st.integers(0, 90))
def test_scaling_gives_the_size_and_keeps_a_flat_picture(picture, width, height):
    width, height = 2 * width, 2 * height
    flat = Picture(*(np.full_like(plane, 90) for plane in planes(picture)), stamp=1)
    scaled = Transformer(Geometry(size=(width, height)))(flat)
    expected = Geometry(size=(width, height)).scaled_size(flat.width, flat.height)
    assert (scaled.width, scaled.height) == expected
    assert all(abs(int(plane.min()) - 90) <= 1 for plane in planes(scaled))
    encode_jpeg(scaled, 80)


def test_a_crop_outside_is_named():
    settings = CameraSettings(source="pattern", crop=[1000, 0, 400, 100])
    with pytest.raises(SourceError, match=r"crop \[1000, 0, 400, 100\] .* 1280x720"):
        open_source(settings)


def test_cropped_odd_pictures_can_be_encoded():
    picture = captured(PatternSource(641, 481, framerate=200))[0]
    cropped = Transformer(Geometry(crop=(3, 5, 101, 77)))(picture)
    assert (cropped.width, cropped.height) == (101, 77)
    assert simplejpeg.decode_jpeg_header(encode_jpeg(cropped, 80))[:2] == (77, 101)


def test_a_real_video_is_looped_at_its_own_pace(big_buck_bunny):
    source = VideoSource(str(big_buck_bunny))
    assert "1280x720, 25 fps, looped" in source.description
    container = av.open(str(big_buck_bunny))
    decoded = next(container.decode(video=0)).reformat(
        format="yuvj420p", src_colorspace="ITU709", dst_colorspace="ITU601"
    )
    first, second = captured(source, 2)
    assert first.y.shape == (720, 1280)
    expected = np.frombuffer(decoded.planes[0], np.uint8).reshape(720, -1)[:, :1280]
    assert np.abs(first.y.astype(int) - expected).mean() < 1
    assert second.stamp - first.stamp >= 30_000_000, "40 ms apart, as its timestamps say"
    source.close()


def test_a_short_video_begins_again(tmp_path):
    path = tmp_path / "short.mp4"
    write_video(path, levels=[40, 120, 200])
    source = VideoSource(str(path))
    levels = [round(float(picture.y.mean()), -1) for picture in captured(source, 7)]
    source.close()
    assert levels == [levels[0], levels[1], levels[2]] * 2 + [levels[0]]
    assert levels[0] < levels[1] < levels[2]


def write_video(path, levels):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=50, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for level in levels:
            image = np.full((48, 64, 3), level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode(None))


def test_what_is_no_video_is_named(tmp_path):
    with pytest.raises(
        SourceError, match=r"there is no file .*nowhere.mp4.*auto, picamera2, v4l2, pattern"
    ):
        VideoSource("nowhere.mp4")
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video" * 100)
    with pytest.raises(SourceError, match="cannot be opened as a video"):
        VideoSource(str(broken))
    sound = tmp_path / "sound.wav"
    with wave.open(str(sound), "wb") as writer:
        writer.setparams((1, 2, 8000, 0, "NONE", ""))
        writer.writeframes(bytes(16000))
    with pytest.raises(SourceError, match="has no video stream"):
        VideoSource(str(sound))


def test_a_video_cut_short_is_named(tmp_path):
    whole = tmp_path / "whole.mp4"
    write_video(whole, levels=[40] * 20)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[:500])
    with pytest.raises(SourceError, match=r"cut\.mp4"):
        captured(VideoSource(str(cut)))


@given(st.integers(1, 64), st.integers(1, 64), st.integers(0, 16))
def test_yuv420_planes_are_split_in_place(half_width, half_height, padding):
    width, height, stride = 2 * half_width, 2 * half_height, 2 * (half_width + padding)
    octets = np.arange(stride * height * 3 // 2, dtype=np.uint64).astype(np.uint8)
    picture = split_yuv420(octets, width, height, stride, stamp=5)
    assert picture.y.shape == (height, width)
    assert picture.u.shape == picture.v.shape == (half_height, half_width)
    assert np.shares_memory(picture.y, octets)
    assert picture.u[0, 0] == octets[stride * height]
    assert picture.v[0, 0] == octets[stride * height * 5 // 4]


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


def test_a_live_input_must_deliver_pictures_of_their_own(tmp_path):
    path = tmp_path / "video.mp4"
    write_video(path, levels=[40])
    container = av.open(str(path))
    with pytest.raises(SourceError, match="video delivers h264, not pictures"):
        LiveInput("video", container)
    container.close()


def test_v4l2_devices_that_are_none_are_named(caplog):
    with pytest.raises(SourceError, match="there is no camera /dev/video99; there are"):
        open_source(CameraSettings(source="v4l2", camera="/dev/video99"))
    with pytest.raises(SourceError, match=r"/dev/null cannot be opened as a camera of 640x480"):
        open_v4l2("/dev/null", 640, 480, 30.0)
    opened = open_source(CameraSettings(source="auto", camera="/dev/video99"))
    assert "test pattern" in opened.source.description
    assert "there is no camera /dev/video99" in caplog.text


CAMERAS = [
    {"Num": 0, "Id": "/base/axi/pcie@1000120000/rp1/i2c@88000/imx219@10", "Model": "imx219"},
    {"Num": 1, "Id": "/base/axi/pcie@1000120000/rp1/i2c@80000/imx708@1a", "Model": "imx708"},
]


def test_cameras_are_found_by_number_id_and_part_of_it():
    assert find_camera("1", CAMERAS) == 1
    assert find_camera(CAMERAS[1]["Id"], CAMERAS) == 1
    assert find_camera("imx219", CAMERAS) == 0
    with pytest.raises(SourceError, match=r"no camera answers.*rpicam-hello"):
        find_camera("0", [])
    with pytest.raises(SourceError, match='camera "2" is not there; there are 0: /base'):
        find_camera("2", CAMERAS)
    with pytest.raises(SourceError, match="could be more than one"):
        find_camera("rp1", CAMERAS)


def test_settings_that_make_no_sense_are_named():
    with pytest.raises(SettingsError, match="rotation is 45; choose 0, 90, 180 or 270"):
        CameraSettings(rotation=45)
    with pytest.raises(SettingsError, match="crop has 3 numbers"):
        CameraSettings(crop=[1, 2, 3])
