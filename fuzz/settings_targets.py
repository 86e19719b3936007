# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What an integrator writes: calibration and configuration files."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import yaml

from pi_webrtc_streamer.camera.calibration import CalibrationError
from pi_webrtc_streamer.camera.calibration_file import format_calibration, parse_calibration
from pi_webrtc_streamer.ros.parameters import convert
from pi_webrtc_streamer.settings.bridge import BridgeSettings
from pi_webrtc_streamer.settings.config_file import parse_config
from pi_webrtc_streamer.settings.schema import (
    ConfigError,
    SettingsError,
    check,
    from_values,
    settings_of,
)


def camera_info(data: bytes) -> None:
    """Read a calibration; what could be read can be written, and read again."""
    with suppress(CalibrationError):
        _, calibration, _ = parse_calibration(data.decode("utf-8", "replace"))
        again = parse_calibration(format_calibration("camera", calibration))
        assert again.calibration == calibration


def config(data: bytes) -> None:
    """Read a configuration file, and the settings of its bridge."""
    with suppress(ConfigError, SettingsError):
        given = parse_config(data.decode("utf-8", "replace"), "streamer.yaml").parameters("bridge")
        values = {}
        for name, (about, default) in settings_of(BridgeSettings).items():
            if name in given:
                values[name] = convert(name, given[name], default)
                check(name, values[name], about)
        from_values(BridgeSettings, values)


def calibrations() -> list[bytes]:
    """Return a camera's calibration."""
    path = Path(__file__).parents[1] / "test" / "nodes" / "calibration.yaml"
    return [path.read_bytes()]


def configs() -> list[bytes]:
    """Return configuration files, of the bridge alone and with cameras."""
    path = Path(__file__).parents[1] / "config" / "streamer.yaml"
    given = yaml.safe_load(path.read_text())
    return [yaml.safe_dump({"bridge": given["bridge"]}).encode(), yaml.safe_dump(given).encode()]
