# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What runs for nobody: CPU of both nodes with the camera on and no viewer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from .figures import Part
from .processes import HD, CpuMeter, streamer
from .viewers import crowd

SECONDS = 10.0
SETTLE = 2.0  # seconds
BRIDGE = 2.0  # the target


def run(progress: Callable[[str], None]) -> Iterator[Part]:
    """Measure before the first viewer, and after one has come and gone."""
    part = Part(f"CPU with no viewer, camera at {HD}")
    with streamer() as running:
        pids = running.bridge.process.pid, running.camera.process.pid
        for name in ("before the first viewer", "after a viewer"):
            progress(f"idle: {name}")
            time.sleep(SETTLE)
            meter = CpuMeter(*pids)
            time.sleep(SECONDS)
            bridge, camera = meter.read()
            part.add(f"bridge, {name}", bridge, "% of a core", BRIDGE)
            part.add(f"camera node, {name} (draws the pattern)", camera, "% of a core")
            if not part.details:
                with crowd("whep", running.url) as viewers:
                    viewers.watch(1)
                    time.sleep(SETTLE)
                    viewers.leave()
            part.details[name] = {"bridge": bridge, "camera": camera}
    yield part
