# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Changed calibrations project points to where the changed pictures show them, says OpenCV."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.camera.calibration import Calibration, CalibrationError, Region
from pi_webrtc_streamer.camera.calibration_geometry import mapped, without_region
from pi_webrtc_streamer.camera.geometry import Geometry
from pi_webrtc_streamer.camera.pixel_map import pixel_map

WIDTH, HEIGHT = 640, 480

small = st.floats(-0.05, 0.05)
LENSES = {
    ("plumb_bob", 0): st.just(()),
    ("plumb_bob", 4): st.tuples(*[small] * 4),
    ("plumb_bob", 5): st.tuples(*[small] * 5),
    ("rational_polynomial", 8): st.tuples(*[small] * 8),
    ("rational_polynomial", 12): st.tuples(*[small] * 12),
    ("rational_polynomial", 14): st.tuples(*[small] * 12, st.just(0.0), st.just(0.0)),
    ("equidistant", 4): st.tuples(*[small] * 4),
}
numbers_of_turns = st.sampled_from([0, 90, 180, 270])


def rotation(angles) -> np.ndarray:
    return cv2.Rodrigues(np.array(angles, np.float64))[0]


@st.composite
def calibrations(draw) -> Calibration:
    (model, _), coefficients = draw(st.sampled_from(sorted(LENSES.items(), key=repr)))
    fx, fy = draw(st.floats(300, 900)), draw(st.floats(300, 900))
    cx, cy = draw(st.floats(250, 400)), draw(st.floats(180, 300))
    tx, ty = draw(st.floats(-60, 60)), draw(st.floats(-60, 60))
    r = rotation([draw(st.floats(-0.1, 0.1)) for _ in range(3)])
    return Calibration(
        width=WIDTH,
        height=HEIGHT,
        distortion_model=model,
        d=draw(coefficients),
        k=(fx, 0, cx, 0, fy, cy, 0, 0, 1),
        r=tuple(map(float, r.ravel())),
        p=(0.9 * fx, 0, cx + 5, tx, 0, 0.8 * fy, cy - 5, ty, 0, 0, 1, 0),
    )


@st.composite
def geometries(draw) -> Geometry:
    crop = draw(st.none() | st.just((101, 51, 400, 301)) | st.just((0, 20, 639, 400)))
    return Geometry(
        crop,
        draw(st.sampled_from([(0, 0), (320, 0), (0, 360), (333, 111)])),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(numbers_of_turns),
    )


points = st.tuples(st.floats(-0.5, 0.5), st.floats(-0.4, 0.4), st.floats(1, 9)).map(
    lambda point: np.array([point[0] * point[2], point[1] * point[2], point[2]])
)


def seen(calibration: Calibration, point: np.ndarray) -> np.ndarray:
    """Return the pixel at which OpenCV has the camera see a point."""
    k, d = np.reshape(calibration.k, (3, 3)), np.array(calibration.d, np.float64)
    zero = np.zeros(3)
    if calibration.distortion_model == "equidistant":
        pixels, _ = cv2.fisheye.projectPoints(point.reshape(1, 1, 3), zero, zero, k, d)
    else:
        pixels, _ = cv2.projectPoints(point.reshape(1, 1, 3), zero, zero, k, d)
    return pixels.ravel()


def rectified(calibration: Calibration, point: np.ndarray) -> np.ndarray:
    """Return the pixel of a point in the rectified picture (sensor_msgs/CameraInfo on P)."""
    r, p = np.reshape(calibration.r, (3, 3)), np.reshape(calibration.p, (3, 4))
    u, v, w = p @ [*(r @ point), 1]
    return np.array([u / w, v / w])


def in_turned_frame(geometry: Geometry, point: np.ndarray) -> np.ndarray:
    """Return a point in the frame of the published picture: y down in it, z forward."""
    x, y, z = point
    x = -x if geometry.flip_horizontal else x
    y = -y if geometry.flip_vertical else y
    for _ in range(geometry.rotation // 90):
        x, y = -y, x
    if geometry.flip_horizontal != geometry.flip_vertical:
        x = -x  # x is to the left in a mirrored picture
    return np.array([x, y, z])


@given(calibrations(), geometries(), points)
def test_a_point_is_where_the_changed_picture_shows_it(calibration, geometry, point):
    pixels = pixel_map(geometry, WIDTH, HEIGHT)
    changed = mapped(calibration, pixels)
    changed.check()
    assert (changed.width, changed.height) == pixels.after
    turned = in_turned_frame(geometry, point)
    for project in (seen, rectified):
        there = pixels.matrix @ [*project(calibration, point), 1]
        assert np.allclose(project(changed, turned), there[:2], rtol=0, atol=1e-6)


@given(calibrations(), geometries())
def test_only_mirrored_pictures_have_a_negative_focal_length(calibration, geometry):
    changed = mapped(calibration, pixel_map(geometry, WIDTH, HEIGHT))
    is_mirrored = geometry.flip_horizontal != geometry.flip_vertical
    assert (changed.k[0] < 0, changed.p[0] < 0) == (is_mirrored, is_mirrored)
    assert changed.k[4] > 0
    assert changed.p[5] > 0


@given(calibrations(), numbers_of_turns)
def test_a_whole_turn_changes_nothing(calibration, rotation):
    there = mapped(calibration, pixel_map(Geometry(rotation=rotation), WIDTH, HEIGHT))
    back = pixel_map(Geometry(rotation=(360 - rotation) % 360), there.width, there.height)
    again = mapped(there, back)
    for name in ("d", "k", "r", "p"):
        assert np.allclose(getattr(again, name), getattr(calibration, name), rtol=1e-12)


@given(calibrations(), points, st.integers(1, 4), st.integers(1, 4))
def test_regions_and_binning_are_put_into_the_matrices(calibration, point, across, down):
    part = replace(calibration, roi=Region(40, 20, 400, 560), binning=(across, down))
    whole = without_region(part)
    assert (whole.width, whole.height) == part.picture_size
    assert (whole.roi, whole.binning) == (Region(), (0, 0))
    u, v = seen(calibration, point)
    assert np.allclose(seen(whole, point), [(u - 40) / across, (v - 20) / down])
    changed = mapped(part, pixel_map(Geometry(rotation=180), *part.picture_size))
    assert changed == mapped(whole, pixel_map(Geometry(rotation=180), *part.picture_size))


PLAIN = Calibration(
    width=WIDTH,
    height=HEIGHT,
    distortion_model="rational_polynomial",
    d=(0.1, *[0.0] * 11, 0.02, -0.03),
    k=(500.0, 0.0, 320.0, 0.0, 500.0, 240.0, 0.0, 0.0, 1.0),
    r=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    p=(500.0, 0.0, 320.0, 0.0, 0.0, 500.0, 240.0, 0.0, 0.0, 0.0, 1.0, 0.0),
)


@given(points)
def test_a_tilted_sensor_can_be_turned_by_half(point):
    half_turn = Geometry(rotation=180)
    pixels = pixel_map(half_turn, WIDTH, HEIGHT)
    there = pixels.matrix @ [*seen(PLAIN, point), 1]
    turned = seen(mapped(PLAIN, pixels), in_turned_frame(half_turn, point))
    assert np.allclose(turned, there[:2], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, "its sensor is tilted"),
        ({"distortion_model": "fov", "d": (0.9,)}, '"fov" is not known well enough'),
        ({"d": (), "k": (500.0, 3.0, 320.0, *PLAIN.k[3:])}, "its pixels are skewed"),
        ({"d": (), "p": (500.0, 3.0, 320.0, *PLAIN.p[3:])}, "its pixels are skewed"),
    ],
)
def test_what_cannot_be_said_of_a_turned_picture(change, why):
    calibration = replace(PLAIN, **change)
    with pytest.raises(CalibrationError, match=why):
        mapped(calibration, pixel_map(Geometry(rotation=90), WIDTH, HEIGHT))
    scaled = pixel_map(Geometry(size=(320, 240), flip_horizontal=True), WIDTH, HEIGHT)
    assert mapped(calibration, scaled).d == calibration.d
