"""Reads configuration files: ROS 2's parameter files, and the predecessor's config.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..predecessor.config.given import Given
from ..predecessor.config.reading import is_toml, read_toml
from .config import Config
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
    return Config(parse_config(text, path), path)


def parse_config(text: str, path: str) -> dict[str, Any]:
    """Return the content of a ROS parameter file that was read from ``path``.

    :raises ConfigError: if it is none.
    """
    import yaml

    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # 2026-13-01 is a ValueError
        raise ConfigError(f"the configuration {path} is no YAML: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"the configuration {path} is not a mapping of node names")
    for node, section in content.items():
        if not isinstance(section, dict) or not isinstance(section.get("ros__parameters"), dict):
            raise ConfigError(
                f'the configuration {path} has no "ros__parameters:" below "{node}:"; '
                "config/streamer.yaml shows the form"
            )
    cameras = Config(content).cameras
    for node in content:
        if node != "/**" and str(node).removeprefix("/") not in ("bridge", *cameras):
            raise ConfigError(
                f'the configuration {path} has a section "{node}"; the nodes are '
                f"bridge and the cameras that it names: {', '.join(cameras)}"
            )
    return content
