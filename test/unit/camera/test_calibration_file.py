# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Calibration files, ours and those of other programs."""

import os
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.camera.calibration import Calibration, CalibrationError, Region
from pi_webrtc_streamer.camera.calibration_file import (
    LARGEST,
    format_calibration,
    load_calibration,
    parse_calibration,
    save_calibration,
)

CONTENT = {
    "image_width": 640,
    "image_height": 480,
    "camera_name": "front",
    "camera_matrix": {"rows": 3, "cols": 3, "data": [500, 0, 320, 0, 500, 240, 0, 0, 1]},
    "distortion_model": "plumb_bob",
    "distortion_coefficients": {"rows": 1, "cols": 5, "data": [0.1, -0.2, 0, 0, 0]},
    "rectification_matrix": {"rows": 3, "cols": 3, "data": [1, 0, 0, 0, 1, 0, 0, 0, 1]},
    "projection_matrix": {
        "rows": 3,
        "cols": 4,
        "data": [500, 0, 320, 0, 0, 500, 240, 0, 0, 0, 1, 0],
    },
}

# What camera_calibration_parsers writes, to the letter.
FROM_PARSERS = """\
image_width: 640
image_height: 480
camera_name: 08144361026320a0
camera_matrix:
  rows: 3
  cols: 3
  data: [1168.6800000000001, 0, 295.01499999999999, 0, 1169.01, 252.24700000000001, 0, 0, 1]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [-1.0448200000000001, 1.5925199999999999, -0.0196308, 5.3999999999999998e-05, 0]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1, 0, 0, 0, 1, 0, 0, 0, 1]
projection_matrix:
  rows: 3
  cols: 4
  data: [1168.6800000000001, 0, 295.01499999999999, 0, 0, 1169, 252, 0, 0, 0, 1, 0]
binning_x: 0
binning_y: 0
roi:
  x_offset: 0
  y_offset: 0
  height: 0
  width: 0
  do_rectify: false"""

# As cameracalibrator saves it: numpy breaks lines, and pads numbers.
FROM_CALIBRATOR = """\
image_width: 640
image_height: 480
camera_name: narrow_stereo
camera_matrix:
  rows: 3
  cols: 3
  data: [ 4.82e+02,   0.     , 318.12345,
           0.     , 481.54321, 241.5    ,
           0.     ,   0.     ,   1.     ]
distortion_model: equidistant
distortion_coefficients:
  rows: 1
  cols: 4
  data: [0.012345, -0.001000, 0.000100, 1e-05]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1., 0., 0.,
         0., 1., 0.,
         0., 0., 1.]
projection_matrix:
  rows: 3
  cols: 4
  data: [480.     ,   0.     , 318.     ,   0.     ,
           0.     , 480.     , 241.     ,   0.     ,
           0.     ,   0.     ,   1.     ,   0.     ]
"""


def parsed(**changes):
    return parse_calibration(yaml.safe_dump(CONTENT | changes))


def test_a_file_is_read():
    name, calibration, remarks = parsed()
    assert (name, remarks) == ("front", ())
    assert calibration.picture_size == (640, 480)
    assert calibration.distortion_model == "plumb_bob"
    assert calibration.d == (0.1, -0.2, 0, 0, 0)
    assert calibration.k == tuple(CONTENT["camera_matrix"]["data"])
    assert calibration.r == tuple(CONTENT["rectification_matrix"]["data"])
    assert calibration.p == tuple(CONTENT["projection_matrix"]["data"])
    assert calibration.roi == Region()


def test_what_upstream_writes_is_read_and_written_to_the_letter():
    name, calibration, _ = parse_calibration(FROM_PARSERS)
    assert (name, calibration.d[3]) == ("08144361026320a0", 5.4e-5)
    assert format_calibration(name, calibration) == FROM_PARSERS


def test_what_cameracalibrator_writes_is_read():
    name, calibration, _ = parse_calibration(FROM_CALIBRATOR)
    assert (name, calibration.distortion_model) == ("narrow_stereo", "equidistant")
    assert calibration.k == (482, 0, 318.12345, 0, 481.54321, 241.5, 0, 0, 1)
    assert calibration.d == (0.012345, -0.001, 0.0001, 1e-05)


def test_the_order_of_keys_is_free_and_further_ones_are_left_alone():
    backwards = dict(reversed(CONTENT.items())) | {"calibration_time": "2026-13-01"}
    assert parse_calibration(yaml.safe_dump(backwards, sort_keys=False)) == parsed()


@pytest.mark.parametrize("name", ["0815", "1e3", "yes", "~", "", "a: b"])
def test_a_name_is_text_whatever_it_looks_like(name):
    text = yaml.safe_dump(CONTENT).replace("camera_name: front", f"camera_name: '{name}'")
    assert parse_calibration(text).camera_name == name


def test_a_name_that_upstream_writes_without_quotes():
    text = yaml.safe_dump(CONTENT)
    assert parse_calibration(text.replace(": front", ": 0815")).camera_name == "0815"


def test_models_that_are_missing():
    without = {key: value for key, value in CONTENT.items() if key != "distortion_model"}
    _, calibration, remarks = parse_calibration(yaml.safe_dump(without))
    assert calibration.distortion_model == "plumb_bob"
    assert remarks == ("it names no distortion_model, and plumb_bob is assumed",)
    four = {"rows": 1, "cols": 4, "data": [0.1, 0, 0, 0]}
    fisheye = without | {"camera_model": "fisheye", "distortion_coefficients": four}
    _, calibration, remarks = parse_calibration(yaml.safe_dump(fisheye))
    assert (calibration.distortion_model, remarks) == ("equidistant", ())


def test_a_region_and_binning_are_read():
    roi = {"x_offset": 8, "y_offset": 16, "height": 100, "width": 200, "do_rectify": "On"}
    calibration = parsed(binning_x=2, roi=roi).calibration
    assert (calibration.binning, calibration.roi) == ((2, 0), Region(8, 16, 100, 200, True))


def test_opencvs_first_line_and_tags_are_read():
    text = yaml.safe_dump(CONTENT).replace("camera_matrix:", "camera_matrix: !!opencv-matrix")
    assert parse_calibration("%YAML:1.0\n---\n" + text) == parsed()


SHORT = {"rows": 3, "cols": 3, "data": [1, 2]}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"image_width": "wide"}, "image_width is 'wide'"),
        ({"image_width": -640}, "image_width is '-640'"),
        ({"image_height": 10**9}, "image_height is '1000000000'"),
        ({"image_height": None}, "image_height is 'null'"),
        ({"camera_name": ["a"]}, r"camera_name is \['a'\]"),
        ({"camera_matrix": SHORT}, "camera_matrix has 2 numbers instead of 9"),
        ({"camera_matrix": SHORT | {"cols": 2}}, "camera_matrix is 3x2 instead of 3x3"),
        ({"distortion_coefficients": SHORT}, "distortion_coefficients has 2 numbers instead of 9"),
        ({"projection_matrix": None}, "projection_matrix has no list named data"),
        ({"rectification_matrix": {"data": ["x"] * 9}}, "holds something that is no number"),
        ({"rectification_matrix": {"data": [[1]] * 9}}, "holds something that is no number"),
        ({"rectification_matrix": {"data": [float("nan")] * 9}}, "is no number"),
        ({"rectification_matrix": {"data": ["nan"] * 9}}, "not finite"),
        ({"roi": 7}, "roi is '7'"),
        ({"roi": {"x_offset": 1}}, "y_offset is None"),
        ({"distortion_model": "a b"}, 'distortion_model is "a b"'),
    ],
)
def test_a_broken_file_is_named(tmp_path, change, why):
    path = tmp_path / "broken.yaml"
    path.write_text(yaml.safe_dump(CONTENT | change))
    with pytest.raises(CalibrationError, match=f"broken.yaml cannot be used: .*{why}"):
        load_calibration(path)


def bomb() -> str:
    """Return YAML of a few lines that would be gigabytes, were it written out."""
    lines = ["a0: &a0 [x, x]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 40))]
    return "\n".join([*lines, "image_width: *a39", "camera_name: *a39"])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [", "it is no YAML"),
        ("[" * 5000, "it is no YAML"),
        ("", "it is not a mapping"),
        ("- 1", "it is not a mapping"),
        ("? [a]\n: b", "it is no YAML"),
        (bomb() + "\n" + yaml.safe_dump({k: CONTENT[k] for k in CONTENT if "_m" in k}), "is"),
    ],
)
def test_nonsense_is_named(text, why):
    with pytest.raises(CalibrationError, match=why) as error:
        parse_calibration(text)
    assert len(str(error.value)) < 1000


def test_files_that_are_none(tmp_path):
    assert load_calibration(tmp_path / "nowhere.yaml") is None
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "endless.yaml").symlink_to("/dev/zero")
    for name in ("folder.yaml", "endless.yaml"):
        with pytest.raises(CalibrationError, match=f"{name} is no file"):
            load_calibration(tmp_path / name)
    with pytest.raises(CalibrationError, match="cannot be read"):
        load_calibration(tmp_path / f"{'x' * 300}.yaml")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"camera_name: \xff")
    with pytest.raises(CalibrationError, match=r"latin\.yaml cannot be read"):
        load_calibration(latin)
    large = tmp_path / "large.yaml"
    large.write_text(" " * (LARGEST + 1))
    with pytest.raises(CalibrationError, match="larger than"):
        load_calibration(large)


@pytest.mark.parametrize("use", [load_calibration, lambda p: save_calibration(p, "x", GIVEN)])
def test_videres_format_is_refused_by_name(tmp_path, use):
    (tmp_path / "ost.ini").write_text("[image]")
    with pytest.raises(CalibrationError, match=r"ost\.ini is a calibration in Videre's INI"):
        use(tmp_path / "ost.ini")


@pytest.mark.parametrize("name", ["ost.txt", "authorized_keys", ".yaml"])
def test_only_yaml_is_read_or_written(tmp_path, name):
    for use in (load_calibration, lambda path: save_calibration(path, "x", GIVEN)):
        with pytest.raises(CalibrationError, match=r"it ends in \.yaml or \.yml"):
            use(tmp_path / name)
    assert not os.listdir(tmp_path)


GIVEN = parsed().calibration


def test_saving_makes_folders_and_replaces_what_a_link_points_to(tmp_path):
    path = tmp_path / "camera_info" / "front.yaml"
    save_calibration(path, "front", GIVEN)
    assert load_calibration(path) == parsed()
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    save_calibration(link, "front", replace(GIVEN, width=641))
    assert link.is_symlink()
    assert load_calibration(path).calibration.width == 641
    assert os.listdir(path.parent) == ["front.yaml"]


def test_what_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CalibrationError, match=r"file/x\.yaml cannot be written: "):
        save_calibration(tmp_path / "file" / "x.yaml", "front", GIVEN)


numbers = st.floats(-1e9, 1e9, allow_subnormal=False)


@given(
    st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,30}", fullmatch=True) | st.just("null"),
    st.integers(1, 10_000),
    st.integers(1, 10_000),
    st.lists(numbers, min_size=8, max_size=8),
    st.tuples(*[numbers.filter(bool)] * 2, *[numbers] * 2),
    st.integers(0, 1),
)
def test_what_is_written_is_read_again(name, width, height, d, intrinsics, rectify):
    fx, fy, cx, cy = intrinsics
    calibration = Calibration(
        width=width,
        height=height,
        distortion_model="rational_polynomial",
        d=tuple(d),
        k=(fx, 0, cx, 0, fy, cy, 0, 0, 1),
        r=GIVEN.r,
        p=(fx, 0, cx, d[0], 0, fy, cy, 0, 0, 0, 1, 0),
        roi=Region(do_rectify=bool(rectify)),
    )
    text = format_calibration(name, calibration)
    assert parse_calibration(text) == (name, calibration, ())


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=12) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(sorted(CONTENT)), json_like) | json_like)
def test_any_content_gives_a_calibration_or_an_error(content):
    if isinstance(content, dict):
        content = CONTENT | content
    try:
        _, calibration, _ = parse_calibration(yaml.safe_dump(content))
    except CalibrationError:
        return
    assert len(calibration.k) == 9
