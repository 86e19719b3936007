# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Files that are written whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from pi_webrtc_streamer.runtime.files import ros_home, write_whole


def test_the_folder_is_made_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "a" / "b" / "x.yaml"
    write_whole(path, "one")
    write_whole(path, "two ü")
    assert path.read_text(encoding="utf-8") == "two ü"
    assert os.listdir(path.parent) == ["x.yaml"]


def test_what_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.yaml"
    write_whole(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "new \udc80")
    with pytest.raises(FileExistsError):
        write_whole(path, "new", replace=False)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["x.yaml"]
    with pytest.raises(FileExistsError):
        write_whole(path / "y.yaml", "new")


def test_modes_are_what_the_umask_leaves(tmp_path):
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "x", "")
        write_whole(tmp_path / "y", "", mode=0o600)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "xy"]
    assert modes == [0o640, 0o600]


def test_the_folder_of_ros(monkeypatch):
    monkeypatch.setenv("HOME", "/home/pi")
    monkeypatch.setenv("ROS_HOME", "")
    assert ros_home() == Path("/home/pi/.ros")
    monkeypatch.setenv("ROS_HOME", "/var/ros")
    assert ros_home() == Path("/var/ros")
