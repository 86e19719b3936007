# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""config/streamer.yaml: what it says is true, the lines that are commented out as well."""

import re
from pathlib import Path

import pytest

from pi_webrtc_streamer.bridge_node import Settings, settings_of_camera
from pi_webrtc_streamer.ros.parameters import convert
from pi_webrtc_streamer.settings.camera import CameraSettings
from pi_webrtc_streamer.settings.config_file import read_config
from pi_webrtc_streamer.settings.schema import check, settings_of

PATH = Path(__file__).parents[2] / "config" / "streamer.yaml"


ONE_CAMERA, _, TWO_CAMERAS = PATH.read_text().partition("# Two cameras")


def uncommented(text: str) -> str:
    """Bring the lines that begin with #name: to life."""
    return re.sub(r"^(\s*)#(?=[ \w.]*\w:( |$))(?! [A-Z])", r"\1", text, flags=re.MULTILINE)


@pytest.mark.parametrize(
    "text", [ONE_CAMERA, uncommented(ONE_CAMERA), uncommented("# " + TWO_CAMERAS)]
)
def test_every_value_can_be_used(tmp_path, text):
    path = tmp_path / "streamer.yaml"
    path.write_text(text)
    for node, section in read_config(str(path)).content.items():
        known = settings_of(CameraSettings)
        if node == "bridge":
            known = settings_of(Settings) | settings_of_camera("camera")
        for name, value in section["ros__parameters"].items():
            if name != "controls":
                about, default = known[name]
                check(name, convert(name, value, default), about)


def test_no_setting_is_missing(tmp_path):
    path = tmp_path / "streamer.yaml"
    path.write_text(uncommented(ONE_CAMERA))
    config = read_config(str(path)).content
    for node, schema in (("camera", CameraSettings), ("bridge", Settings)):
        assert set(settings_of(schema)) <= set(config[node]["ros__parameters"])
    assert set(settings_of_camera("camera")) <= set(config["bridge"]["ros__parameters"])
