# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""``python -m bench [PART...]``: measure, print a table, write build/bench/result.json."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from datetime import datetime, timezone
from types import FrameType

from . import report
from .figures import Part, Unavailable
from .processes import ENVIRONMENT

PARTS = {
    "glass": "glass to glass in Chromium, beside MJPEG, aiortc and GStreamer",
    "direct": "over DDS, by shared memory and in one process, beside GStreamer with raw pictures",
    "steps": "glass to glass without what makes it short, a thing at a time",
    "stages": "where the time goes on a picture's way",
    "idle": "CPU with nobody watching",
    "fanout": "CPU of the bridge with up to 50 viewers, and rivals'",
    "memory": "resident memory",
    "join": "time to the first frame, time to release",
    "network": "5 % loss and 1 Mbit/s, in a network namespace",
    "links": "age and width of the picture over recorded links: TRACE=FILES, in mahimahi's format",
    "comeback": "from when a network or the bridge is back to the next picture",
    "streams": "age of live streams by URL, after 5 s and after MINUTES (0.5), beside ffmpeg",
    "drive": "from a key to the robot, and what driving costs",
    "abuse": "frame rates while others behave badly",
    "robot": "CPU, memory and age on the robot itself, without a browser (SOURCE, MINUTES)",
}
ONLY_IF_ASKED = {"robot"}


def main() -> int:
    """Measure the parts that are asked for; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="bench",
        description="\n".join(f"  {name:<9}{what}" for name, what in PARTS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", nargs="*", help="what to measure (default: all but robot)")
    options = parser.parse_args()
    unknown = set(options.part) - set(PARTS)
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    os.environ.update(ENVIRONMENT)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    result = {"machine": report.machine(), "versions": report.versions()}
    result["begun"] = datetime.now(timezone.utc).isoformat(timespec="seconds")
    parts: dict[str, list[Part]] = {}
    status = 0
    try:
        for name in options.part or [part for part in PARTS if part not in ONLY_IF_ASKED]:
            _measure(name, parts.setdefault(name, []))
    except KeyboardInterrupt:
        _progress("interrupted")
        status = 130
    result["parts"] = {
        name: {part.name: part.as_dict() for part in each} for name, each in parts.items()
    }
    written = _write(result)
    tables = "\n\n".join(_table(name, each) for name, each in parts.items())
    print(f"\n{_heading(result)}\n\n{tables}\n\n{written}")
    return status


def _measure(name: str, measured: list[Part]) -> None:
    """Add what a part finds, and why it does not where it does not."""
    try:
        for part in importlib.import_module(f".{name}", __package__).run(_progress):
            measured.append(part)
    except Unavailable as error:
        measured.append(Part(name, notes=[f"left out: {error}"]))
    except Exception as error:
        if _interrupted.is_set():
            raise KeyboardInterrupt from error
        traceback.print_exc()
        measured.append(Part(name, notes=[f"failed: {type(error).__name__}: {error}"]))


def _write(result: dict) -> str:
    """Write the file, and say where; in a container, say, there may be no place for it."""
    try:
        report.write(result)
    except OSError as error:
        return f"The file with all figures cannot be written: {error}"
    return f"All figures: {report.RESULT}"


def _table(name: str, measured: list[Part]) -> str:
    """Return what a part has found, in the shape that it has for it."""
    module = importlib.import_module(f".{name}", __package__)
    shape: Callable[[list[Part]], str] = getattr(module, "table", report.table)
    return shape(measured)


def _heading(result: dict) -> str:
    machine = result["machine"]
    load = " ".join(f"{each:.1f}" for each in machine["load"])
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}, Linux "
        f"{machine['kernel']}; load before: {load}\n{versions}"
    )


_BEGUN = time.monotonic()


def _progress(text: str) -> None:
    print(f"[{time.monotonic() - _BEGUN:5.0f} s] {text}", file=sys.stderr, flush=True)


# Chromium gets a Ctrl-C, too, and its end may be what is seen of it first, or all.
_interrupted = threading.Event()


def _interrupt(number: int, frame: FrameType | None) -> None:
    _interrupted.set()
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
