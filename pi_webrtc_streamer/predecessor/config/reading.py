# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tells a config.toml from a parameter file, and reads it."""

from __future__ import annotations

import re

from ...settings.config import Config
from .given import Given

_TOML_LINE = re.compile(r"\[\[?[\w\s.\"'-]+\]|[\w.\"'-]+\s*=")


def is_toml(text: str, path: str) -> bool:
    """Return whether a file is TOML rather than YAML."""
    if path.lower().endswith(".toml"):
        return True
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return _TOML_LINE.match(first) is not None


def read_toml(text: str, path: str, given: Given | None = None) -> Config:
    """Return what a config.toml, read from ``path``, comes to.

    :raises ConfigError: if it cannot be used.
    """
    from .translate import translate  # few need it

    translation = translate(text, path, given)
    content = {
        node: {"ros__parameters": parameters} for node, parameters in translation.nodes.items()
    }
    return Config(content, "", True, translation.warnings, translation.infos)
