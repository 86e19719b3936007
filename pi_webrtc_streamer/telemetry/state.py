"""What the bridge says of its cameras, streams and viewers, and of itself: one source for whoever
asks over HTTP, in whatever form.
"""

from __future__ import annotations

import asyncio

from ..bridge import Bridge
from ..media.feed import CameraFeed
from ..runtime.faults import faults
from ..runtime.heap import memory_in_use
from .counts import held_counts, resident_memory


def describe_stats(bridge: Bridge, loop: asyncio.AbstractEventLoop) -> dict[str, object]:
    """Return what ``/stats`` says: what is encoded and sent, how long the stages take, how the
    viewers' links are, and what the process holds (counts.py; memory in bytes).

    To be called in the event loop, in which all of that lives.
    """
    body: dict[str, object] = {
        "errors": faults.total,
        "frames": {
            feed.name: {
                "received": feed.received,
                "rejected": feed.rejected,
                "overwritten": feed.distributor.overwritten,
            }
            for feed in bridge.feeds.values()
        },
        "memory": {"resident": resident_memory(), **memory_in_use()},
        "held": held_counts(loop),
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
    return {
        "name": feed.name,
        "topic": feed.topic,
        "state": state,
        "reason": reason,
        "width": status.width,
        "height": status.height,
        "rate": round(status.rate, 1),
        "viewers": viewers,
        "age": None if status.age is None else round(status.age, 3),
    }
