"""The bridge's statistics in the log, now and then."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .bridge import Bridge
from .counts import resident_memory
from .loop import LoopThread
from .statistics import CameraStatistics, FrameCounts, bridge_line

logger = logging.getLogger(__name__)


@contextmanager
def logging_statistics(bridge: Bridge, loop: LoopThread) -> Iterator[None]:
    """Log a line every ``statistics_interval`` seconds for the length of a context, in which the
    bridge is active; entered and left outside the loop.
    """
    interval = bridge.settings.statistics_interval
    if not interval:
        yield
        return
    task = loop.run(_start(bridge, interval))
    try:
        yield
    finally:
        loop.run(_end(task))


async def _start(bridge: Bridge, interval: float) -> asyncio.Task[None]:
    return asyncio.create_task(_report(bridge, interval))


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _report(bridge: Bridge, interval: float) -> None:
    counts = {name: _counts(bridge, name) for name in bridge.feeds}
    while True:
        begun, began_at = time.monotonic(), time.time_ns()
        await asyncio.sleep(interval)
        before, counts = counts, {name: _counts(bridge, name) for name in bridge.feeds}
        viewers = bridge.viewers.counts() if bridge.viewers is not None else {}
        cameras = {
            name: CameraStatistics(
                counts[name].since(before[name]),
                viewers.get(name, 0),
                bridge.viewers.sent_since(name, began_at) if bridge.viewers is not None else [],
            )
            for name in bridge.feeds
        }
        logger.info("%s", bridge_line(time.monotonic() - begun, resident_memory(), cameras))


def _counts(bridge: Bridge, camera: str) -> FrameCounts:
    """Count a camera's pictures since the bridge was configured; all but ``sent`` and part of
    ``dropped``, which are counted since it was activated.
    """
    feed = bridge.feeds[camera]
    sent = bridge.viewers.frame_counts(camera) if bridge.viewers is not None else FrameCounts()
    return FrameCounts(feed.received, sent.sent, sent.dropped + feed.distributor.overwritten)
