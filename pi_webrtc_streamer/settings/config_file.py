# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reads configuration files: ROS 2's parameter files, and the predecessor's config.toml."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from ..predecessor.config.given import Given
from ..predecessor.config.reading import is_toml, read_toml
from .config import Config
from .parameter_file import node_names, parse_yaml
from .schema import ConfigError


def read_config(path: str, given: Given | None = None, *, toml: bool = False) -> Config:
    """Read a ROS parameter file or a config.toml: its name or its first line tells what it is,
    unless ``toml`` says that it is the latter. A ``~`` is a home, as no shell makes one of
    ``config_toml:=~/config.toml``.

    :raises ConfigError: if it is missing or cannot be used; the text names the file.
    """
    try:
        path = str(Path(path).expanduser())
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, RuntimeError, UnicodeDecodeError) as error:  # RuntimeError: who is ~nobody?
        raise ConfigError(f"the configuration {path} cannot be read: {error}") from error
    if toml or is_toml(text, path):
        return read_toml(text, path, given)
    return parse_config(text, path)


def parse_config(text: str, path: str) -> Config:
    """Return what a ROS parameter file says that was read from ``path``.

    It may be for a whole robot. Sections that are not for our nodes are left to others; what looks
    like a slip is warned of.

    :raises ConfigError: if it is none.
    """
    config = Config(parse_yaml(text, path), path)
    ours = ("bridge", *config.cameras)
    named = node_names(config.content)
    warnings = [
        f'the configuration {path} has a section "{name}": did you mean "{near}"?'
        for name in named
        if name not in ours
        for near in get_close_matches(name, set(ours) - set(named), n=1)
    ]
    if not any(config.parameters(node) for node in ours):
        warnings.append(f"the configuration {path} has nothing for {', '.join(ours)}")
    return replace(config, warnings=warnings)
