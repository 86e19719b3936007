# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which numbers can be a camera's."""

from dataclasses import replace

import pytest

from pi_webrtc_streamer.camera.calibration import Calibration, CalibrationError, Region

GOOD = Calibration(
    width=640,
    height=480,
    distortion_model="plumb_bob",
    d=(0.1, -0.2, 0.001, 0.002, 0.0),
    k=(500.0, 0.0, 320.0, 0.0, 510.0, 240.0, 0.0, 0.0, 1.0),
    r=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    p=(490.0, 0.0, 321.0, 0.0, 0.0, 495.0, 241.0, 0.0, 0.0, 0.0, 1.0, 0.0),
)
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"d": ()},
        {"distortion_model": "rational_polynomial", "d": (0.1,) * 8},
        {"distortion_model": "equidistant", "d": (0.1,) * 4},
        {"distortion_model": "fov", "d": (0.9,)},
        {"r": (0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)},
        {"roi": Region(40, 20, 400, 600), "binning": (2, 2)},
    ],
)
def test_a_camera(change):
    replace(GOOD, **change).check()


def changed(values, **elements):
    """Return a matrix with other elements, called by their position: ``_4=0.0``."""
    return tuple(elements.get(f"_{at}", value) for at, value in enumerate(values))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"width": 0}, "picture of 0x480 pixels"),
        ({"binning": (1000, 1)}, "picture of 640x480 pixels"),
        ({"roi": Region(600, 0, 480, 100)}, "roi reaches beyond"),
        ({"distortion_model": ""}, 'distortion_model is ""; known are plumb_bob'),
        ({"distortion_model": "a: b"}, "distortion_model is"),
        ({"distortion_model": "x" * 65}, "distortion_model is"),
        ({"d": (0.1,) * 3}, "d has 3 numbers; plumb_bob takes 4 or 5 or"),
        ({"distortion_model": "equidistant"}, "d has 5 numbers; equidistant takes 4"),
        ({"d": (0.1, NAN, 0.0, 0.0, 0.0)}, "d holds a number that is not finite"),
        ({"k": changed(GOOD.k, _2=INF)}, "k holds a number that is not finite"),
        ({"k": GOOD.k[:8]}, "k has 8 numbers instead of 9"),
        ({"p": (*GOOD.p, 0.0)}, "p has 13 numbers instead of 12"),
        ({"k": (0.0,) * 9}, "k has a focal length of 0"),
        ({"p": changed(GOOD.p, _5=0.0)}, "p has a focal length of 0"),
        ({"k": changed(GOOD.k, _8=2.0)}, "k is not of the form fx 0 cx"),
        ({"p": changed(GOOD.p, _4=2.0)}, "p is not of the form fx 0 cx"),
        ({"r": (0.0,) * 9}, "r, the rectification, is no rotation"),
        ({"r": changed(GOOD.r, _8=-1.0)}, "r, the rectification, is no rotation"),
    ],
)
def test_what_no_camera_has_is_named(change, why):
    with pytest.raises(CalibrationError, match=why):
        replace(GOOD, **change).check()


def test_the_size_of_its_pictures():
    assert GOOD.picture_size == (640, 480)
    assert replace(GOOD, binning=(2, 4)).picture_size == (320, 120)
    part = replace(GOOD, roi=Region(x_offset=10, height=100, width=200), binning=(1, 2))
    assert part.picture_size == (200, 50)
