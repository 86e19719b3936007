# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How much each viewer's link carries, and which tier and bitrate follow from that.

The receivers estimate (REMB, draft-alvestrand-rmcat-remb): Chromium lowers its estimate only when
its packets' delay grows, to 85 % of what arrives, and raises it slowly, never above one and a half
times what arrives. A low estimate of a quiet scene therefore says nothing; a *falling* one says
what the link carries. Up to 10 % of loss is taken for noise of the radio, as by Google Congestion
Control (draft-ietf-rmcat-gcc, 6), and so are outages in which there is no queue (losses.py); of
more, what arrives is what the link carries. A queue that is full is seen by its round trips; one
that just stands at its end has neither falling estimates nor heavy loss. The first pictures say at
once what a narrow link carries.

Where a link was too full once, it will be again: near that bitrate, little more is tried at a time.
A larger tier is only moved to when a probe has shown that the link carries it.

Where packets are lost here and there, and not for being too many, each is sent twice, and pictures
get half the bitrate: a picture that waits for a packet to be sent again comes at the same time as
the next one, and is never seen.

Where it is asked behind each picture whether it has passed (flight.py), that says more of delays
than the receiver's estimates and round trips do, and sooner; these are not listened to then. Of a
link that is uneven, pictures take less (caution.py); their size follows what it carries.

Pure: bit/s, seconds, and the clock is the caller's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..media.tiers import Tier
from .caution import Caution
from .flight import Flight
from .losses import Losses
from .passage import Passage
from .probe import Probe
from .round_trips import RoundTrips

FALL = 0.97  # an estimate below this share of the last one has fallen
HEAVY_LOSS = 0.10
LIGHT_LOSS = 0.02
CERTAIN = 2.0  # standard deviations
LOSS_WINDOW = 0.5  # seconds
LEAST_CAPACITY = 10_000.0  # bit/s; from nothing, or less, no link would ever recover
DRAIN = 0.8  # share of what is sent, so that a full queue drains
RECOVERY_DELAY = 3.0  # seconds without trouble before more is tried
RECOVERY = 1.08  # growth a second
CAREFUL_RECOVERY = 1.02  # the same, near the bitrate at which the link was too full
NEAR = 0.9, 1.5  # times that bitrate; once above, it is forgotten
REMB_MARGIN = 0.85  # a receiver's falling estimate, as a share of what arrives
HEADROOM = 0.9  # share of a link that a stream may take
DECREASE_INTERVAL = 1.0  # seconds; several signs of the same trouble count once

# What a link must carry for a move up, times the next tier's lowest bitrate: its first picture is a
# key frame.
MOVE_UP = 1.4
MOST_PROBED = 4.0  # times what the link is thought to carry; then a step further
FIRST_HOLD = 5.0  # seconds in a tier before a move up, and the probe for it
LONGEST_HOLD = 60.0
REGRET = 10.0  # seconds; a move up that is undone within them was a mistake, as is a failed probe


class LinkEstimate:
    """What one viewer's link is thought to carry; ``ceiling`` until there is a reason for less.

    While there is a ``probe``, the link is filled up to its target. Not every viewer's link
    ``can_be_probed``.
    """

    def __init__(self, ceiling: float) -> None:
        self.passage = Passage()
        self.flight = Flight()
        self.losses = Losses()
        self.repeats = False  # whether each packet is sent twice
        self.probe: Probe | None = None
        self.can_be_probed = False
        self._ceiling = ceiling
        self._capacity = ceiling
        self._remb: float | None = None
        self._last_decrease = -math.inf
        self._excused_until = -math.inf
        self._limit: float | None = None  # bit/s at which it was too full
        self._updated = 0.0
        self._counted: _Count | None = None
        self._suspect: tuple[_Count, float] | None = None  # with the bit/s sent meanwhile
        self._round_trips = RoundTrips()
        self._caution = Caution()
        self.loss = 0.0
        self.round_trip = 0.0

    def limit_to(self, ceiling: float) -> None:
        """Take another ceiling, in bit/s; a link that was at the old one is thought to carry it."""
        at_the_old_one = self._capacity >= self._ceiling
        self._ceiling = ceiling
        self._capacity = ceiling if at_the_old_one else min(self._capacity, ceiling)

    def capacity(self, now: float) -> float:
        """Return the capacity in bit/s, having let it recover as far as time allows."""
        if self.calm(now):
            self._recover(now - max(self._updated, self._last_decrease + RECOVERY_DELAY))
        self._updated = max(now, self._updated)
        return self._capacity

    def for_pictures(self, now: float) -> float:
        """Return the bit/s of it that pictures may take; half, where each packet is sent twice."""
        return self.capacity(now) * self._caution.share(now) / (2 if self.repeats else 1)

    def can_repeat(self, now: float) -> bool:
        """Whether it helps to send each packet twice: some are lost, and not for being too many."""
        return self.can_be_probed and self.unhurt(now) and self.losses.scattered(now)

    def had_outage(self, now: float) -> bool:
        """Whether everything was lost for a moment, and not for being too much."""
        return self.unhurt(now) and self.losses.outage_lately(now)

    def unhurt(self, now: float) -> bool:
        """Whether it carries what it is given, as far as delays tell."""
        return self.calm(now) and not self._round_trips.filling

    def calm(self, now: float) -> bool:
        """Whether there has been no trouble for a while."""
        return now > self._last_decrease + RECOVERY_DELAY

    def prove(self, bitrate: float) -> None:
        """Take note that the link has carried so much."""
        self._capacity = min(self._ceiling, max(self._capacity, bitrate))
        self._limit = None

    def _recover(self, seconds: float) -> None:
        stages = [(RECOVERY, self._ceiling)]
        if self._limit is not None:
            below, above = (share * self._limit for share in NEAR)
            stages = [(RECOVERY, below), (CAREFUL_RECOVERY, above), *stages]
        for growth, goal in stages:
            goal = min(goal, self._ceiling)
            if self._capacity >= goal:
                continue
            needed = math.log(goal / self._capacity) / math.log(growth)
            if seconds < needed:
                self._capacity *= growth**seconds
                return
            seconds -= needed
            self._capacity = goal

    def on_estimate(self, bitrate: float, now: float) -> None:
        """Take a receiver's estimate (REMB).

        It is of what has arrived in the last second or so: each that falls is closer to what the
        link carries since it has become narrow.
        """
        fell = self._remb is not None and bitrate < FALL * self._remb
        self._remb = bitrate
        if fell and not self.flight.followed(now) and not self._excused(now):
            self._lower(bitrate, bitrate / REMB_MARGIN, now)

    def on_report(self, lost: int, highest: int, sent: float, now: float) -> None:
        """Take a receiver report: packets lost and the highest sequence number, both since the
        beginning, and the bit/s that are sent.

        Reports come with every NACK, many in a second, just before it; loss is counted over half a
        second at least, and for longer while it may be heavy by chance.
        """
        self._judge(now)
        outages = 0 if self._counted is None else self._counted.outages
        count = _Count(lost, highest, outages, now)
        if self._counted is None:
            self._counted = count
        elif now >= self._counted.at + LOSS_WINDOW and highest > self._counted.highest:
            self._suspect = count, sent
            if not count.since(self._counted).heavy:
                self._judge(now)

    def on_missing(self, sequences: Iterable[int], now: float) -> None:
        """Take the numbers of packets that the receiver asks for again."""
        self.losses.on_missing(sequences, now)
        self._judge(now)

    def _judge(self, now: float) -> None:
        """Take heavy loss for what the link does not carry, unless it was an outage: by now, the
        receiver has said what it misses.
        """
        if self._suspect is None or self._counted is None:
            return
        (count, sent), self._suspect = self._suspect, None
        told = count._replace(outages=self.losses.in_outages())
        # Where there is a queue, it has run over.
        lost = (count if self._round_trips.filling else told).since(self._counted)
        if lost.heavy and not lost.certain:
            return
        self._counted = told
        self.loss = lost.share
        if lost.heavy:
            self._drain(sent * (1 - self.loss), now)

    def on_round_trip(self, round_trip: float, sent: float, now: float) -> None:
        """Take a round-trip time, in seconds, and the bit/s that are sent."""
        self.round_trip = round_trip
        if not self._round_trips.tell_full(round_trip, now) or self.flight.followed(now):
            return
        if self._capacity > LEAST_CAPACITY:
            self._drain(sent, now)
        else:  # and the queue cannot be of our making
            self._round_trips.begin_anew(round_trip)

    def on_echo(self, round_trip: float) -> None:
        """Take the round trip of a question, in seconds, of before there are pictures or between
        two of a probe.
        """
        self._round_trips.note(round_trip)
        self.flight.on_echo(round_trip)
        if self.probe is not None:
            self.probe.on_round_trip(round_trip)

    def on_passed(self, round_trip: float, asked: float) -> None:
        """Take the answer to a question that was asked behind a picture at a time."""
        self.flight.on_answer(round_trip, asked)
        if self.probe is not None:
            self.probe.on_round_trip(round_trip)

    def follow_flight(self, now: float) -> None:
        """Learn from how pictures have passed: what the link carries, and how evenly."""
        if not self.flight.followed(now):
            return
        carried = self.flight.carries(now)
        if HEADROOM * carried < self.capacity(now) and not self._excused(now):
            self._lower(HEADROOM * carried, carried, now)
        if self._caution.is_due(self.flight, now) and not self._excused(now):
            self._caution.lower(self.flight, now)

    def on_passage(self, carried: float | None, now: float) -> None:
        """Take the bit/s that a key frame has passed with, if that was so slow that it counts."""
        if carried is not None and carried < self._capacity:
            self._lower(carried * DRAIN, carried, now)

    def _drain(self, limit: float, now: float) -> None:
        """Take note that the link is too full with so many bit/s."""
        if self._excused(now) or now < self._last_decrease + DECREASE_INTERVAL:
            return
        # An encoder may send more than it is told to, most of all if it is asked for many key
        # frames. To tell it the same again would not help.
        limit = min(limit, self.capacity(now))
        self._lower(limit * DRAIN, limit, now)

    def _excused(self, now: float) -> bool:
        """Whether trouble is of a probe's making, and ends with it."""
        if self.probe is not None and not self.probe.failed:
            self.probe.fail()
            self._excused_until = now + DECREASE_INTERVAL
            self._last_decrease = now
        return now < self._excused_until

    def _lower(self, capacity: float, limit: float, now: float) -> None:
        self._capacity = max(LEAST_CAPACITY, min(self.capacity(now), capacity))
        self._limit = max(LEAST_CAPACITY, limit)
        self._last_decrease = now


class _Count(NamedTuple):
    """What a report says, since the beginning: packets, of which some were lost in outages."""

    lost: int
    highest: int
    outages: int
    at: float  # seconds

    def since(self, before: _Count) -> _Lost:
        """Return what was lost beside outages since another count."""
        beside = self.lost - before.lost - (self.outages - before.outages)
        return _Lost(max(0, beside), self.highest - before.highest)


class _Lost(NamedTuple):
    """Packets that were lost, of those sent."""

    lost: int
    sent: int

    @property
    def share(self) -> float:
        return min(1.0, self.lost / self.sent)

    @property
    def heavy(self) -> bool:
        return self.share > HEAVY_LOSS

    @property
    def certain(self) -> bool:
        """Whether so much is no chance: it is far above what may be lost."""
        return self.lost - CERTAIN * math.sqrt(self.lost) > HEAVY_LOSS * self.sent


class TierChoice:
    """Which tier one viewer watches: down at once; up after a while, if a probe finds that its link
    carries it; and later each time that it does not.
    """

    def __init__(self, tiers: Sequence[Tier]) -> None:
        self._tiers = tiers
        self._hold = FIRST_HOLD
        self._tried = -math.inf  # when it was last moved, or could not be
        self._moved_up: float | None = None
        self.tier = tiers[0]

    def adopt(self, tiers: Sequence[Tier]) -> None:
        """Choose from other tiers, beginning with the one that is nearest to the present one."""
        self._tiers = tiers
        self.tier = tiers[min(self.tier.level, len(tiers) - 1)]

    def update(self, link: LinkEstimate, now: float) -> Tier:
        """Return the tier for a link, which may be probed for it."""
        link.follow_flight(now)
        capacity = link.capacity(now)
        level = self.tier.level
        if capacity < self.tier.lowest and level < len(self._tiers) - 1:
            fitting = (tier for tier in self._tiers[level + 1 :] if tier.lowest <= capacity)
            link.probe = None
            self._move(next(fitting, self._tiers[-1]), now)
        elif level > 0:
            above = self._tiers[level - 1]
            if self._carries(link, MOVE_UP * above.lowest, now):
                self._move(above, now)
        # Sent twice and half as large, a picture is no more to carry. But its size comes first.
        link.repeats = link.can_repeat(now) and capacity >= 2 * self.tier.lowest
        return self.tier

    def _carries(self, link: LinkEstimate, bitrate: float, now: float) -> bool:
        """Whether it is time to move up, and the link is known to carry so much."""
        if now < self._tried + self._hold:
            return False
        if not link.can_be_probed:
            return link.capacity(now) >= bitrate
        if link.probe is None:
            if link.calm(now):
                link.probe = Probe(min(bitrate, MOST_PROBED * link.capacity(now)), now)
            return False
        if not link.probe.over(now):
            return False
        probe, link.probe = link.probe, None
        if probe.failed:
            self._regret(now)
            return False
        if probe.passed:
            link.prove(probe.target)
        return probe.passed and probe.target >= bitrate

    def _move(self, tier: Tier, now: float) -> None:
        self._tried = now
        if tier.level < self.tier.level:
            self._moved_up = now
        elif self._moved_up is not None and now < self._moved_up + REGRET:
            self._regret(now)
        else:  # it was well there
            self._hold = FIRST_HOLD
        self.tier = tier

    def _regret(self, now: float) -> None:
        self._hold = min(LONGEST_HOLD, 2 * self._hold)
        self._tried = now


def tier_bitrate(tier: Tier, capacities: Iterable[float]) -> int:
    """Return the bitrate for all viewers of a tier: what the weakest link of them carries."""
    weakest = min(capacities, default=ceiling(tier))
    return round(min(max(HEADROOM * weakest, tier.lowest), tier.highest))


def ceiling(tier: Tier) -> float:
    """Return the capacity that is enough for a tier's highest bitrate."""
    return tier.highest / HEADROOM
