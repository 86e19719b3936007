# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Configuration files."""

from pathlib import Path

import pytest

from pi_webrtc_streamer.settings.config import Config
from pi_webrtc_streamer.settings.config_file import read_config
from pi_webrtc_streamer.settings.schema import ConfigError

PATH = Path(__file__).parents[3] / "config" / "streamer.yaml"


ONE_CAMERA, _, TWO_CAMERAS = PATH.read_text().partition("# Two cameras")


def test_a_file_in_somebodys_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "streamer.yaml"
    file.write_text(ONE_CAMERA)
    assert read_config("~/streamer.yaml").path == str(file), "for ROS, which knows no ~"
    for nowhere in ("~/other.yaml", "~nobody-at-all/other.yaml"):
        with pytest.raises(
            ConfigError, match=f"the configuration .*{nowhere[-10:]} cannot be read"
        ):
            read_config(nowhere)


def test_of_cameras_that_are_left_out_the_bridge_is_told_nothing():
    content = {
        "cameras": ["front", "rear"],
        "host": "::",
        "front.signalling_port": 5557,
        "rear.signalling_port": 5558,
        "rear.topic": "/rear",
    }
    config = Config({"bridge": {"ros__parameters": content}})
    assert config.bridge_parameters(["front", "rear"]) == content
    kept = {"cameras": ["front", "rear"], "host": "::", "front.signalling_port": 5557}
    assert config.bridge_parameters(["front"]) == kept
