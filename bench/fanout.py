# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What each further viewer costs, and whether all get every frame."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from support.program import free_port

from . import rivals
from .figures import Part, Unavailable, slope
from .processes import HD, CpuMeter, streamer
from .viewers import Crowd, bitrate, crowd, rates

VIEWERS = (0, 1, 5, 10, 25, 50)
RIVALS: tuple[tuple[str, str, rivals.Serve, tuple[int, ...]], ...] = (
    ("aiortc's way", "aiortc", rivals.aiortc_server, (0, 1, 2)),
    ("GStreamer webrtcbin", "gstreamer", rivals.gstreamer_server, (1, 5, 10)),
)
SECONDS, RIVAL_SECONDS = 8.0, 6.0  # for each number of viewers
SETTLE = 1.5  # seconds
PER_VIEWER, SLOWEST = 0.4, 0.98 * HD.framerate  # the targets; frames are counted over seconds
BUSY = 90.0  # percent of a core: then the viewers' own process is what is slow


def run(progress: Callable[[str], None]) -> Iterator[Part]:
    """Measure ours, then the rivals."""
    with streamer() as running:
        part = Part(f"Fan-out: CPU of the bridge process, {HD}, H.264")
        pid = running.bridge.process.pid
        with crowd("whep", running.url, processes=2) as viewers:
            points = _measure(part, viewers, pid, VIEWERS, progress, "ours")
        beyond_first = [point for point in points if point[0] > 0]
        part.add("ours: each further viewer", slope(beyond_first), "% of a core", PER_VIEWER)
        yield part
        yield _rivals(slope(beyond_first), progress)


def _rivals(ours: float, progress: Callable[[str], None]) -> Part:
    part = Part("Fan-out: rivals")
    for name, kind, serve, numbers in RIVALS:
        try:
            with serve(free_port()) as (url, pid), crowd(kind, url) as viewers:
                points = _measure(part, viewers, pid, numbers, progress, name, RIVAL_SECONDS)
        except Unavailable as error:
            part.notes.append(f"{name} is left out: {error}")
        except Exception as error:
            part.notes.append(f"{name} failed: {error}")
        else:
            over = ", ".join(str(number) for number in numbers)
            part.add(f"{name}: slope over {over} viewers", slope(points), "% of a core")
            part.add(f"ours / {name}: each further viewer", ours / slope(points))
    return part


def _measure(
    part: Part,
    viewers: Crowd,
    pid: int,
    numbers: Sequence[int],
    progress: Callable[[str], None],
    name: str,
    seconds: float = SECONDS,
) -> list[tuple[float, float]]:
    points = []
    for number in numbers:
        progress(f"fan-out: {name}, {number} viewers")
        viewers.watch(number)
        time.sleep(SETTLE)
        meter, before = CpuMeter(pid, *viewers.pids), viewers.count()
        time.sleep(seconds)
        server, *clients = meter.read()
        after = viewers.count()
        points.append((float(number), server))
        part.add(f"{name}: {number} viewers", server, "% of a core")
        seen = rates(before, after)
        part.details[f"{name}: {number} viewers"] = {
            "server": server,
            "viewer processes": clients,
            "rates": seen,
            "Mbit/s": bitrate(before, after),
            "undecryptable": sum(each.undecryptable for each in after),
        }
        if max(clients) > BUSY:
            part.notes.append(
                f"{name}, {number} viewers: the viewers' processes take {max(clients):.0f} % of a "
                "core themselves; their frame rates may be their own limit"
            )
        if number and number == numbers[-1]:
            _add_rates(part, f"{name}: {number} viewers", seen, ours=name == "ours")
            part.add(f"{name}: {number} viewers, each receives", bitrate(before, after), "Mbit/s")
    return points


def _add_rates(part: Part, name: str, seen: Sequence[float], ours: bool) -> None:
    if ours:
        part.add_at_least(f"{name}, the slowest", min(seen), "fps", SLOWEST)
    else:
        part.add(f"{name}, the slowest", min(seen), "fps")
    part.add(f"{name}, mean", sum(seen) / len(seen), "fps")
