# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the bridge says of its cameras, streams and viewers, and of itself: one source for whoever
asks over HTTP, in whatever form.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..bridge import Bridge
from ..media.feed import CameraFeed
from ..media.sizes import Size, full_size
from ..runtime.faults import faults
from ..runtime.heap import memory_in_use
from .counts import held_counts, resident_memory

# What media/feed.py says, and what there is to say while the bridge is inactive.
CAMERA_STATES = ("live", "idle", "waiting", "stale", "error", "inactive")

Described = Mapping[str, Any]  # what becomes JSON


class BridgeState(NamedTuple):
    """All but the process, at one moment: how many things ``/health`` warns of, what ``/cameras``
    and ``/stats`` say, and how driving is, where that is enabled. Any thread may read it.
    """

    active: bool
    warnings: int
    cameras: Sequence[Described]
    stats: Described
    driving: Described | None


def bridge_state(bridge: Bridge) -> BridgeState:
    """Return the state now; to be called in the event loop."""
    return BridgeState(
        bridge.viewers is not None,
        len(bridge.warnings),
        describe_cameras(bridge),
        describe_stats(bridge),
        bridge.driving.describe() if bridge.driving is not None else None,
    )


def describe_process(loop: asyncio.AbstractEventLoop) -> dict[str, dict[str, int]]:
    """Return what ``/stats`` says of the process: memory in bytes, and what it holds (counts.py).

    From any thread; takes a millisecond or more where there are many descriptors.
    """
    return {
        "memory": {"resident": resident_memory(), **memory_in_use()},
        "held": held_counts(loop),
    }


def describe_stats(bridge: Bridge) -> dict[str, object]:
    """Return the rest of it: what is encoded and sent, how long the stages take, and how the
    viewers' links are.

    To be called in the event loop, in which all of that lives.
    """
    body: dict[str, object] = {
        "errors": faults.total,
        "frames": {
            feed.name: {
                "received": feed.received,
                "rejected": feed.rejected,
                "overwritten": feed.overwritten,
                "way": feed.pictures.way.value,
            }
            for feed in bridge.feeds.values()
        },
    }
    if bridge.viewers is not None:
        body |= bridge.viewers.describe()
    if bridge.controllers is not None:
        body["drivers"] = bridge.controllers.describe()
    return body


def describe_cameras(bridge: Bridge) -> list[dict[str, object]]:
    """Return what ``/cameras`` says of each camera."""
    viewers = bridge.viewers.counts() if bridge.viewers is not None else {}
    return [_describe(feed, bridge, viewers.get(feed.name, 0)) for feed in bridge.feeds.values()]


def _describe(feed: CameraFeed, bridge: Bridge, viewers: int) -> dict[str, object]:
    status = feed.status(bridge.publisher_types(feed.topic))
    state, reason = status.state, status.reason
    if bridge.viewers is None:
        state, reason = "inactive", "The bridge is inactive: activate it to see the cameras."
    stream = full_size(status.width, status.height) if status.width else Size(0, 0)
    return {
        "name": feed.name,
        "topic": feed.topic,
        "way": status.way.value,
        "state": state,
        "reason": reason,
        "width": status.width,
        "height": status.height,
        "stream_width": stream.width,
        "stream_height": stream.height,
        "rate": float(f"{status.rate:.3g}"),
        "loss": status.loss,
        "patience": round(status.patience, 3),
        "viewers": viewers,
        "age": None if status.age is None else round(status.age, 3),
    }
