"""Reads configuration files: ROS 2's parameter files, and the predecessor's config.toml."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from .schema import ConfigError, Value

if TYPE_CHECKING:
    from ..predecessor.config.given import Given

_TOML_LINE = re.compile(r"\[\[?[\w\s.\"'-]+\]|[\w.\"'-]+\s*=")


@dataclass(frozen=True)
class Config:
    """A configuration: what a ROS parameter file has, by node, and what is to be said about it."""

    content: dict[str, Any] = field(default_factory=dict)
    path: str = ""  # of a parameter file with just this content, if there is one
    translated: bool = False  # whether it was a config.toml
    warnings: list[str] = field(default_factory=list)
    infos: list[str] = field(default_factory=list)

    @property
    def cameras(self) -> list[str]:
        """The cameras that are given to the bridge."""
        for node in ("/bridge", "bridge", "/**"):
            cameras = self.content.get(node, {}).get("ros__parameters", {}).get("cameras")
            if isinstance(cameras, list) and cameras:
                return [str(name) for name in cameras]
        return ["camera"]

    def parameters(self, node: str) -> dict[str, Value]:
        """Return what there is for a node."""
        parameters: dict[str, Value] = {}
        for section in ("/**", node, f"/{node}"):
            parameters |= self.content.get(section, {}).get("ros__parameters", {})
        return parameters

    def bridge_parameters(self, cameras: list[str]) -> dict[str, Value]:
        """Return what there is for the bridge, but for cameras that it is not to show."""
        others = set(self.cameras) - set(cameras)
        parameters = self.parameters("bridge").items()
        return {name: value for name, value in parameters if name.partition(".")[0] not in others}

    @contextmanager
    def parameter_file(self) -> Iterator[list[str]]:
        """Lend ROS's arguments for a parameter file of this content, for a context's length."""
        if self.path or not self.content:
            yield ["--params-file", self.path] if self.path else []
            return
        with TemporaryDirectory(prefix="pi_webrtc_streamer_") as folder:
            path = Path(folder, "parameters.yaml")
            path.write_text(dump_parameters(self.content), encoding="utf-8")
            yield ["--params-file", str(path)]


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
    if not (toml or is_toml(text, path)):
        return Config(parse_config(text, path), path)
    # Few need it.
    from ..predecessor.config.translate import translate

    translation = translate(text, path, given)
    content = {
        node: {"ros__parameters": parameters} for node, parameters in translation.nodes.items()
    }
    return Config(content, "", True, translation.warnings, translation.infos)


def is_toml(text: str, path: str) -> bool:
    """Return whether a file is TOML rather than YAML."""
    if path.lower().endswith(".toml"):
        return True
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return _TOML_LINE.match(first) is not None


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


def dump_parameters(content: dict[str, Any]) -> str:
    """Return the text of a parameter file."""
    import yaml

    text: str = yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=math.inf)
    return text
