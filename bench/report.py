# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The table and the JSON file."""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from . import board
from .figures import Figure, Part

RESULT = Path(__file__).parents[1] / "build" / "bench" / "result.json"
PACKAGES = (
    "aiohttp",
    "aioice",
    "aiortc",
    "av",
    "numpy",
    "playwright",
    "pylibsrtp",
    "simplejpeg",
    "ros-jazzy-rclpy",
    "ros-jazzy-rmw-fastrtps-cpp",
    "ros-kilted-rclpy",
    "ros-kilted-rmw-fastrtps-cpp",
)


def machine() -> dict[str, Any]:
    """Describe the machine, and how busy it is with other things."""
    return {
        "cpu": board.model() or _field("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory": _field("/proc/meminfo", "MemTotal"),
        "kernel": platform.release(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", ""),
        "load": list(os.getloadavg()),
    }


def versions() -> dict[str, str]:
    """Return the versions of everything that has a part in the figures."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    found["chromium"] = _output("chromium", "--version")
    found["gstreamer"] = _output("gst-launch-1.0", "--version").partition("\n")[0]
    found["commit"] = _output("git", "describe", "--always", "--dirty", "--abbrev=12")
    return {name: version for name, version in found.items() if version}


def write(result: dict[str, Any], path: Path = RESULT) -> None:
    """Write the JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_without_nan(result), indent=2, ensure_ascii=False) + "\n")


def table(parts: Iterable[Part]) -> str:
    """Return all figures in columns, the targets beside ours."""
    blocks = []
    for part in parts:
        rows = [_row(figure) for figure in part.figures]
        lines = [part.name, *_columns(rows), *(f"  · {note}" for note in part.notes)]
        blocks.append("\n".join(lines))
    return "\n".join(line.rstrip() for line in "\n\n".join(blocks).splitlines())


def markdown(parts: Sequence[Part]) -> str:
    """Return the figures as a table in Markdown: a column for each part, a row for each figure."""
    rows: dict[str, dict[str, str]] = {}
    for part in sorted(parts, key=lambda part: len(part.figures), reverse=True):
        for figure in part.figures:
            name = f"{figure.name}, {figure.unit}" if figure.unit else figure.name
            rows.setdefault(name, {})[part.name] = number(figure.value)
    columns = [part.name for part in parts if part.figures]
    lines = [["", *columns], ["---", *("---:" for _ in columns)]]
    lines += [[name, *(row.get(column, "") for column in columns)] for name, row in rows.items()]
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines)


def _row(figure: Figure) -> tuple[str, ...]:
    if figure.target is None:
        return figure.name, number(figure.value), figure.unit, "", ""
    sign = "≥" if figure.at_least else "≤"
    mark = "✔" if figure.reached else "✘"
    return figure.name, number(figure.value), figure.unit, f"{sign} {figure.target:g}", mark


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    name, value, unit, target = (max((len(row[i]) for row in rows), default=0) for i in range(4))
    return [
        f"  {row[0]:<{name}}  {row[1]:>{value}} {row[2]:<{unit}}  {row[3]:<{target}} {row[4]}"
        for row in rows
    ]


def number(value: float) -> str:
    """Return a number with as many digits as it deserves."""
    if math.isnan(value):
        return "–"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(each) for each in value]
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 4)
    return value


def _field(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
