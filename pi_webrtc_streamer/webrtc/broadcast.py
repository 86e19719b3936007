# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A camera in one codec: its tiers, and which viewer watches which."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from ..link.rate_control import TierChoice, ceiling, tier_bitrate
from ..link.traffic import Traffic, total
from ..media.codec import Codec
from ..media.frame_counts import FrameCounts
from ..media.pipeline import MediaPipeline
from ..media.stages import StageTimes
from ..media.stream_load import StreamLoad
from ..media.tiers import Tier, every_tier
from ..runtime.owning import Owned
from .fanout import Fanout
from .sender import StreamSender


class Place:
    """One viewer's place in a broadcast: the tier that it watches, and perhaps one it moves to."""

    def __init__(
        self, fanout: Fanout, choice: TierChoice, follow_links: Callable[[], object]
    ) -> None:
        self.fanout = fanout
        self.choice = choice
        self.moving_to: Fanout | None = None
        self._follow_links = follow_links

    def request_keyframe(self) -> None:
        """Make the next picture a key frame."""
        self.fanout.request_keyframe()

    def reconsider(self) -> bool:
        """Look at the viewer's link now, and return whether it is moved to another tier for it."""
        before = self.moving_to
        self._follow_links()
        return self.moving_to is not None and self.moving_to is not before


class Broadcast:
    """Puts viewers into tiers by what their links carry, and gives each tier its bitrate.

    Lives in the event loop; :meth:`update` is to be called about twice a second.
    """

    def __init__(self, pipeline: MediaPipeline, codec: Codec, tiers: Sequence[Tier]) -> None:
        self._tiers = tiers
        self._fanouts = [Fanout(pipeline, codec, tier) for tier in every_tier(tiers)]
        self._places: dict[StreamSender, Place] = {}
        self._before = Traffic()  # of viewers who have gone

    @contextmanager
    def join(self, sender: StreamSender) -> Iterator[Place]:
        """Send the camera to a viewer for the length of a context."""
        place = Place(self._fanouts[0], TierChoice(self._tiers), self.update)
        with Owned() as owned:
            for fanout in self._fanouts:
                owned.at_end(
                    f"a place in the tier {fanout.tier.name}", partial(fanout.remove, sender)
                )
            owned.at_end("a place in a broadcast", partial(self._leave, sender))
            self._places[sender] = place
            place.fanout.add(sender)
            yield place

    def _leave(self, sender: StreamSender) -> None:
        if self._places.pop(sender, None) is not None:
            self._before = total((self._before, sender.traffic))

    def adopt(self, tiers: Sequence[Tier]) -> None:
        """Use other tiers; who is in one that is no more is moved when its successor is there."""
        self._tiers = tiers
        for fanout, tier in zip(self._fanouts, every_tier(tiers), strict=True):
            fanout.adopt(tier)
        for sender, place in self._places.items():
            place.choice.adopt(tiers)
            sender.link.limit_to(ceiling(tiers[0]))
        self.update()

    def update(self) -> None:
        """Move viewers whose links have changed, and set each tier's bitrate."""
        now = time.monotonic()
        for sender, place in self._places.items():
            tier = place.choice.update(sender.link, now)
            self._move(sender, place, self._fanouts[tier.level])
        for fanout in self._fanouts:
            capacities = [sender.link.for_pictures(now) for sender in fanout.senders]
            fanout.set_bitrate(tier_bitrate(fanout.tier, capacities))

    @property
    def traffic(self) -> Traffic:
        """What all viewers there have been were sent so far."""
        return total((self._before, *(sender.traffic for sender in self._places)))

    def counts(self) -> FrameCounts:
        """Count what was sent and dropped so far, for all viewers there have been."""
        traffic = self.traffic
        counts = [fanout.counts for fanout in self._fanouts]
        skipped = sum(each.skipped + each.withheld for each in counts)
        return FrameCounts(sent=traffic.frames, dropped=traffic.dropped + skipped)

    def sent_since(self, when: int) -> list[StageTimes]:
        """Return some of the pictures sent since a time, in nanoseconds since the epoch."""
        return [times for fanout in self._fanouts for times in fanout.stages.sent_since(when)]

    def describe(self) -> list[dict[str, object]]:
        """Return what ``/stats`` says of the streams that are open."""
        return [about for fanout in self._fanouts if (about := fanout.describe()) is not None]

    def loads(self) -> list[StreamLoad]:
        """Return what the streams that are open cost."""
        return [load for fanout in self._fanouts if (load := fanout.load()) is not None]

    def _move(self, sender: StreamSender, place: Place, target: Fanout) -> None:
        """Let a viewer leave its tier when the key frame of another is there, and not before."""
        if target is (place.moving_to or place.fanout):
            return
        if place.moving_to is not None:
            place.moving_to.remove(sender)
            place.moving_to = None
        if target is place.fanout:
            return
        place.moving_to = target
        enter = partial(self._enter, sender, place, target)
        if target.tier.level > place.fanout.tier.level:
            sender.drain(
                enter
            )  # else the key frame would wait behind what was too much, or be lost
        else:
            enter()

    def _enter(self, sender: StreamSender, place: Place, target: Fanout) -> None:
        if sender not in self._places:
            return  # it has gone by now
        if place.moving_to is not target:
            place.request_keyframe()  # it stays after all
            return

        def arrive() -> None:
            place.fanout.remove(sender)
            place.fanout, place.moving_to = target, None

        target.add(sender, arrive)
