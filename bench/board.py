# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What board it is, and whether it slows itself down: clock rates, temperature, throttling.

What a machine does not tell is None, or not in what is returned.
"""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")
FIRMWARE = "sys/devices/platform/soc*/soc*:firmware/get_throttled"
# https://www.raspberrypi.com/documentation/computers/os.html#get_throttled
NOW = {0: "under-voltage", 1: "clock capped", 2: "throttled", 3: "soft temperature limit"}
SINCE_BOOT = 16  # bits above those of now


@dataclass(frozen=True)
class Reading:
    """How a board is at a moment; MHz of the slowest core, °C of the hottest sensor."""

    clock: float | None
    temperature: float | None


def read(root: Path = ROOT) -> Reading:
    """Read clock and temperature."""
    clocks = _numbers(root, "sys/devices/system/cpu/cpufreq/policy*/scaling_cur_freq")
    temperatures = _numbers(root, "sys/class/thermal/thermal_zone*/temp")
    return Reading(
        clock=min(clocks) / 1000 if clocks else None,
        temperature=max(temperatures) / 1000 if temperatures else None,
    )


def describe(root: Path = ROOT) -> dict[str, str]:
    """Return what stays as it is, by name, for people to read."""
    processor = [line for line in _lines(root, "proc/cpuinfo") if line.startswith("model name")]
    found = {
        "board": model(root) or (processor[0].partition(":")[2].strip() if processor else ""),
        "architecture": platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": _memory(root),
        "clock": _clock_range(root),
        "system": _system(),
        "kernel": platform.release(),
    }
    return {name: text for name, text in found.items() if text}


def model(root: Path = ROOT) -> str:
    """Return a board's name, such as "Raspberry Pi 4 Model B Rev 1.5"; empty where it has none."""
    return "".join(_lines(root, "proc/device-tree/model")).rstrip("\0").strip()


def throttled(root: Path = ROOT) -> int | None:
    """Return the bits of the Raspberry Pi's firmware, from its kernel module or its tool."""
    for path in root.glob(FIRMWARE):
        return int(path.read_text(), 16)
    try:
        done = subprocess.run(
            ("vcgencmd", "get_throttled"), capture_output=True, text=True, timeout=5, check=True
        )
        return int(done.stdout.strip().partition("=")[2], 16)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def in_words(bits: int | None) -> str:
    """Say what the firmware's bits mean."""
    if bits is None:
        return "the machine does not tell"
    now = [what for bit, what in NOW.items() if bits >> bit & 1]
    before = [what for bit, what in NOW.items() if bits >> SINCE_BOOT + bit & 1]
    if not now and not before:
        return "never since it was started"
    return f"now: {', '.join(now) or 'no'}; since it was started: {', '.join(before) or 'never'}"


def _clock_range(root: Path) -> str:
    policies = "sys/devices/system/cpu/cpufreq/policy*"
    lowest = _numbers(root, f"{policies}/scaling_min_freq")
    highest = _numbers(root, f"{policies}/scaling_max_freq")
    if not lowest or not highest:
        return ""
    governors = {path.read_text().strip() for path in root.glob(f"{policies}/scaling_governor")}
    text = f"{min(lowest) / 1000:g} to {max(highest) / 1000:g} MHz"
    return f"{text} ({', '.join(sorted(governors))})" if governors else text


def _memory(root: Path) -> str:
    for line in _lines(root, "proc/meminfo"):
        if line.startswith("MemTotal:"):
            return f"{int(line.split()[1]) * 1024 / 1e9:.1f} GB"
    return ""


def _system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        return ""


def _numbers(root: Path, pattern: str) -> list[int]:
    """Return the numbers in all files of a pattern; some sensors refuse to be read at times."""
    found = []
    for path in sorted(root.glob(pattern)):
        try:
            found.append(int(path.read_text()))
        except (OSError, ValueError):
            continue
    return found


def _lines(root: Path, path: str) -> list[str]:
    try:
        return (root / path).read_text(errors="replace").splitlines()
    except OSError:
        return []
