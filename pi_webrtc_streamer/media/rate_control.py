"""How much each viewer's link carries, and which tier and bitrate follow from that.

The receivers estimate (REMB, draft-alvestrand-rmcat-remb): Chromium lowers its estimate only when
its packets' delay grows, to 85 % of what arrives, and raises it slowly, never above one and a half
times what arrives. A low estimate of a quiet scene therefore says nothing; a *falling* one says
what the link carries. Up to 10 % of loss is taken for noise of the radio, as by Google Congestion
Control (draft-ietf-rmcat-gcc, 6); of more, what arrives is what the link carries. A round trip far
above the least one seen means that a queue is full.

Pure: bit/s, seconds, and the clock is the caller's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .tiers import Tier

FALL = 0.97  # an estimate below this share of the last one has fallen
HEAVY_LOSS = 0.10
LIGHT_LOSS = 0.02
LOSS_WINDOW = 0.5  # seconds
FULL_QUEUE = 0.15  # seconds above the least round trip
LEAST_CAPACITY = 10_000.0  # bit/s; from nothing, or less, no link would ever recover
DRAIN = 0.8  # share of what is sent, so that a full queue drains
RECOVERY_DELAY = 3.0  # seconds without trouble before more is tried
RECOVERY = 1.08  # growth a second
HEADROOM = 0.9  # share of a link that a stream may take
DECREASE_INTERVAL = 1.0  # seconds; several signs of the same trouble count once

MOVE_UP = 1.2  # times the next tier's lowest bitrate
FIRST_HOLD = 5.0  # seconds in a tier before a move up
LONGEST_HOLD = 60.0
REGRET = 10.0  # seconds; a move up that is undone within them was a mistake


class LinkEstimate:
    """What one viewer's link is thought to carry; ``ceiling`` until there is a reason for less."""

    def __init__(self, ceiling: float) -> None:
        self._ceiling = ceiling
        self._capacity = ceiling
        self._remb: float | None = None
        self._last_decrease: float | None = None
        self._updated = 0.0
        self._counted: tuple[int, int, float] | None = None
        self._least_round_trip: float | None = None
        self.loss = 0.0
        self.round_trip = 0.0

    def capacity(self, now: float) -> float:
        """Return the capacity in bit/s, having let it recover as far as time allows."""
        recovering = self._last_decrease is not None and (
            now > self._last_decrease + RECOVERY_DELAY
        )
        if recovering:
            since = max(self._updated, (self._last_decrease or 0.0) + RECOVERY_DELAY)
            self._capacity = min(self._ceiling, self._capacity * RECOVERY ** (now - since))
        self._updated = max(now, self._updated)
        return self._capacity

    def on_estimate(self, bitrate: float, now: float) -> None:
        """Take a receiver's estimate (REMB)."""
        fell = self._remb is not None and bitrate < FALL * self._remb
        self._remb = bitrate
        if fell:
            self._decrease(bitrate, now)

    def on_report(self, lost: int, highest: int, sent: float, now: float) -> None:
        """Take a receiver report: packets lost and the highest sequence number, both since the
        beginning, and the bit/s that are sent.

        Reports come with every NACK, many in a second; loss is counted over half a second at
        least.
        """
        if self._counted is None:
            self._counted = lost, highest, now
            return
        lost_before, highest_before, since = self._counted
        expected = highest - highest_before
        if now < since + LOSS_WINDOW or expected <= 0:
            return
        self._counted = lost, highest, now
        self.loss = min(1.0, max(0.0, (lost - lost_before) / expected))
        if self.loss > HEAVY_LOSS:
            self._decrease(sent * (1 - self.loss) * DRAIN, now)

    def on_round_trip(self, round_trip: float, sent: float, now: float) -> None:
        """Take a round-trip time, in seconds: one far above the least means a full queue."""
        self.round_trip = round_trip
        least = self._least_round_trip
        self._least_round_trip = round_trip if least is None else min(least, round_trip)
        if round_trip > self._least_round_trip + FULL_QUEUE:
            self._decrease(sent * DRAIN, now)

    def _decrease(self, capacity: float, now: float) -> None:
        self.capacity(now)
        recent = self._last_decrease is not None and now < self._last_decrease + DECREASE_INTERVAL
        if not recent:
            self._capacity = max(LEAST_CAPACITY, min(self._capacity, capacity))
            self._last_decrease = now


class TierChoice:
    """Which tier one viewer watches: down at once, up after a while, and more slowly each time."""

    def __init__(self, tiers: Sequence[Tier]) -> None:
        self._tiers = tiers
        self._hold = FIRST_HOLD
        self._moved: float | None = None
        self._moved_up: float | None = None
        self.tier = tiers[0]

    def update(self, capacity: float, now: float) -> Tier:
        """Return the tier for a link that carries this much."""
        level = self.tier.level
        if capacity < self.tier.lowest and level < len(self._tiers) - 1:
            fitting = (tier for tier in self._tiers[level + 1 :] if tier.lowest <= capacity)
            self._move(next(fitting, self._tiers[-1]), now)
        elif level > 0 and self._may_move_up(now):
            above = self._tiers[level - 1]
            if capacity >= MOVE_UP * above.lowest:
                self._move(above, now)
        return self.tier

    def _may_move_up(self, now: float) -> bool:
        return self._moved is None or now >= self._moved + self._hold

    def _move(self, tier: Tier, now: float) -> None:
        if tier.level < self.tier.level:
            self._moved_up = now
        elif self._moved_up is not None and now < self._moved_up + REGRET:
            self._hold = min(LONGEST_HOLD, 2 * self._hold)
        self.tier = tier
        self._moved = now


def tier_bitrate(tier: Tier, capacities: Iterable[float]) -> int:
    """Return the bitrate for all viewers of a tier: what the weakest link of them carries."""
    weakest = min(capacities, default=ceiling(tier))
    return round(min(max(HEADROOM * weakest, tier.lowest), tier.highest))


def ceiling(tier: Tier) -> float:
    """Return the capacity that is enough for a tier's highest bitrate."""
    return tier.highest / HEADROOM
