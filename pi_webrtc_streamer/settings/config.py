# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A configuration: what a parameter file says, by node."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .parameter_file import is_for, kind_of, sections
from .schema import Value


@dataclass(frozen=True)
class Config:
    """A configuration: what a ROS parameter file has, by node, and what is to be said about it."""

    content: dict[str, Any] = field(default_factory=dict)
    path: str = ""  # of a parameter file with just this content, if there is one
    translated: bool = False  # whether it was a config.toml
    warnings: list[str] = field(default_factory=list)
    infos: list[str] = field(default_factory=list)
    namespace: str = "/"  # of our nodes

    @property
    def cameras(self) -> list[str]:
        """The cameras that are given to the bridge."""
        cameras = self.parameters("bridge").get("cameras")
        return (
            [str(name) for name in cameras] if isinstance(cameras, list) and cameras else ["camera"]
        )

    def parameters(self, node: str) -> dict[str, Value]:
        """Return what there is for a node, by dotted names; what comes later in the file wins.

        A section that names the node alone is for it in any namespace.
        """
        full_name = f"{self.namespace.rstrip('/')}/{node}"
        parameters: dict[str, Value] = {}
        for section, given in sections(self.content):
            if is_for(section, full_name) or section.strip("/") == node:
                parameters |= given
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


def dump_parameters(content: dict[str, Any]) -> str:
    """Return the text of a parameter file."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Quotes every text that rcl would take for something else."""

    def represent(dumper: Dumper, text: str) -> Any:
        style = "'" if kind_of(text) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)

    Dumper.add_representer(str, represent)
    dumped: str = yaml.dump(
        content, None, Dumper, allow_unicode=True, sort_keys=False, width=math.inf
    )
    return dumped
