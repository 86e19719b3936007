# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whether a topic's messages are lost between its node and ours, and what helps. Pure."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

WINDOW = 10.0  # seconds that count
FEWEST = 5  # lost messages in them, below which nothing is said
BEGINS, ENDS = 0.5, 0.25  # shares of messages lost, at which it is said and no more
NEARLY_ALL = 0.95
SILENT = 3.0  # seconds without any message, lost or not, after which loss is likely

# Measured with 1920x1080 in rgb8, 30 a second, over UDP on one machine: of 480 pictures 20 came
# with Linux's own 212,992 bytes, and all with this. Fast DDS takes the default as it is.
BUFFER = 8_388_608  # bytes of a socket's receive buffer
RAISE_BUFFER = f"sudo sysctl -w net.core.rmem_default={BUFFER} net.core.rmem_max={BUFFER}"


class Kind(NamedTuple):
    """What travels, and how."""

    topic: str
    compressed: bool
    reliable: bool


class Loss:
    """Counts one subscription's messages; times are in seconds on the caller's clock."""

    def __init__(self, now: float) -> None:
        self._begun = now
        self._events: deque[tuple[float, int]] = deque()  # when, and how many were lost; 0: it came
        self._size = 0  # of the last message, in bytes
        self._arrived = False
        self._lossy = False

    def received(self, now: float, size: int) -> None:
        """Take note of a message of so many bytes."""
        self._size, self._arrived = size, True
        self._add(now, 0)

    def lost(self, now: float, count: int) -> None:
        """Take note that so many messages were lost, as DDS has found out."""
        self._add(now, count)

    def share(self, now: float) -> float | None:
        """Return the share of messages that is lost; None if too few are to say so."""
        recent = [lost for when, lost in tuple(self._events) if when > now - WINDOW]
        lost = sum(recent)
        return lost / (lost + recent.count(0)) if lost >= FEWEST else None

    def explain(self, now: float, kind: Kind, buffer: int) -> str:
        """Say that messages are lost and what helps; "" if they are not.

        ``buffer`` is how large a socket's receive buffer is by default, in bytes.
        """
        share = self.share(now) or 0.0
        self._lossy = share >= (ENDS if self._lossy else BEGINS)
        if self._lossy:
            what = (
                f"{_how_many(share)} pictures on {kind.topic} are lost on the way from their node"
            )
            return f"{what}. {self._remedy(kind, buffer)}"
        silent = not self._arrived and not self._events and now - self._begun > SILENT
        if silent and not kind.compressed and not kind.reliable:
            return (
                f"{kind.topic} has a publisher, but no message has come yet. Is its node active, "
                "and does the camera deliver pictures? If it does, they may all be lost on the "
                f"way. {self._remedy(kind, buffer)}"
            )
        return ""

    def _remedy(self, kind: Kind, buffer: int) -> str:
        raised = f"or type on this machine: {RAISE_BUFFER} (and start the bridge anew)"
        if buffer >= BUFFER:
            raised = "or publish fewer or smaller ones"
        size = f" ({self._size / 1e6:.1f} MB each)" if self._size else ""
        if kind.compressed:
            return f"Large ones{size} need more room: publish smaller ones, {raised}."
        if kind.reliable:
            return (
                f"They are uncompressed{size}, and more than the way carries: show a compressed "
                f"topic ({kind.topic}/compressed, by image_transport), {raised}."
            )
        return (
            f"They are uncompressed{size} and best effort. Publish them reliable, show a "
            f"compressed topic ({kind.topic}/compressed, by image_transport), {raised}."
        )

    def _add(self, now: float, lost: int) -> None:
        self._events.append((now, lost))
        while self._events[0][0] <= now - WINDOW:
            self._events.popleft()


def _how_many(share: float) -> str:
    return "Nearly all" if share >= NEARLY_ALL else f"{max(1, round(10 * share))} of 10"
