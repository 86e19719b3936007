# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who drives."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pi_webrtc_streamer.teleop.lock import PATIENCE, RECLAIMED_WITHIN, SILENCE, Lock, Operator

ADA, BOB, EVE = (Operator(name, number, name, name) for number, name in enumerate("abc", 1))


def test_one_has_it_and_the_other_does_not():
    lock = Lock()
    assert lock.take(ADA, 0.0)
    assert not lock.take(BOB, 1.0)
    assert lock.take(ADA, 1.0)
    assert lock.token == 1


def test_it_is_handed_over():
    lock = Lock()
    lock.take(ADA, 0.0)
    lock.ask(BOB, 1.0)
    lock.ask(EVE, 1.5)
    lock.hand_over(BOB, 2.0)  # who has nothing to hand over
    assert lock.held_by(ADA)
    lock.hand_over(ADA, 2.0)
    assert lock.held_by(BOB)
    assert lock.token == 2


def test_without_an_answer_it_is_taken():
    lock = Lock()
    lock.take(ADA, 0.0)
    lock.ask(BOB, 1.0)
    assert not lock.take_over(BOB, 1.0 + PATIENCE / 2)
    assert not lock.take_over(EVE, 1.0 + 2 * PATIENCE)  # who has not asked
    assert lock.take_over(BOB, 1.0 + PATIENCE)


def test_who_keeps_it_keeps_it():
    lock = Lock()
    lock.take(ADA, 0.0)
    lock.ask(BOB, 1.0)
    lock.keep(ADA)
    assert not lock.take_over(BOB, 100.0)


def test_silence_frees_it_for_who_asked():
    lock = Lock()
    lock.take(ADA, 0.0)
    lock.hear(ADA, 5.0)
    lock.tick(5.0 + SILENCE)
    assert lock.held_by(ADA)
    lock.ask(BOB, 6.0)
    lock.tick(5.1 + SILENCE)
    assert lock.held_by(BOB)


def test_a_page_that_was_loaded_anew_gets_it_back():
    again = Operator("a2", 4, ADA.tab, "a")
    for gone_first in (True, False):
        lock = Lock()
        lock.take(ADA, 0.0)
        if gone_first:
            lock.leave(ADA, 1.0)
        lock.join(again, 2.0)
        assert lock.held_by(again)
        assert not lock.held_by(ADA)
        assert lock.token == 2


def test_but_not_later_and_not_from_others():
    lock = Lock()
    lock.take(ADA, 0.0)
    lock.leave(ADA, 1.0)
    lock.join(Operator("a2", 4, ADA.tab, "a"), 1.1 + RECLAIMED_WITHIN)
    assert lock.holder is None
    lock.take(BOB, 20.0)
    lock.join(Operator("a3", 5, ADA.tab, "a"), 20.1)
    assert lock.held_by(BOB)


def test_who_has_no_tab_reclaims_nothing():
    lock = Lock()
    lock.take(Operator("x", 1, "", "x"), 0.0)
    lock.join(Operator("y", 2, "", "y"), 1.0)
    assert lock.holder is not None
    assert lock.holder.session == "x"


class Operators(RuleBasedStateMachine):
    """Whatever people do, a token belongs to one of them, and never comes back."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = Lock()
        self.now = 0.0
        self.holders: dict[int, str] = {}

    people = st.sampled_from([ADA, BOB, EVE])

    @rule(seconds=st.floats(0, 12))
    def wait(self, seconds):
        self.now += seconds
        self.lock.tick(self.now)

    @rule(who=people, what=st.sampled_from(["take", "join", "leave", "hear", "ask", "take_over"]))
    def act(self, who, what):
        getattr(self.lock, what)(who, self.now)

    @rule(who=people)
    def answer(self, who):
        self.lock.keep(who)

    @rule(who=people)
    def hand_over(self, who):
        self.lock.hand_over(who, self.now)

    @invariant()
    def a_token_is_one_operators(self):
        if self.lock.holder is not None:
            known = self.holders.setdefault(self.lock.token, self.lock.holder.session)
            assert known == self.lock.holder.session

    @invariant()
    def nobody_asks_for_what_is_theirs_or_free(self):
        if self.lock.asker is not None:
            assert self.lock.holder is not None
            assert not self.lock.held_by(self.lock.asker)


TestOperators = Operators.TestCase
