# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""camera_info_url."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.camera.calibration import CalibrationError
from pi_webrtc_streamer.camera.calibration_url import DEFAULT_URL, path_of


@pytest.fixture(autouse=True)
def home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/pi")
    monkeypatch.delenv("ROS_HOME", raising=False)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (DEFAULT_URL, "/home/pi/.ros/camera_info/front.yaml"),
        ("", "/home/pi/.ros/camera_info/front.yaml"),
        ("file:///etc/${NAME}/${NAME}.yaml", "/etc/front/front.yaml"),
        ("FILE:///etc/a%20b #c?d.yaml", "/etc/a b #c?d.yaml"),
        ("file://~/front.yaml", "/home/pi/front.yaml"),
        ("file:///a$b{c}.yaml", "/a$b{c}.yaml"),
    ],
)
def test_paths(url, path):
    assert path_of(url, "front") == Path(path)


def test_the_environment_can_say_where_ros_is_at_home(monkeypatch):
    monkeypatch.setenv("ROS_HOME", "/var/${NAME}")
    assert path_of("", "front") == Path("/var/${NAME}/camera_info/front.yaml")


def test_a_file_of_an_installed_package(tmp_path, monkeypatch):
    index = tmp_path / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    (index / "robot").write_text("")
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    share = tmp_path / "share" / "robot"
    share.mkdir()
    assert path_of("package://robot/config/${NAME}.yaml", "front") == share / "config/front.yaml"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.org/x.yaml", r'the scheme "http"; write file:///path/to\.yaml'),
        ("flash:///x", 'the scheme "flash"'),
        ("/etc/x.yaml", "no scheme; write file:///"),
        ("file://x.yaml", "is no whole path"),
        ("file://", "is no whole path"),
        ("file:///", "is no whole path"),
        ("file:///a%00b", "is no whole path"),
        ("file://~nobody-is-called-so/x.yaml", "home directory"),
        ("file:///${HOME}/x.yaml", r"\$\{HOME\} is unknown; known are \$\{NAME\} and"),
        ("file:///${NAME", r"\$\{NAME\} is unknown"),
        ("file:///${}", r"\$\{\} is unknown"),
        ("package://no_such_package/x.yaml", "package no_such_package is not installed"),
        ("package://robot", "write file:///path"),
        ("package:///x.yaml", "write file:///path"),
    ],
)
def test_what_cannot_be_is_refused_by_name(url, why):
    with pytest.raises(CalibrationError, match=why):
        path_of(url, "front")


@given(st.sampled_from(["", "file://", "file:///", "package://"]), st.text(max_size=30))
def test_any_text_is_a_whole_path_or_refused(scheme, rest):
    try:
        path = path_of(scheme + rest, "front")
    except CalibrationError:
        return
    assert path.is_absolute()
