"""Calibration files."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.camera.camera_info import (
    CameraInfoError,
    CameraInfoMissing,
    load_camera_info,
    make_camera_info,
)

CALIBRATION = {
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


def write(path: Path, content: object) -> str:
    path.write_text(yaml.safe_dump(content))
    return f"file://{path}"


def test_a_calibration_becomes_the_message(tmp_path):
    info = load_camera_info(write(tmp_path / "a calibration.yaml", CALIBRATION))
    assert (info.width, info.height) == (640, 480)
    assert info.distortion_model == "plumb_bob"
    assert list(info.d) == [0.1, -0.2, 0, 0, 0]
    assert list(info.k) == CALIBRATION["camera_matrix"]["data"]
    assert list(info.p) == CALIBRATION["projection_matrix"]["data"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"image_width": "wide"}, "image_width is 'wide'"),
        ({"camera_matrix": {"data": [1, 2]}}, "camera_matrix has 2 numbers instead of 9"),
        ({"projection_matrix": None}, "projection_matrix has no list named data"),
        ({"rectification_matrix": {"data": ["x"] * 9}}, "holds something that is no number"),
    ],
)
def test_a_broken_one_is_named_with_its_file(tmp_path, change, why):
    with pytest.raises(CameraInfoError, match=f"broken.yaml cannot be used: .*{why}"):
        load_camera_info(write(tmp_path / "broken.yaml", CALIBRATION | change))


def test_files_that_are_not_there_or_no_yaml(tmp_path):
    with pytest.raises(CameraInfoMissing, match=r"there is no calibration file /nowhere\.yaml"):
        load_camera_info("file:///nowhere.yaml")
    (tmp_path / "x.yaml").write_text("a: [")
    with pytest.raises(CameraInfoError, match="is no YAML"):
        load_camera_info(f"file://{tmp_path}/x.yaml")
    with pytest.raises(CameraInfoError, match="cannot be read"):
        load_camera_info(f"file://{tmp_path}")


def test_other_urls_are_refused_with_the_right_form():
    with pytest.raises(CameraInfoError, match=r"write file:///path/to\.yaml or package://"):
        load_camera_info("http://example.org/x.yaml")
    with pytest.raises(CameraInfoError, match="package no_such_package is not installed"):
        load_camera_info("package://no_such_package/x.yaml")


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=12) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(sorted(CALIBRATION)), json_like) | json_like)
def test_any_content_gives_a_message_or_an_error(content):
    if isinstance(content, dict):
        content = CALIBRATION | content
    try:
        info = make_camera_info(content)
    except CameraInfoError:
        return
    assert len(info.k) == 9
