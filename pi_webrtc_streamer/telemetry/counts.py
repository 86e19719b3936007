# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What this process holds, in numbers: whatever leaks, one of them grows."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import suppress
from pathlib import Path

from ..media.live import live_counts

DESCRIPTORS = "/proc/self/fd"


def held_counts(loop: asyncio.AbstractEventLoop | None = None) -> dict[str, int]:
    """Count live frames, decoded pictures, encoders and peer connections; threads, descriptors, and
    sockets among them; and, given an event loop, its tasks. From any thread; costs 0.1 ms and more.
    """
    targets = [_target(name) for name in os.listdir(DESCRIPTORS)]
    counts = {
        **live_counts(),
        "threads": threading.active_count(),
        "descriptors": len(targets),
        "sockets": sum(target.startswith("socket:") for target in targets),
    }
    if loop is not None:
        counts["tasks"] = len(asyncio.all_tasks(loop))
    return counts


def resident_memory() -> int:
    """Return how much of this process is in memory (VmRSS), in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _target(descriptor: str) -> str:
    with suppress(OSError):  # closed meanwhile, as the one that listed them is
        return os.readlink(f"{DESCRIPTORS}/{descriptor}")
    return ""
