# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""From POST to the first decoded frame, and from good-bye or disconnect to everything released."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator

from support.whep import watching

from .browser import PAGES, chromium, page
from .figures import Part, percentile
from .processes import Streamer, streamer
from .viewers import crowd

TIMES = 15
FIRST_FRAME, RELEASE, KEYFRAME = 400.0, 100.0, 200.0  # the targets
POLL = 0.002  # seconds
GIVE_UP_AFTER = 20.0  # seconds
BETWEEN = 0.2  # seconds from one viewer to the next
BETWEEN_KEYFRAMES = 0.5  # seconds; one that is asked for sooner than after 0.3 s has to wait


def run(progress: Callable[[str], None]) -> Iterator[Part]:
    """Measure in Chromium and with aiortc."""
    part = Part("Join and release")
    with streamer() as running:
        progress("join: Chromium")
        _chromium(part, running)
        progress("join: aiortc")
        _add_join(part, "aiortc", asyncio.run(_aiortc(running)))
        progress("join: key frames")
        times = asyncio.run(_keyframes(running))
        part.add("PLI to the key frame's first packet, p50", percentile(times, 0.5), "ms")
        part.add("PLI to the key frame's first packet, max", max(times), "ms", KEYFRAME)
        progress("join: disconnects")
        _add_release(part, "disconnect to no viewer listed", _disconnects(running))
    yield part


def _chromium(part: Part, running: Streamer) -> None:
    script = (PAGES / "join.js").read_text()
    visits = []
    # A page of the same origin that does not watch by itself.
    with chromium() as browser, page(browser, f"{running.url}health") as opened:
        for _ in range(TIMES):
            visits.append(opened.evaluate(script, {"whep": f"{running.url}whep/camera"}))
            time.sleep(BETWEEN)
    part.details["Chromium"] = visits
    _add_join(part, "Chromium", [visit["first"] for visit in visits])
    part.add("Chromium: POST to answer, p50", percentile([v["answer"] for v in visits], 0.5), "ms")
    _add_release(part, "DELETE to its answer", [visit["release"] for visit in visits])


async def _aiortc(running: Streamer) -> list[float]:
    times = []
    for _ in range(TIMES):
        begun = time.monotonic()
        async with watching(running.url, "h264") as viewer:
            await viewer.next_frame()
            times.append(1000 * (time.monotonic() - begun))
        await asyncio.sleep(BETWEEN)
    return times


async def _keyframes(running: Streamer) -> list[float]:
    """Return how long each key frame took that was asked for."""
    times = []
    async with watching(running.url, "h264") as viewer:
        await viewer.next_frame()
        keyframes = viewer.keyframes_from_now_on()
        for number in range(TIMES):
            await asyncio.sleep(BETWEEN_KEYFRAMES)
            del keyframes[:]
            begun = time.monotonic()
            await viewer.request_keyframe()
            while not keyframes:
                await asyncio.sleep(POLL)
                if time.monotonic() - begun > GIVE_UP_AFTER:
                    raise RuntimeError(f"PLI {number + 1} brought no key frame")
            times.append(1000 * (time.monotonic() - begun))
    return times


def _disconnects(running: Streamer) -> list[float]:
    times = []
    with crowd("whep", running.url) as viewers:
        for _ in range(TIMES):
            viewers.watch(1)
            begun = time.monotonic()
            viewers.drop()
            while running.viewers():
                if time.monotonic() - begun > GIVE_UP_AFTER:
                    raise RuntimeError("a viewer that disconnected is still listed")
                time.sleep(POLL)
            times.append(1000 * (time.monotonic() - begun))
    return times


def _add_join(part: Part, who: str, times: list[float]) -> None:
    part.add(f"{who}: POST to first frame, p50", percentile(times, 0.5), "ms", FIRST_FRAME)
    part.add(f"{who}: POST to first frame, max", max(times), "ms")
    part.details[f"{who}: first frame"] = times


def _add_release(part: Part, name: str, times: list[float]) -> None:
    part.add(f"{name}, p50", percentile(times, 0.5), "ms", RELEASE)
    part.add(f"{name}, max", max(times), "ms", RELEASE)
    part.details[name] = times
