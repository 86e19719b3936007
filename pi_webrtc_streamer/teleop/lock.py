# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who drives: one at a time, with a fencing token for each grant.

A token makes sure that what somebody sent before losing the lock moves nothing afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

SILENCE = 10.0  # seconds without a message after which the lock is free again
PATIENCE = 5.0  # seconds that a driver has to answer who asks
RECLAIMED_WITHIN = 10.0  # seconds in which a page that was loaded anew gets it back


@dataclass(frozen=True)
class Operator:
    """Somebody with a control connection; ``tab`` is the same after its page was loaded anew."""

    session: str
    number: int
    tab: str
    name: str


class Lock:
    """Has one holder at most, who got it with :attr:`token`; tokens only increase."""

    def __init__(self) -> None:
        self.holder: Operator | None = None
        self.asker: Operator | None = None
        self.token = 0
        self._heard = 0.0
        self._asked = 0.0
        self._last: tuple[str, float] | None = None  # tab of who had it, and until when

    def held_by(self, operator: Operator) -> bool:
        """Whether an operator has the lock."""
        return self.holder is not None and self.holder.session == operator.session

    def take(self, operator: Operator, now: float) -> bool:
        """Give the lock to an operator if it is free; return whether it is theirs now."""
        if self.holder is None:
            self._grant(operator, now)
        return self.held_by(operator)

    def join(self, operator: Operator, now: float) -> None:
        """Give the lock back to a page that had it before it was loaded anew."""
        if not operator.tab:
            return
        lately = self._last is not None and now - self._last[1] <= RECLAIMED_WITHIN
        had = self.holder.tab if self.holder else self._last[0] if self._last and lately else ""
        if had == operator.tab:
            self._grant(operator, now)

    def leave(self, operator: Operator, now: float) -> None:
        """Free the lock if the operator has it, and forget what they asked."""
        if self.held_by(operator):
            self.free(now)
        if self.asker is not None and self.asker.session == operator.session:
            self.asker = None

    def free(self, now: float) -> None:
        """Take the lock from whoever has it; who has asked gets it."""
        if self.holder is not None:
            self._last = self.holder.tab, now
        self.holder = None
        if self.asker is not None:
            self._grant(self.asker, now)

    def hear(self, operator: Operator, now: float) -> None:
        """Note that an operator has sent something."""
        if self.held_by(operator):
            self._heard = now

    def tick(self, now: float) -> None:
        """Free the lock if its holder has been silent for too long."""
        if self.holder is not None and now - self._heard > SILENCE:
            self.free(now)

    def ask(self, operator: Operator, now: float) -> None:
        """Ask for the lock; a free one is given. The first to ask stays the one who asks."""
        if not self.take(operator, now) and self.asker is None:
            self.asker, self._asked = operator, now

    def may_take(self, operator: Operator, now: float) -> bool:
        """Whether an operator has asked, and has not been answered."""
        asks = self.asker is not None and self.asker.session == operator.session
        return asks and now - self._asked >= PATIENCE

    def take_over(self, operator: Operator, now: float) -> bool:
        """Take the lock that was asked for in vain; return whether it is theirs now."""
        if self.may_take(operator, now):
            self._grant(operator, now)
        return self.held_by(operator)

    def hand_over(self, operator: Operator, now: float) -> None:
        """Give the lock that one has to who asks for it."""
        if self.held_by(operator) and self.asker is not None:
            self._grant(self.asker, now)

    def keep(self, operator: Operator) -> None:
        """Answer who asks for the lock that one has: no."""
        if self.held_by(operator):
            self.asker = None

    def _grant(self, operator: Operator, now: float) -> None:
        self.holder, self._heard, self._last = operator, now, None
        self.token += 1
        if self.asker is not None and self.asker.session == operator.session:
            self.asker = None
