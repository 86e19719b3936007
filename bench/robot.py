# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What streaming costs the robot's own computer, and how old pictures are when they leave it.

It takes no browser: the viewers are aiortc's, on the same machine. The first of each run decodes,
and finds how old a picture is by its barcode, or of a camera by the bridge's clock; the others
count. ``SOURCE`` is what the cameras show: ``pattern:busy``, say. Without it, that is the Raspberry
Pi's cameras, and ``pattern:still`` in the place of those that are not there. ``MINUTES`` (0.33) is
how long each run is measured.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from pi_webrtc_streamer.media.stages import SHARES

from . import board, report
from .board import Reading
from .figures import Part, frame_rate, percentile
from .processes import HD, Camera, CpuMeter, Shape, Streamer, memory, robot
from .receiver import Receiver, Seen, receiver
from .viewers import Count, ViewerProcess, rates, viewer_process

SETTLE = 3.0  # seconds
SECONDS = 60 * float(os.environ.get("MINUTES", "0.33"))  # each run
FULL_HD = Shape(1920, 1080)
MACHINE = "robot"  # the part that tells of the machine, and has no figures
NAMES = ("front", "rear")
PATTERN = "pattern:still"
# Told by a process of its own, which has let go of the cameras when it ends.
LIST_CAMERAS = """
import sys
from pi_webrtc_streamer.camera.picamera_devices import load_picamera2
from pi_webrtc_streamer.camera.source import SourceError

try:
    picamera2 = load_picamera2()
except SourceError as error:
    sys.exit(str(error))
for info in picamera2.Picamera2.global_camera_info():
    print("camera:", info["Model"])
"""
WORTH_KNOWING = re.compile(
    r"(source: .*|(?:no hardware|the hardware's|JPEG (?:by|without)) .*|\w+ opened for \d+x\d+)"
)


@dataclass(frozen=True)
class Run:
    """What is run and watched."""

    name: str
    shape: Shape = HD
    cameras: int = 1
    viewers: int = 1  # of each camera


RUNS = (
    Run("720p30, nobody", viewers=0),
    Run("720p30, 1 viewer"),
    Run("720p30, 5 viewers", viewers=5),
    Run("two 720p30, 1 viewer each", cameras=2),
    Run("1080p30, 1 viewer", FULL_HD),
)


@dataclass
class Measured:
    """What was seen of a run: frames a second of each viewer, percent of a core, and so on."""

    cpu: dict[str, float]
    rates: list[float]
    seen: list[Seen]
    stats: dict[str, Any]
    memory: dict[str, float]
    readings: list[Reading]
    sizes: list[tuple[int, int]]  # of the cameras' pictures, in pixels


def run(progress: Callable[[str], None]) -> Iterator[Part]:
    """Measure one run after the other, and say on what."""
    notes = Part(MACHINE, notes=[f"{name}: {text}" for name, text in board.describe().items()])
    notes.notes.append(f"throttled, before: {board.in_words(board.throttled())}")
    cameras, why = _find_cameras()
    notes.notes.append(why)
    for each in RUNS:
        progress(f"robot: {each.name}")
        part = Part(each.name)
        try:
            _measure(each, cameras, part)
        except Exception as error:  # such as 1080p on a camera that has it not
            part.notes.append(f"{each.name} failed: {type(error).__name__}: {error}")
        yield part
    notes.notes.append(f"throttled, after: {board.in_words(board.throttled())}")
    yield notes


def table(parts: Sequence[Part]) -> str:
    """Return everything in Markdown, to be sent."""
    in_order = sorted(parts, key=lambda part: part.name != MACHINE)
    notes = dict.fromkeys(itertools.chain.from_iterable(part.notes for part in in_order))
    return "\n".join(f"- {note}" for note in notes) + f"\n\n{report.markdown(parts)}"


def _find_cameras() -> tuple[list[Camera], str]:
    """Return what is used for one camera and for two, and why."""
    source = os.environ.get("SOURCE", "")
    if source:
        return [Camera(name, source) for name in NAMES], f"source: {source}"
    done = subprocess.run(
        (sys.executable, "-c", LIST_CAMERAS), capture_output=True, text=True, check=False
    )
    models = re.findall(r"^camera: (.*)", done.stdout, re.MULTILINE)
    cameras = [
        Camera(name, "picamera2" if place < len(models) else PATTERN, str(place))
        for place, name in enumerate(NAMES)
    ]
    if models:
        return cameras, f"cameras: {', '.join(models)}"
    why = done.stderr.strip().rpartition("\n")[2] or "picamera2 knows none"
    return cameras, f"no camera, so {PATTERN}: {why}"


def _measure(each: Run, cameras: Sequence[Camera], part: Part) -> None:
    used = cameras[: each.cameras]
    with robot(used, each.shape) as running:
        try:
            measured = _watch(each, used, running)
        finally:
            said = [program.output for program in (*running.cameras, running.bridge)]
        part.notes += dict.fromkeys(WORTH_KNOWING.findall("\n".join(said)))
    _add_figures(part, each, measured)
    part.details.update(stats=measured.stats, rates=measured.rates, cpu=measured.cpu)


def _watch(each: Run, cameras: Sequence[Camera], running: Streamer) -> Measured:
    """Let viewers watch for a while."""
    with ExitStack() as stack:
        decoding: Receiver | None = None
        counting: list[ViewerProcess] = []
        for place, camera in enumerate(cameras):
            decodes = each.viewers > 0 and place == 0
            if decodes:
                age_by = "barcode" if camera.source.startswith("pattern") else "clock"
                decoding = stack.enter_context(receiver(running.url, camera.name, age_by))
                decoding.first()
            if number := each.viewers - decodes:
                viewers = viewer_process("whep", running.url, camera.name, "h264")
                counting.append(stack.enter_context(viewers))
                counting[-1].order(watch=number)
        time.sleep(SETTLE)
        pids = {f"{place}": program.process.pid for place, program in enumerate(running.cameras)}
        pids["bridge"] = running.bridge.process.pid
        if decoding:
            pids["receiver"] = decoding.process.pid
        meter, before, begun = CpuMeter(*pids.values()), _count(counting), time.monotonic()
        readings = list(_readings())
        after, ended = _count(counting), time.monotonic()
        cpu = dict(zip(pids, meter.read(), strict=True))
        stats = running.get("stats")
        sizes = [(found["width"], found["height"]) for found in running.get("cameras")["cameras"]]
        held = {name: memory(pids[name])["rss"] for name in ("0", "bridge")}
        seen = [
            picture
            for picture in (decoding.finish() if decoding else ())
            if begun <= picture.at < ended
        ]
    frame_rates = rates(before, after)
    if decoding:
        frame_rates.append(frame_rate([1000 * picture.at for picture in seen]))
    return Measured(cpu, frame_rates, seen, stats, held, readings, sizes)


def _count(viewers: Sequence[ViewerProcess]) -> list[Count]:
    return [each.count() for each in viewers]


def _readings() -> Iterator[Reading]:
    """Look at clock and temperature once a second for as long as is measured."""
    begun = time.monotonic()
    while (left := begun + SECONDS - time.monotonic()) > 0:
        time.sleep(min(1.0, left))
        yield board.read()


def _add_figures(part: Part, each: Run, measured: Measured) -> None:
    if measured.rates:
        part.add("the slowest viewer", min(measured.rates), "fps")
    cameras = [measured.cpu[f"{place}"] for place in range(each.cameras)]
    part.add("CPU of a camera node", sum(cameras) / len(cameras), "% of a core")
    part.add("CPU of the bridge", measured.cpu["bridge"], "% of a core")
    if "receiver" in measured.cpu:
        part.add("CPU of the viewer that decodes", measured.cpu["receiver"], "% of a core")
    for stage, shares in worst_stages(measured.stats["streams"]).items():
        name = "captured → sent" if stage == "total" else f"→ {stage}"
        for share, value in shares.items():
            part.add(f"{name}: {share}", value, "ms")
    ages = [picture.age for picture in measured.seen if picture.age is not None]
    if measured.seen:
        for share, place in SHARES.items():
            part.add(f"captured → received: {share}", percentile(ages, place), "ms")
        if unreadable := len(measured.seen) - len(ages):
            part.notes.append(f"{each.name}: the age of {unreadable} pictures cannot be read")
    for width, height in measured.sizes if measured.rates else ():
        if (width, height) != (each.shape.width, each.shape.height):
            part.notes.append(f"{each.name}: the camera delivers {width}x{height} instead")
    part.add("memory of a camera node", measured.memory["0"], "MB")
    part.add("memory of the bridge", measured.memory["bridge"], "MB")
    clocks = [reading.clock for reading in measured.readings if reading.clock is not None]
    heat = [reading.temperature for reading in measured.readings if reading.temperature is not None]
    if clocks:
        part.add("clock, lowest", min(clocks), "MHz")
    if heat:
        part.add("temperature, highest", max(heat), "°C")


def worst_stages(streams: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, dict[str, float]]:
    """Return of each stage the slowest camera's percentiles."""
    worst: dict[str, dict[str, float]] = {}
    for stream in itertools.chain.from_iterable(streams.values()):
        for stage, shares in stream["stages"].items():
            known = worst.setdefault(stage, dict(shares))
            known.update({share: max(value, known[share]) for share, value in shares.items()})
    return worst
