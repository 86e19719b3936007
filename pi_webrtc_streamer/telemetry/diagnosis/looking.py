# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Looks at a bridge, again and again, and has its parts judged."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ...bridge import Bridge
from ...media.stream_load import StreamLoad
from ...runtime.faults import faults
from ...runtime.loop import LoopThread
from ...runtime.status import Level, Status
from ..counts import resident_memory
from .bridge import (
    EncoderDiagnosis,
    ServerFacts,
    judge_camera,
    judge_lifecycle,
    judge_memory,
    judge_server,
    judge_viewers,
)

LONGEST_SILENCE = 2.0  # seconds that the event loop may take to answer


@dataclass(frozen=True)
class _Seen:
    """What only the event loop may read."""

    viewers: Mapping[str, int]
    disconnected: int
    loads: Mapping[str, Sequence[StreamLoad]]
    server: ServerFacts


class BridgeDiagnosis:
    """Judges a configured bridge from construction on; it is asked in the executor's thread.

    The executor does not wait for the event loop: what is read there was asked for the last time,
    and is as old as the time between two looks. ``read_server`` is called in the loop.
    """

    def __init__(
        self, bridge: Bridge, loop: LoopThread, read_server: Callable[[], ServerFacts], now: float
    ) -> None:
        self._bridge = bridge
        self._loop = loop
        self._read_server = read_server
        self._encoder = EncoderDiagnosis()
        self._seen: _Seen | None = None
        self._asked: float | None = None  # when, unless it has been answered
        self._refused = 0
        self._ask(now)

    def judge(self, now: float) -> Iterator[Status]:
        """Return how the parts are at ``now``, in seconds on the monotonic clock."""
        active = self._bridge.viewers is not None
        silent = now - self._asked if self._asked is not None else 0.0
        yield from self._cameras(active)
        if silent >= LONGEST_SILENCE:
            why = f"the event loop has not answered for {silent:.0f} s: the log may say why"
            for task in ("viewers", "encoder", "HTTP server"):
                yield Status(task, Level.STALE, why)
        else:
            yield from self._seen_in_loop(active, now)
        if self._asked is None:
            self._ask(now)
        settings, warnings = self._bridge.settings, self._bridge.warnings
        yield judge_memory(resident_memory(), settings.memory_warning, warnings.get("memory", ""))
        yield from self._driving(active)

    def _cameras(self, active: bool) -> Iterator[Status]:
        bridge = self._bridge
        viewers = self._seen.viewers if self._seen is not None else {}
        for name, feed in bridge.feeds.items():
            if not active:
                yield at_rest(f"camera {name}", "inactive")
                continue
            types = bridge.publisher_types(feed.topic)
            yield judge_camera(
                name,
                feed.topic,
                feed.status(types),
                len(types),
                viewers.get(name, 0),
                bridge.settings.stale_after,
            )

    def _seen_in_loop(self, active: bool, now: float) -> Iterator[Status]:
        seen, settings = self._seen, self._bridge.settings
        if seen is None:
            for task in ("viewers", "encoder", "HTTP server"):
                yield at_rest(task, "about to be known")
            return
        warnings = dict(self._bridge.warnings)
        access, _ = warnings.pop("access", ""), warnings.pop("memory", "")
        if active:
            yield judge_viewers(
                seen.viewers,
                seen.disconnected,
                settings.max_viewers,
                settings.max_viewers_per_camera,
                list(warnings.values()),
            )
            about = {
                "codecs": ", ".join(settings.codecs),
                "h264_encoder": settings.h264_encoder,
                "tiers": settings.tiers,
            }
            yield self._encoder.judge(seen.loads, now, about)
        else:
            yield at_rest("viewers", "inactive")
            yield at_rest("encoder", "inactive")
        refused, self._refused = self._refused, seen.server.refused_connections
        yield judge_server(seen.server, self._refused - refused, access)

    def _driving(self, active: bool) -> Iterator[Status]:
        driving = self._bridge.driving
        if driving is None:
            return
        from ...teleop.diagnosis import TASK, judge_driving  # which nobody else loads

        yield judge_driving(driving.describe()) if active else at_rest(TASK, "inactive")

    def _ask(self, now: float) -> None:
        self._asked = now
        self._loop.loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        viewers = self._bridge.viewers
        self._seen = _Seen(
            {} if viewers is None else dict(viewers.counts()),
            0 if viewers is None else viewers.disconnected,
            {} if viewers is None else viewers.loads(),
            self._read_server(),
        )
        self._asked = None


class NodeDiagnosis:
    """Judges a bridge's node in each state; what belongs to no device has the machine's name."""

    def __init__(self) -> None:
        self.configured: BridgeDiagnosis | None = None
        self._hardware_id = socket.gethostname()
        self._errors = faults.total
        self._tasks: list[str] = []  # of the last time that it was configured

    def judge(self, state: str, failure: str, now: float) -> list[Status]:
        """Return how everything is, given the node's state and why it is not another."""
        errors, self._errors = self._errors, faults.total
        statuses = [judge_lifecycle(state, failure, self._errors, self._errors - errors)]
        if self.configured is not None:
            parts = list(self.configured.judge(now))
            self._tasks = [each.task for each in parts]
        else:
            # What has been heard of must not fall silent: a monitor would take it for lost.
            parts = [at_rest(task, state) for task in self._tasks]
        statuses += parts
        return [replace(status, hardware_id=self._hardware_id) for status in statuses]


def at_rest(task: str, state: str) -> Status:
    """Return the status of a part that does nothing, as it should."""
    return Status(task, Level.OK, state, values={"state": state})
