# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The predecessor's config.toml: samples, how one is written, and what it comes to."""

import json
from pathlib import Path

import pytest

from pi_webrtc_streamer.predecessor.config.given import Given
from pi_webrtc_streamer.predecessor.config.keys import CAMERA, SECTIONS, Key
from pi_webrtc_streamer.predecessor.config.translate import translate
from pi_webrtc_streamer.settings.schema import ConfigError

FOLDER = Path(__file__).parent  # of the samples
FILE = "/robot/config.toml"

MEANT = [
    (section, key, about)
    for section, keys in [*SECTIONS.items(), ("camera1", CAMERA), ("camera-2", CAMERA)]
    for key, about in keys.items()
    if isinstance(about, Key)
]


def parameters(text: str, given: Given = Given()) -> dict:  # noqa: B008
    return translate(text, FILE, given).nodes


def bridge(text: str, given: Given = Given()) -> dict:  # noqa: B008
    return parameters(text, given)["bridge"]


def errors(text: str, given: Given = Given()) -> list[str]:  # noqa: B008
    with pytest.raises(ConfigError) as error:
        translate(text, FILE, given)
    return str(error.value).splitlines()


def toml(value: object) -> str:
    """Write a value; JSON is TOML, but for tables."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + " }"
    return json.dumps(value)


def takes(about: Key, value: object) -> bool:
    return type(value) in about.kinds and about.valid(value)
