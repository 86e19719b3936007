# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Resident memory of the bridge: idle, with viewers, and after they have left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from .figures import Part
from .processes import memory, streamer
from .viewers import crowd

VIEWERS = 10
SETTLE = 3.0  # seconds
IDLE, PER_VIEWER = 100.0, 1.5  # the targets
MB = "MB"


def run(progress: Callable[[str], None]) -> Iterator[Part]:
    """Measure before, with and after the viewers, and with them once more."""
    part = Part("Memory of the bridge process (1 MB = 10⁶ bytes)")
    with streamer() as running:
        pid = running.bridge.process.pid
        with crowd("whep", running.url) as viewers:
            time.sleep(SETTLE)
            stages = {"idle, before": memory(pid)}
            for name, number in (("1 viewer", 1), (f"{VIEWERS} viewers", VIEWERS)):
                progress(f"memory: {name}")
                viewers.watch(number)
                time.sleep(SETTLE)
                stages[name] = memory(pid)
            viewers.leave()
            time.sleep(SETTLE)
            stages["idle, after"] = memory(pid)
            progress(f"memory: {VIEWERS} viewers again")
            viewers.watch(VIEWERS)
            time.sleep(SETTLE)
            viewers.leave()
            time.sleep(SETTLE)
            stages["idle, after as many again"] = memory(pid)
        camera = memory(running.camera.process.pid)
    for name, found in stages.items():
        target = IDLE if name == "idle, before" else None
        part.add(f"{name}: resident", found["rss"], MB, target)
        part.add(f"{name}: its own share (PSS)", found["pss"], MB)
    with_one, with_all = stages["1 viewer"]["rss"], stages[f"{VIEWERS} viewers"]["rss"]
    part.add("each further viewer", (with_all - with_one) / (VIEWERS - 1), MB, PER_VIEWER)
    again = stages["idle, after as many again"]["rss"] - stages["idle, after"]["rss"]
    part.add(f"kept of {VIEWERS} viewers who came and left again", again, MB)
    part.add("camera node: resident", camera["rss"], MB)
    part.details.update(stages)
    yield part
