# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""ROS 2's parameter files: which sections of one are for a node, as rcl and rclpy have it.

A section is named by a node's fully qualified name, in one key (``/robot/camera``) or in nested
ones. In it, ``*`` stands for one part of a name and ``**`` for any number of parts. Later sections
win. (ROS 2's design article on passing ROS arguments to nodes; rclpy's node.cpp.) Pure.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from .schema import ConfigError, Value

PARAMETERS = "ros__parameters"
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
# The first that matches, by the kinds of YAML.
SCALARS = {
    "bool": r"(?:[yYnN]|[yY]es|YES|[nN]o|NO|[tT]rue|TRUE|[fF]alse|FALSE|[oO]n|ON|[oO]ff|OFF)$",
    "int": r"[-+]?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$",
    "float": r"(?:[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|\.(?:[iI]nf|INF))|\.(?:nan|NaN))$",
    "null": r"(?:~|null|Null|NULL|)$",
}


def parse_yaml(text: str, path: str) -> dict[str, Any]:
    """Return the content of a parameter file that was read from ``path``.

    :raises ConfigError: if it is none.
    """
    try:
        content = _load(text)
    except (ValueError, RecursionError) as error:  # 2026-13-01 is a ValueError
        raise ConfigError(f"the configuration {path} is no YAML: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"the configuration {path} is not a mapping of node names")
    try:
        list(sections(content))
    except ConfigError as error:
        raise ConfigError(f"the configuration {path} {error}") from None
    return content


def sections(content: Mapping[Any, Any], name: str = "") -> Iterator[tuple[str, dict[str, Value]]]:
    """Return each section's name and parameters, in order: ``{"a": {"b": 1}}`` is ``a.b``.

    :raises ConfigError: if a name leads to something else than parameters.
    """
    for key, inner in content.items():
        if key == PARAMETERS and name:
            if not isinstance(inner, dict | None):
                raise ConfigError(f'has no mapping below "{PARAMETERS}:" of "{name}:"')
            yield name, dict(_flat(inner or {}))
            continue
        full = f"{name}/{key}".replace("//", "/") if name else str(key)
        if not isinstance(inner, dict) or not inner:
            raise ConfigError(
                f'has no "{PARAMETERS}:" below "{name or full}:"; '
                "config/streamer.yaml shows the form"
            )
        yield from sections(inner, full)


def is_for(section: str, node: str) -> bool:
    """Whether a section is for a node, given its fully qualified name (``/robot/camera``)."""
    parts = [
        {"*": r"(/\w+)", "**": r"(/\w+)*"}.get(part, "/" + re.escape(part))
        for part in section.strip("/").split("/")
    ]
    return re.fullmatch("".join(parts), node) is not None


def node_names(content: Mapping[Any, Any]) -> list[str]:
    """Return the names of the nodes, without namespaces, that sections are for by name."""
    last = (section.rpartition("/")[2] for section, _ in sections(content))
    return [name for name in dict.fromkeys(last) if "*" not in name]


def kind_of(scalar: str) -> str:
    """Return what rcl takes a scalar without quotes for: bool, int, float, null, or "" for text."""
    return next((kind for kind, known in SCALARS.items() if re.match(known, scalar)), "")


def _flat(parameters: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Value]]:
    for key, value in parameters.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _out_of_range(written: str, number: float) -> bool:
    """Whether strtod sets ERANGE for a number: rcl takes it for text then."""
    if math.isinf(number):
        return "inf" not in written.lower()
    mantissa = written.lower().partition("e")[0]
    return abs(number) < sys.float_info.min and any(digit in mantissa for digit in "123456789")


def _load(text: str) -> Any:
    """Read YAML with the scalars that rcl knows: a time or a date is text, 1e3 a number.

    :raises ValueError: if it is none.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        """Takes for a truth value or a number what rcl_yaml_param_parser's parse.c does."""

        bool_values: ClassVar[dict[str, bool]] = {
            **dict.fromkeys(("y", "yes", "true", "on"), True),
            **dict.fromkeys(("n", "no", "false", "off"), False),
        }

    def whole(loader: Loader, node: yaml.ScalarNode) -> int | float:
        number = loader.construct_yaml_int(node)
        if INT64_MIN <= number <= INT64_MAX:
            return number
        return float(number if "x" in node.value.lower() else node.value)  # as strtod has it

    def fraction(loader: Loader, node: yaml.ScalarNode) -> float | str:
        number = loader.construct_yaml_float(node)
        return node.value if _out_of_range(node.value, number) else number

    Loader.add_constructor("tag:yaml.org,2002:int", whole)
    Loader.add_constructor("tag:yaml.org,2002:float", fraction)
    Loader.yaml_implicit_resolvers = {}
    for kind, pattern in SCALARS.items():
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(pattern), None)
    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
