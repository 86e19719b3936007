# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A config.toml is known for what it is, and read like any configuration file."""

from pathlib import Path

import pytest
import yaml

from pi_webrtc_streamer.predecessor.config.reading import is_toml
from pi_webrtc_streamer.settings.config_file import read_config
from pi_webrtc_streamer.settings.schema import ConfigError
from support.predecessor.config_toml import FOLDER


@pytest.mark.parametrize("name", ["go.toml", "rust.toml"])
def test_printed_parameters_are_the_same_file(name, tmp_path):
    config = read_config(str(FOLDER / name))
    with config.parameter_file() as (_, path):
        again = read_config(path)
        assert again.content == yaml.safe_load(Path(path).read_text())
    assert not Path(path).exists()
    assert again.content == config.content
    assert again.cameras == config.cameras


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("", "a.toml", True),
        ("", "A.TOML", True),
        ("", "a.yaml", False),
        ("# x\n\n[camera1]\n", "config", True),
        ("web_port = 3", "config", True),
        ("camera:\n  ros__parameters: {a: '='}", "config", False),
        ("/**:\n  ros__parameters: {}", "config", False),
    ],
)
def test_toml_is_known_by_its_name_or_its_first_line(text, path, expected):
    assert is_toml(text, path) is expected


def test_a_config_toml_may_have_any_name(tmp_path):
    file = tmp_path / "robot.conf"
    file.write_text("# nothing yet\n")
    with pytest.raises(ConfigError, match="is not a mapping of node names"):
        read_config(str(file))
    assert read_config(str(file), toml=True).cameras == ["camera1"]
