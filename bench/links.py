# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recorded links: how old and how wide the picture in Chromium is while one is played.

``TRACE`` names files in mahimahi's format, parted by colons: a line is a millisecond at which 1500
bytes may pass from the bridge to the viewer. A trace begins when the picture has settled.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from support.network import NoNetwork, chromium_inside, traced_link
from support.traced_link import BadTrace, read_trace

from .browser import Seen, chromium, our_page, watch
from .figures import Part, Unavailable, freezes, share_younger, time_mean
from .processes import HD, streamer

SECONDS = 110.0
AGES = (200.0, 300.0, 500.0)  # ms
GAP = 500.0  # ms between two frames


def run(progress: Callable[[str], None]) -> Iterator[Part]:
    """Play each trace once."""
    paths = [Path(name) for name in os.environ.get("TRACE", "").split(":") if name]
    if not paths:
        raise Unavailable("TRACE=FILE names no recorded link, in mahimahi's format")
    for path in paths:
        try:
            trace = read_trace(path)
        except BadTrace as error:
            raise Unavailable(str(error)) from error
        progress(f"links: {path.name}")
        part = Part(f"Over {path.name}: Chromium, {HD}, H.264, {SECONDS:g} s")
        try:
            _play(trace, part)
        except NoNetwork as error:
            raise Unavailable(str(error)) from error
        yield part


def _play(trace: list[int], part: Part) -> None:
    with (
        traced_link() as (link, traced),
        streamer(HD, link.here, "auth:=none") as running,
        chromium_inside(link) as executable,
        chromium(executable) as browser,
        our_page(browser, running.url) as page,
    ):
        before, begun = traced.carried, time.monotonic()
        traced.play(trace)
        seen = watch(page, "ours", seconds=SECONDS, camera_width=HD.width)
        bits = 8 * (traced.carried - before)
        elapsed = time.monotonic() - begun
        part.notes.append(f"{traced.lost} packets found the queue full")
    _add_figures(part, seen)
    part.add("carried", bits / elapsed / 1e6, "Mbit/s")


def _add_figures(part: Part, seen: Seen) -> None:
    shown = list(zip(seen.times, seen.ages, strict=True))
    for age in AGES:
        share = share_younger(shown, age, seen.begun, seen.ended)
        part.add(f"share of time in which the picture is younger than {age:g} ms", share)
    widths = list(zip(seen.times, seen.widths, strict=True))
    part.add("mean width", time_mean(widths, seen.ended), "px")
    gaps = freezes([seen.begun, *seen.times, seen.ended], GAP)
    part.add(f"gaps over {GAP:g} ms", gaps.count)
    part.add("longest gap between frames", gaps.longest, "ms")
    part.add("frame rate", 1000 * len(seen.times) / (seen.ended - seen.begun), "fps")
    part.add("load of the machine", os.getloadavg()[0])
    if seen.unreadable:
        part.notes.append(f"{seen.unreadable} frames could not be read")
    part.details.update(times=seen.times, ages=seen.ages, widths=seen.widths)
