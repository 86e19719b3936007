# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The picamera2 source on the real picamera2 and libcamera, with virtual cameras."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import av
import numpy as np
import pytest
import virtcam
from conftest import FRAMES

from pi_webrtc_streamer.camera import picamera
from pi_webrtc_streamer.camera.geometry import Geometry, Transformer, from_frame
from pi_webrtc_streamer.camera.listing import list_picamera2
from pi_webrtc_streamer.camera.opening import open_source
from pi_webrtc_streamer.camera.picamera import PicameraSource
from pi_webrtc_streamer.camera.pixel_map import Steps
from pi_webrtc_streamer.camera.source import Picture, Source, SourceError
from pi_webrtc_streamer.settings.camera import CameraSettings
from pi_webrtc_streamer.settings.schema import SettingsError

BARS, LINES, PICTURE = "Virtual0", "Virtual1", "Virtual2"
# In limited range; libcamera draws white, yellow, cyan, green, magenta, red, blue and black.
BARS_LUMA = (235, 210, 170, 145, 106, 81, 41, 16)


@pytest.fixture(autouse=True)
def abilities(monkeypatch: pytest.MonkeyPatch) -> virtcam.Abilities:
    """What the cameras can do, for one test."""
    abilities = virtcam.Abilities()
    monkeypatch.setattr(virtcam, "abilities", abilities)
    return abilities


@contextmanager
def opened(
    camera: str,
    width: int = 640,
    height: int = 480,
    framerate: float = 30.0,
    geometry: Geometry | None = None,
) -> Iterator[PicameraSource]:
    source = PicameraSource(camera, width, height, framerate, geometry or Geometry())
    try:
        yield source
    finally:
        source.close()


def copy_of(picture: Picture) -> Picture:
    return replace(picture, y=picture.y.copy(), u=picture.u.copy(), v=picture.v.copy())


def captured(
    source: Source,
    count: int,
    transform: Callable[[Picture], Picture] = lambda picture: picture,
) -> list[Picture]:
    """Return copies of the next pictures."""
    pictures: list[Picture] = []
    while len(pictures) < count:
        with source.capture() as picture:
            if picture is not None:
                pictures.append(copy_of(transform(picture)))
    return pictures


def first_picture(source: Source) -> Picture:
    source.start()
    return captured(source, 1)[0]


def bars_of(picture: Picture) -> list[int]:
    """Return the luma at the middle of each of the bars."""
    eighth = picture.width // 8
    return [int(value) for value in picture.y[picture.height // 2, eighth // 2 :: eighth]]


def full_range(luma: int) -> int:
    return round((luma - 16) * 255 / 219)


# ---- Which camera


def test_a_camera_is_found_by_number_id_and_part_of_an_id() -> None:
    names = [info["Id"] for info in virtcam.Picamera2.global_camera_info()]
    assert sorted(names) == [BARS, LINES, PICTURE]
    for number, name in enumerate(names):
        for wanted in (str(number), name, name[-2:]):
            with opened(wanted) as source:
                assert source._device.camera.id == name
                assert source.description.startswith(f"camera {number} (")
                assert source.hardware_id.endswith(f" {name}")
                assert source.hardware_id.removesuffix(f" {name}") in source.description


@pytest.mark.parametrize("camera", ["3", "nowhere", ""])
def test_an_unknown_camera_is_refused_with_those_that_there_are(camera: str) -> None:
    with pytest.raises(
        SourceError, match=f'"{camera}" is not there; there are 0: .*{LINES}.*, 2: '
    ):
        PicameraSource(camera, 640, 480, 30.0, Geometry())


def test_a_part_of_several_ids_is_refused() -> None:
    with pytest.raises(SourceError, match='"Virtual" could be more than one'):
        PicameraSource("Virtual", 640, 480, 30.0, Geometry())


def test_a_camera_that_is_in_use_is_refused_and_free_again_after_close() -> None:
    with opened(BARS), pytest.raises(SourceError, match="another program may be using it"):
        PicameraSource(BARS, 640, 480, 30.0, Geometry())
    with opened(BARS) as source:
        assert first_picture(source).width == 640


def test_two_cameras_run_side_by_side() -> None:
    with opened(BARS, 1280, 720) as bars, opened(PICTURE) as picture:
        bars.start()
        picture.start()
        for _ in range(5):
            assert captured(bars, 1)[0].width == 1280
            assert captured(picture, 1)[0].width == 640


# ---- Pictures


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1280, 720)])
def test_pictures_are_planes_of_the_asked_size(width: int, height: int) -> None:
    with opened(BARS, width, height) as source:
        picture = first_picture(source)
    assert picture.y.shape == (height, width)
    assert picture.u.shape == picture.v.shape == (height // 2, width // 2)
    assert picture.y.dtype == picture.u.dtype == picture.v.dtype == np.uint8


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1280, 720)])
def test_limited_range_is_widened(width: int, height: int) -> None:
    """libcamera's bars have limited range, and say so; a picture has full range."""
    with opened(BARS, width, height) as source:
        picture = first_picture(source)
    assert bars_of(picture) == pytest.approx([full_range(luma) for luma in BARS_LUMA], abs=3)
    # The bars are flat from top to bottom, and white, black and nothing else is grey.
    assert np.ptp(picture.y, axis=0).max() <= 1
    eighth = picture.width // 8
    chroma = (picture.u[0, eighth // 4 :: eighth // 2], picture.v[0, eighth // 4 :: eighth // 2])
    grey = [abs(int(u) - 128) < 3 and abs(int(v) - 128) < 3 for u, v in zip(*chroma, strict=True)]
    assert grey == [True, *[False] * 6, True]


def test_full_range_is_left_as_it_is() -> None:
    """The picture from a JPEG file has the file's own planes."""
    with av.open(FRAMES / "picture.jpg") as container:
        file = from_frame(next(container.decode(video=0)), stamp=0)
    with opened(PICTURE) as source:
        picture = first_picture(source)
    for name in ("y", "u", "v"):
        ours, theirs = getattr(picture, name), getattr(file, name)
        # Decoders of JPEG may round differently.
        assert np.abs(ours.astype(int) - theirs).max() <= 3, name


def test_a_size_that_the_camera_lacks_becomes_another_one(caplog: pytest.LogCaptureFixture) -> None:
    with opened(BARS, 641, 481) as source:
        picture = first_picture(source)
    assert (picture.width, picture.height) == (640, 480)
    assert "delivers 640x480 instead of 641x481" in caplog.text


def test_a_camera_without_yuv420_is_refused(abilities: virtcam.Abilities) -> None:
    abilities.yuv420 = False
    with pytest.raises(SourceError, match="delivers NV12, and only YUV420 can be used"):
        PicameraSource(BARS, 640, 480, 30.0, Geometry())


# ---- Stamps


def test_stamps_are_the_sensors_and_increase() -> None:
    sensor: list[int] = []
    with opened(BARS) as source:
        source._device.pre_callback = lambda request: sensor.append(
            request.get_metadata()["SensorTimestamp"]
        )
        source.start()
        pictures = captured(source, 20)
        now = time.time_ns()
    stamps = [picture.stamp for picture in pictures]
    assert all(earlier < later for earlier, later in itertools.pairwise(stamps))
    assert stamps[-1] <= now
    # The wall clock, less the sensor's: the same for all, but for how exactly the clocks are read.
    since = time.time_ns() - time.monotonic_ns()
    nearest = [min(abs(stamp - since - taken) for taken in sensor) for stamp in stamps]
    assert statistics.median(nearest) < 5_000_000


# ---- Buffers


def test_buffers_go_back_at_once() -> None:
    """Ten times as many pictures as there are buffers, and none is held when the camera ends."""
    with opened(BARS, framerate=60.0) as source:
        source.start()
        assert len(captured(source, picamera.BUFFERS * 10)) == picamera.BUFFERS * 10
        allocator = source._device.allocator
        assert len(allocator.mapped_buffers) == picamera.BUFFERS
        source.stop()
        assert not any(allocator.mapped_buffers_used.values())


def test_a_picture_kept_beyond_its_context_keeps_no_buffer() -> None:
    """It is a view of memory that the camera writes to again; the camera goes on all the same."""
    kept = []
    with opened(PICTURE) as source:
        source.start()
        while len(kept) < picamera.BUFFERS * 3:
            with source.capture() as picture:
                if picture is not None:
                    kept.append(picture)
        # Views of the same few buffers, again and again.
        addresses = {picture.y.__array_interface__["data"][0] for picture in kept}
        assert len(addresses) <= picamera.BUFFERS
        kept.clear()
        picture = None


def test_a_buffer_goes_back_when_its_picture_makes_trouble() -> None:
    with opened(BARS) as source:
        source.start()
        for _ in range(picamera.BUFFERS * 2):
            try:
                with source.capture() as picture:
                    if picture is not None:
                        raise ArithmeticError
            except ArithmeticError:
                pass
        assert captured(source, 1)


# ---- Rate


def rate_of(pictures: list[Picture]) -> float:
    """Return the rate that the pictures' stamps have."""
    gaps = [b.stamp - a.stamp for a, b in itertools.pairwise(pictures)]
    return 1e9 / statistics.median(gaps)


@pytest.mark.parametrize("framerate", [10.0, 25.0, 60.0])
def test_the_rate_is_the_asked_one(framerate: float) -> None:
    with opened(BARS, framerate=framerate) as source:
        source.start()
        assert source.framerate == framerate
        assert rate_of(captured(source, 12)) == pytest.approx(framerate, rel=0.2)


def test_the_rate_changes_while_running() -> None:
    with opened(BARS, framerate=40.0) as source:
        source.start()
        assert rate_of(captured(source, 12)) == pytest.approx(40, rel=0.2)
        source.set_framerate(10.0)
        captured(source, picamera.BUFFERS + 1)  # the requests that are under way
        assert rate_of(captured(source, 8)) == pytest.approx(10, rel=0.2)


def test_the_rate_can_be_changed_before_the_start() -> None:
    with opened(BARS, framerate=10.0) as source:
        source.set_framerate(40.0)
        source.start()
        assert rate_of(captured(source, 12)) == pytest.approx(40, rel=0.2)


# ---- Geometry


def taken_with(settings: CameraSettings) -> tuple[Picture, Steps]:
    source, steps, *_ = open_source(settings)
    try:
        source.start()
        return captured(source, 1, Transformer(steps.by_us))[0], steps
    finally:
        source.close()


def plain(**changes: object) -> CameraSettings:
    settings = CameraSettings(source="picamera2", camera=PICTURE, width=640, height=480)
    return replace(settings, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def unchanged() -> Picture:
    """The picture as the camera sees it."""
    return taken_with(plain())[0]


def assert_goes_to(steps: Steps, before: Picture, after: Picture) -> None:
    """See that the map of pixels says of each where it went."""
    pixels = steps.pixel_map(before.width, before.height)
    assert (pixels.before, pixels.after) == ((640, 480), (after.width, after.height))
    for u, v in [(100, 200), (333, 301), (501, 401)]:
        there_u, there_v, _ = np.rint(pixels.matrix @ [u, v, 1]).astype(int)
        assert after.y[there_v, there_u] == before.y[v, u]


def by_hand(plane: np.ndarray, crop: tuple[int, int, int, int], flip: str, rotation: int):
    """Do to a plane what the settings' documentation says."""
    x, y, width, height = crop
    plane = plane[y : y + height, x : x + width]
    if flip in ("horizontal", "both"):
        plane = np.fliplr(plane)
    if flip in ("vertical", "both"):
        plane = np.flipud(plane)
    return np.rot90(plane, -rotation // 90)


@pytest.mark.parametrize("mirrors", [True, False], ids=["by camera", "by software"])
@pytest.mark.parametrize(
    ("flip", "rotation"),
    [
        ("horizontal", 0),
        ("vertical", 0),
        ("none", 180),
        ("horizontal", 180),
        ("vertical", 90),
        ("both", 270),
    ],
)
def test_flip_rotation_and_crop(
    abilities: virtcam.Abilities, unchanged: Picture, mirrors: bool, flip: str, rotation: int
) -> None:
    abilities.mirrors = mirrors
    crop = [40, 100, 500, 360]
    picture, steps = taken_with(plain(flip=flip, rotation=rotation, crop=crop))
    half = [value // 2 for value in crop]
    assert np.array_equal(picture.y, by_hand(unchanged.y, crop, flip, rotation))
    assert np.array_equal(picture.u, by_hand(unchanged.u, half, flip, rotation))
    assert np.array_equal(picture.v, by_hand(unchanged.v, half, flip, rotation))
    assert_goes_to(steps, unchanged, picture)
    # What the camera does is not done again.
    remaining = steps.by_us
    in_software = remaining.flip_horizontal or remaining.flip_vertical
    assert in_software != mirrors or flip == "both"
    assert remaining.rotation in (0, 90)


def test_scaling_is_the_image_processors(unchanged: Picture) -> None:
    settings = replace(
        plain(), camera=BARS, width=1280, height=720, output_width=640, output_height=480
    )
    source, steps, *_ = open_source(settings)
    try:
        picture = first_picture(source)  # before any software
    finally:
        source.close()
    assert (picture.width, picture.height) == (640, 480)
    assert bars_of(picture) == pytest.approx([full_range(luma) for luma in BARS_LUMA], abs=3)
    assert steps.by_us.size == (640, 480)
    pixels = steps.pixel_map(640, 480)
    assert (pixels.before, pixels.after) == ((1280, 720), (640, 480))


@pytest.mark.parametrize("mirrors", [True, False], ids=["by camera", "by software"])
def test_scaling_to_a_size_that_the_camera_lacks(
    abilities: virtcam.Abilities, mirrors: bool
) -> None:
    abilities.mirrors = mirrors
    picture, _ = taken_with(replace(plain(), camera=BARS, output_width=320, flip="horizontal"))
    assert (picture.width, picture.height) == (320, 240)
    mirrored = [full_range(luma) for luma in reversed(BARS_LUMA)]
    assert bars_of(picture) == pytest.approx(mirrored, abs=3)


def test_a_crop_beyond_the_picture_is_refused() -> None:
    with pytest.raises(SourceError, match="beyond the captured picture of 640x480"):
        open_source(plain(crop=[600, 0, 100, 100]))
    with opened(PICTURE):
        pass  # it was given back


# ---- Controls


def test_controls_are_those_of_the_camera() -> None:
    with opened(BARS) as source:
        assert list(source.controls) == ["FaceDetectMode"]
        source.set_control("FaceDetectMode", 0)


@pytest.mark.parametrize("name", ["ExposureTime", "FrameDurationLimits", "Nonsense"])
def test_a_control_that_the_camera_lacks_is_refused_with_those_that_it_has(name: str) -> None:
    with opened(BARS) as source:
        with pytest.raises(SettingsError, match=f"{name}; it offers FaceDetectMode"):
            source.set_control(name, 1)
        assert first_picture(source).width == 640


def test_a_control_out_of_range_is_refused() -> None:
    with opened(BARS) as source, pytest.raises(SettingsError, match="takes 0 to 0"):
        source.set_control("FaceDetectMode", 7)


# ---- Trouble


@pytest.fixture
def stalled() -> Iterator[Callable[[bool], None]]:
    yield lambda is_stalled: virtcam.stall(BARS, is_stalled)
    virtcam.stall(BARS, False)


def let_it_stall(source: Source, stalled: Callable[[bool], None]) -> None:
    """Stop the camera's pictures after the first one, and wait until none is left."""
    first_picture(source)
    stalled(True)
    while not is_waiting(source):
        pass


def test_no_picture_is_an_answer_and_then_an_error(
    stalled: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(BARS) as source:
        let_it_stall(source, stalled)
        monkeypatch.setattr(picamera, "PATIENCE", 0.0)
        with pytest.raises(SourceError, match=r"has delivered no picture for .*cable"):
            captured(source, 10)


def test_a_stalled_camera_can_be_stopped_and_starts_with_a_new_picture(
    stalled: Callable[[bool], None],
) -> None:
    with opened(BARS) as source:
        let_it_stall(source, stalled)
        source.stop()
        restart = time.time_ns()
        stalled(False)
        assert first_picture(source).stamp > restart


def is_waiting(source: Source) -> bool:
    with source.capture() as picture:
        return picture is None


def test_a_camera_that_was_closed_underneath_ends_in_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(picamera, "PATIENCE", 0.0)
    with opened(BARS) as source:
        first_picture(source)
        source._device.close()
        with pytest.raises(SourceError, match="has delivered no picture"):
            captured(source, 10)
        with pytest.raises(SettingsError):
            source.set_framerate(10.0)
        with pytest.raises(SettingsError):
            source.set_control("FaceDetectMode", 0)


# ---- Listing


def listed() -> dict[str, str]:
    """Return what is listed, by the names of the cameras."""
    return {text.splitlines()[0]: text for text in list_picamera2().cameras}


def test_every_camera_is_listed_ready_to_be_pasted() -> None:
    cameras = listed()
    assert sorted(cameras) == [BARS, LINES, PICTURE]
    for name, text in cameras.items():
        assert "it does not tell the modes of its sensor" in text, "the virtual pipeline cannot"
        source, camera, width, height, rate = text.split("pi-webrtc-streamer ")[1].split()[1::2]
        assert (source, camera) == ("picamera2", name)
        with opened(camera, int(width), int(height), float(rate)) as opened_source:
            assert opened_source.description


def test_a_camera_that_is_in_use_is_listed_and_said_to_be() -> None:
    with opened(BARS):
        busy = {name for name, text in listed().items() if "may be using it" in text}
    assert busy == {BARS}
