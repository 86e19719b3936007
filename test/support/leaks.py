# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sees that everything is given back."""

import asyncio
import gc
import sys
import threading
import traceback
from collections import deque
from contextlib import suppress

from pi_webrtc_streamer.bridge_node import BridgeNode
from pi_webrtc_streamer.telemetry.counts import held_counts

from .waiting import until


def held(bridge: BridgeNode | None = None) -> dict[str, int]:
    """Count what this process holds, the tasks of a configured bridge included.

    What the tests' own event loop has for blocking calls is not counted: there is one more
    thread whenever two of them come at once, and it stays.
    """
    gc.collect()
    counts = held_counts(bridge._loop.loop if bridge is not None else None)
    counts["threads"] -= _helpers_of_this_loop()
    return counts


def _helpers_of_this_loop() -> int:
    with suppress(RuntimeError):  # there is none
        executor = asyncio.get_running_loop()._default_executor
        return 0 if executor is None else sum(each.is_alive() for each in executor._threads)
    return 0


async def all_given_back(before: dict[str, int], bridge: BridgeNode | None, after: str) -> None:
    """Wait until the counts are what they were."""
    try:
        await until(lambda: held(bridge) == before, f"everything given back {after}")
    except AssertionError as error:
        now = held(bridge)
        changed = {name: (before[name], now[name]) for name in before if before[name] != now[name]}
        raise AssertionError(f"{error}: {changed}\n{_threads()}") from None


def _threads() -> str:
    """Say which threads there are, and where each of them is."""
    frames = sys._current_frames()
    return "\n".join(
        f"{thread.name}:\n{''.join(traceback.format_stack(frames.get(thread.ident))[-3:])}"
        for thread in threading.enumerate()
    )


async def held_at_rest(bridge: BridgeNode | None = None) -> dict[str, int]:
    """Count what this process holds, the tasks of a configured bridge included, when that no longer
    changes.
    """
    looks: deque[dict[str, int]] = deque(maxlen=20)

    def steady() -> bool:
        looks.append(held(bridge))
        return len(looks) == looks.maxlen and all(look == looks[0] for look in looks)

    await until(steady, "counts that stay the same")
    return looks[0]
