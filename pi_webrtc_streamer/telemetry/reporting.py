# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The bridge's statistics in the log, now and then."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..bridge import Bridge
from ..media.frame_counts import FrameCounts
from ..runtime.loop import LoopThread
from .counts import resident_memory
from .statistics import CameraStatistics, bridge_line

logger = logging.getLogger(__name__)


@contextmanager
def logging_statistics(bridge: Bridge, loop: LoopThread) -> Iterator[None]:
    """Log a line every ``statistics_interval`` seconds, none if that is 0, for the length of a
    context in which the bridge is active; entered and left outside the loop.
    """
    log = loop.run(_begin(bridge))
    try:
        yield
    finally:
        loop.run(log.end())


async def _begin(bridge: Bridge) -> _StatisticsLog:
    return _StatisticsLog(bridge)


class _StatisticsLog:
    """Logs from construction to :meth:`end`; a timer of the event loop rather than a task."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._timer: asyncio.TimerHandle | None = None
        self._begin_interval()
        bridge.on_settings.add(self._follow_settings)

    async def end(self) -> None:
        """Log no more."""
        self._bridge.on_settings.discard(self._follow_settings)
        self._stop()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _follow_settings(self) -> None:
        if self._bridge.settings.statistics_interval != self._interval:
            self._stop()
            self._begin_interval()

    def _begin_interval(self) -> None:
        # First of all: should the rest fail, which the loop logs, there is a next time.
        self._interval = self._bridge.settings.statistics_interval
        if self._interval:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._interval, self._report)
        self._begun, self._begun_at = time.monotonic(), time.time_ns()
        self._counts = {name: _counts(self._bridge, name) for name in self._bridge.feeds}

    def _report(self) -> None:
        begun, begun_at, before = self._begun, self._begun_at, self._counts
        self._begin_interval()
        cameras = {
            name: _statistics(self._bridge, name, counts.since(before.get(name, counts)), begun_at)
            for name, counts in self._counts.items()
        }
        seconds = self._begun - begun
        logger.info("%s", bridge_line(seconds, resident_memory(), cameras))


def _statistics(bridge: Bridge, camera: str, counts: FrameCounts, since: int) -> CameraStatistics:
    """Add to the counts of a time who watches now, and what was sent since (in nanoseconds)."""
    viewers = bridge.viewers
    return CameraStatistics(
        counts,
        viewers.counts().get(camera, 0) if viewers is not None else 0,
        viewers.sent_since(camera, since) if viewers is not None else [],
    )


def _counts(bridge: Bridge, camera: str) -> FrameCounts:
    """Count a camera's pictures since the bridge was configured; all but ``sent`` and part of
    ``dropped``, which are counted since it was activated.
    """
    feed = bridge.feeds[camera]
    sent = bridge.viewers.frame_counts(camera) if bridge.viewers is not None else FrameCounts()
    return FrameCounts(feed.received, sent.sent, sent.dropped + feed.overwritten)
