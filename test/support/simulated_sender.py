# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The only viewer of a camera over a simulated link: what webrtc/ and media/ do, without them.

What it is about is the product's own: ``LinkEstimate``, ``TierChoice``, ``Hold``, ``Flight``. An
encoder is no more than the size of its pictures, and nothing is sent a second time.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pi_webrtc_streamer.link.bitrate import BitrateMeter
from pi_webrtc_streamer.link.hold import Hold
from pi_webrtc_streamer.link.rate_control import LinkEstimate, TierChoice, ceiling, tier_bitrate
from pi_webrtc_streamer.media.codec import AccessUnit
from pi_webrtc_streamer.media.stages import StageTimes
from pi_webrtc_streamer.media.tiers import Tier, make_tiers

from .simulated_link import Clock, Picture, Shown, SimulatedLink

WIDTH = 1280
FRAME_RATE = 30
MAKING = 0.012  # seconds from when a picture is captured until it is sent
FOLLOW = 0.5  # seconds between two looks at the link
# Of an encoder: how much pictures differ in size, and key frames from the others.
SPREAD = 0.25
KEYFRAME, LARGEST_KEYFRAME = 4, 0.09  # times the mean, and seconds at a tier's highest bitrate
KEYFRAME_INTERVAL = 0.3  # seconds
ASK_AGAIN = 0.05  # seconds; see webrtc/following.py
LONGEST_WAIT = 0.5  # seconds for which a question of a probe is not asked again
FREEZE = 0.2  # seconds


@dataclass(frozen=True)
class Watched:
    """What somebody has seen: shares of time in which the picture was younger, by the age in ms;
    mean width; moves from one tier to another; the bit/s of the pictures; how many were shown, how
    old in seconds 95 % of them were at most then, and how often there was none for 0.2 s.
    """

    younger: dict[int, float]
    width: float
    moves: int
    bitrate: float
    pictures: int
    slowest: float
    freezes: int


def simulate(
    trace: Sequence[int], seconds: float, jitter: float = 0.005, seed: int = 1, follows: bool = True
) -> Watched:
    """Watch a camera over a link that plays a trace; ``follows`` unless there are many viewers."""
    clock = Clock()
    link = SimulatedLink(clock, trace, jitter, seed)
    sender = _Sender(clock, link, make_tiers(2_500_000, 100_000), random.Random(seed))
    sender.follows = follows
    link.on_broken = sender.request_keyframe
    link.on_estimate = sender.take_estimate
    link.on_report = sender.take_report
    for number in range(int(seconds * FRAME_RATE)):
        captured = number / FRAME_RATE
        clock.at(captured + MAKING, lambda captured=captured: sender.take(captured))
    for number in range(int(seconds / FOLLOW)):
        clock.at(number * FOLLOW, sender.follow_link)
    clock.run(seconds)
    return _watched(link.shown, seconds, sender.moves, sender.bits / seconds)


def _watched(shown: list[Shown], seconds: float, moves: int, bitrate: float) -> Watched:
    until = [each.at for each in shown[1:]] + [seconds]
    spans = [(each, max(0.0, end - each.at)) for each, end in zip(shown, until, strict=True)]
    ages = sorted(each.age for each in shown)
    return Watched(
        younger={
            age: sum(max(0.0, min(span, age / 1000 - each.age)) for each, span in spans) / seconds
            for age in (200, 300, 500)
        },
        width=sum(each.width * span for each, span in spans) / sum(span for _, span in spans),
        moves=moves,
        bitrate=bitrate,
        pictures=len(shown),
        slowest=ages[int(0.95 * len(ages))],
        freezes=sum(span > FREEZE for _, span in spans),
    )


class _Sender:
    """What Broadcast, Fanout and StreamSender do for one viewer."""

    def __init__(
        self, clock: Clock, path: SimulatedLink, tiers: Sequence[Tier], chance: random.Random
    ) -> None:
        self.moves = 0
        self.bits = 0
        self.follows = True
        self._rate = BitrateMeter()
        self._clock, self._path, self._chance = clock, path, chance
        self._link = LinkEstimate(ceiling(tiers[0]))
        self._link.can_be_probed = True
        self._choice = TierChoice(tiers)
        self._hold = Hold(path, self._link.passage, self._release)
        self._tier = self._aim = tiers[0]
        self._entered = tiers[0]  # whose key frame comes next
        self._drained: Callable[[], object] | None = None
        self._last: Picture | None = None
        self._keyframe_asked, self._keyframe_made = True, -1.0
        self._needs_keyframe = True
        self._asks_again = False
        self._probe_asked: float | None = None
        self._units: dict[int, Picture] = {}
        self._numbers = itertools.count()
        path.ask(0.0, lambda round_trip, _: self._link.on_echo(round_trip))

    def request_keyframe(self) -> None:
        self._keyframe_asked = True

    def take(self, captured: float) -> None:
        """Encode a picture and send it, unless the link is full."""
        now = self._clock.now
        if self._link.flight.full(now):
            return
        moved = self._entered is not self._tier
        if moved:
            self.moves += 1
            self._tier = self._entered
        keyframe = moved or self._keyframe_due(now)
        mean = self._bitrate(now) / FRAME_RATE
        if keyframe:
            self._keyframe_asked, self._keyframe_made = False, now
            bits = min(KEYFRAME * mean, LARGEST_KEYFRAME * self._tier.highest)
        else:
            bits = mean * self._chance.lognormvariate(-(SPREAD**2) / 2, SPREAD)
        number = next(self._numbers)
        width = WIDTH // self._tier.divisor
        self._units[number] = Picture(captured, width, round(bits), None)
        size = round(bits / 8)
        self._send(AccessUnit((b"",), number, keyframe, size, StageTimes(0, 0, 0)))

    def follow_link(self) -> None:
        """Choose a tier, and move there."""
        tier = self._choice.update(self._link, self._clock.now)
        if tier is self._aim:
            return
        self._aim = tier
        if tier.level > self._tier.level:
            self._needs_keyframe = True
            self._drained = lambda: self._enter(tier)
            self._hold.drain(self._clock.now)
        else:
            self._enter(tier)

    def take_estimate(self, bitrate: float) -> None:
        """Take a receiver's estimate (REMB)."""
        with self._learning() as now:
            self._link.on_estimate(bitrate, now)

    def take_report(self, round_trip: float, lost: int, sent: int) -> None:
        """Take a receiver's report."""
        with self._learning() as now:
            rate = self._rate.rate(now)
            self._link.on_report(lost, sent, rate, now)
            self._link.on_round_trip(round_trip, rate, now)

    @contextmanager
    def _learning(self) -> Iterator[float]:
        now = self._clock.now
        before = self._link.capacity(now)
        yield now
        if self._link.capacity(now) < before:
            self.follow_link()

    def _enter(self, tier: Tier) -> None:
        if tier is self._aim:
            self._entered = tier
        self.request_keyframe()

    def _keyframe_due(self, now: float) -> bool:
        return self._keyframe_asked and now >= self._keyframe_made + KEYFRAME_INTERVAL

    def _bitrate(self, now: float) -> int:
        return tier_bitrate(self._tier, [self._link.for_pictures(now)])

    def _send(self, unit: AccessUnit) -> None:
        now = self._clock.now
        if self._hold.keeps(unit, now) or (self._needs_keyframe and not unit.keyframe):
            return
        measured = unit.keyframe and self._hold.before(now)
        picture = self._units.pop(unit.timestamp)
        picture.before = None if unit.keyframe else self._last
        padding = self._probe(picture.bits, now)
        if self.follows and self._link.flight.measures_next:
            self._path.ask(now, self._link.flight.on_answer_before)
        self._path.send(picture, padding)
        self.bits += picture.bits
        self._rate.add(picture.bits + padding, now)
        self._last, self._needs_keyframe = picture, False
        if measured:
            self._hold.behind(picture.bits, now)
        if self.follows:
            self._follow(picture.bits + padding, now)

    def _follow(self, bits: int, now: float) -> None:
        self._link.flight.on_sent(bits, now)
        self._path.ask(now, self._link.on_passed)
        if not self._asks_again:
            self._asks_again = True
            self._clock.at(now + ASK_AGAIN, self._ask_again)

    def _ask_again(self) -> None:
        now = self._clock.now
        self._asks_again = self._link.flight.under_way
        if self._link.flight.full(now):
            self._path.ask(now, self._link.on_passed)
            self._clock.at(now + ASK_AGAIN, self._ask_again)
        elif self._asks_again:
            self._clock.at(now + ASK_AGAIN, self._ask_again)

    def _probe(self, bits: int, now: float) -> int:
        if self._link.probe is None:
            return 0
        if self.follows:  # the answers to questions behind pictures are on their way
            return self._link.probe.padding(bits, now)
        if self._probe_asked is None or now > self._probe_asked + LONGEST_WAIT:
            self._probe_asked = now
            self._path.ask(now, self._take_echo)
        return self._link.probe.padding(bits, now)

    def _take_echo(self, round_trip: float, asked: float) -> None:
        self._probe_asked = None
        self._link.on_echo(round_trip)

    def _release(self, kept: list[AccessUnit], carried: float | None, in_time: bool) -> None:
        drained, self._drained = self._drained, None
        if drained is not None:
            drained()
            return
        self._link.on_passage(carried, self._clock.now)
        before = self._aim
        self.follow_link()
        if self._aim is not before:
            return
        if in_time:
            for unit in kept:
                self._send(unit)
        elif kept:
            self._needs_keyframe = True
            self.request_keyframe()
