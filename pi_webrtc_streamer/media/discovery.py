# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which topics of other nodes have pictures, and what their cameras are called. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from .feed import COMPRESSED_IMAGE, IMAGE

GONE_AFTER = 5.0  # seconds without a publisher: a node that is started again keeps its place
MOST = 64  # cameras
COMPRESSED = "/compressed"
# What image_transport publishes beside a topic, and is no JPEG.
NO_JPEG = ("/compressedDepth", "/zstd", "/theora")

# Parts at the end of a topic's name that say what it carries, and not whose it is.
_USUAL = re.compile(
    r"compressed|raw|rect|color|rgb|mono|ir|video|(color_|rgb_|mono_)?(image|img)\w*"
)


class Discovery:
    """Follows the topics that there are. ``patterns`` are regular expressions, of which one is to
    match a topic's whole name.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [re.compile(pattern) for pattern in patterns]
        self._names: dict[str, str] = {}  # by topic
        self._seen: dict[str, float] = {}  # when a topic last had a publisher

    def look(
        self, published: Mapping[str, Sequence[str]], shown: Mapping[str, str], now: float
    ) -> dict[str, str]:
        """Return the topic of each camera that was found, by its name, the oldest first.

        ``published`` has the types of the topics that have a publisher, ``shown`` the topics of
        cameras that are shown in any case, by name; ``now`` is in seconds.
        """
        for topic in self._wanted(published, shown):
            self._seen[topic] = now
        for topic, seen in list(self._seen.items()):
            if now - seen > GONE_AFTER or topic in shown.values():
                del self._seen[topic]
                self._names.pop(topic, None)
        taken = {*shown, *self._names.values()}
        for topic in self._seen:
            if topic not in self._names and len(self._names) < MOST:
                self._names[topic] = new_name(topic, taken)
                taken.add(self._names[topic])
        return {name: topic for topic, name in self._names.items()}

    def _wanted(
        self, published: Mapping[str, Sequence[str]], shown: Mapping[str, str]
    ) -> list[str]:
        bases = {_base(topic) for topic in shown.values()}
        return [
            topic
            for topic, types in published.items()
            if {COMPRESSED_IMAGE, IMAGE}.intersection(types)
            and _base(topic) not in bases
            and not topic.endswith(NO_JPEG)
            and topic + COMPRESSED not in published
            and any(pattern.fullmatch(topic) for pattern in self._patterns)
        ]


def new_name(topic: str, taken: set[str]) -> str:
    """Return a name for a topic's camera: left for ``/head/left/image_raw/compressed``.

    One that is taken gets more parts of the topic, and then a number.
    """
    parts = topic.lstrip("~/").split("/")
    owners = list(parts)
    while owners and _USUAL.fullmatch(owners[-1]):
        owners.pop()
    parts = owners or parts
    names = ["_".join(parts[-length:]) for length in range(1, len(parts) + 1)]
    numbered = (f"{names[-1]}_{number}" for number in range(2, len(taken) + 3))
    return next(name for name in (*names, *numbered) if name not in taken)


def _base(topic: str) -> str:
    return topic.removesuffix(COMPRESSED)
