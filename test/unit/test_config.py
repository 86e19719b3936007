"""config/streamer.yaml: what it says is true, the lines that are commented out as well."""

import re
from pathlib import Path

import pytest

from pi_webrtc_streamer.bridge_node import Settings, settings_of_camera
from pi_webrtc_streamer.ros.parameters import convert
from pi_webrtc_streamer.settings.camera import CameraSettings
from pi_webrtc_streamer.settings.config_file import Config, read_config
from pi_webrtc_streamer.settings.schema import ConfigError, check, settings_of

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
        "rear": {"topic": "/rear"},
    }
    config = Config({"bridge": {"ros__parameters": content}})
    assert config.bridge_parameters(["front", "rear"]) == content
    kept = {"cameras": ["front", "rear"], "host": "::", "front.signalling_port": 5557}
    assert config.bridge_parameters(["front"]) == kept


def test_no_setting_is_missing(tmp_path):
    path = tmp_path / "streamer.yaml"
    path.write_text(uncommented(ONE_CAMERA))
    config = read_config(str(path)).content
    for node, schema in (("camera", CameraSettings), ("bridge", Settings)):
        assert set(settings_of(schema)) <= set(config[node]["ros__parameters"])
    assert set(settings_of_camera("camera")) <= set(config["bridge"]["ros__parameters"])
