# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where the time goes on a picture's way, from the stamps that the nodes take.

The bridge gives them at ``GET /stats``, in the order of the way and in milliseconds from the stage
before::

    {"streams": {"camera": [{"stages": {"published": {"p50": 3.1, "p95": 4.0}, "received": ...}}]}}
"""

from __future__ import annotations

import time
import urllib.error
from collections.abc import Callable, Iterator
from typing import Any

from .figures import Part, Unavailable
from .processes import HD, Streamer, streamer
from .viewers import crowd

SECONDS = 8.0


def run(progress: Callable[[str], None]) -> Iterator[Part]:
    """Read the bridge's own statistics while one viewer watches."""
    progress("stages")
    with streamer() as running:
        _stats(running)
        with crowd("whep", running.url) as viewers:
            viewers.watch(1)
            time.sleep(SECONDS)
            stats = _stats(running)
    yield stages_part(stats)


def _stats(running: Streamer) -> dict[str, Any]:
    try:
        return dict(running.get("stats"))
    except urllib.error.HTTPError as error:
        raise Unavailable(f"the bridge answers GET /stats with {error.code}") from error


def stages_part(stats: dict[str, Any]) -> Part:
    """Return the stages as figures."""
    part = Part(f"A picture's way, {HD}, H.264: each stage from the one before")
    for name, stage in stats["streams"]["camera"][0]["stages"].items():
        for share in ("p50", "p95"):
            part.add(f"{name}: {share}", stage[share], "ms")
    part.details["stats"] = stats
    return part
