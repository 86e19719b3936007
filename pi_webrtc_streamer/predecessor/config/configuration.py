# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The whole configuration in the Go streamer's words, as its clients are told it (/api/config)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ...settings.schema import Value
from .document import CameraSection, Document, camera_number, normal
from .keys import CROP, Key, Keys

LARGEST_INTEGER = 64  # bits

Described = dict[str, Any]


def whole_configuration(
    content: Mapping[str, Any], document: Document, bridge: Mapping[str, Value]
) -> str:
    """Return as JSON what a file says and, where it says nothing, what holds instead.

    ``document`` is what was made of the content, and ``bridge`` has the bridge's parameters.
    """
    in_force = {
        "codec": bridge["codecs"][0],
        "bitrate": bridge["bitrate"],
        "webrtc_port_1": _port(1, bridge),
        "webrtc_port_2": _port(2, bridge),
    }
    whole = {name: _values(section.keys, in_force) for name, section in document.sections.items()}
    for camera in document.cameras:
        decided = {
            "webrtc_port": _port(camera.number, bridge),
            "flip_method": camera.flip_method,
        }
        whole[f"camera{camera.number}"] = _values(camera.keys, decided)
    return json.dumps(_merged(whole, _said(content, document.cameras)), default=str)


def _port(camera: int, bridge: Mapping[str, Value]) -> Value:
    return bridge.get(f"camera{camera}.signalling_port", 0)


def _values(keys: Keys, decided: Mapping[str, Any]) -> Described:
    """Return a section's values where the file has none; ``decided`` are those without default."""
    values = {
        name: decided[name] if key.default is None else key.default
        for name, key in keys.items()
        if isinstance(key, Key)
    }
    if "crop" in values:
        values["crop"] = dict(zip(CROP, values["crop"], strict=True))
    return values


def _said(content: Mapping[str, Any], cameras: tuple[CameraSection, ...]) -> Described:
    """Return the content with every name as the Go streamer had it."""
    counting = {camera.name for camera in cameras}
    said: Described = {}
    for name, value in content.items():
        number = camera_number(name)
        if number is None:
            said = _merged(said, {normal(name): _plain(value)})
        elif name in counting:
            said[f"camera{number}"] = _plain(value)
    return said


def _merged(first: Described, second: Described) -> Described:
    """Return both, the second where they differ."""
    merged = dict(first)
    for name, value in second.items():
        before = first.get(name)
        if isinstance(before, dict) and isinstance(value, dict):
            merged[name] = _merged(before, value)
        else:
            merged[name] = value
    return merged


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {normal(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has no infinity
    if isinstance(value, int) and value.bit_length() > LARGEST_INTEGER:
        return None  # which TOML does not have either, though its readers let it pass
    return value
