# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How much of what a link carries pictures may take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.link.caution import (
    CALM,
    GROWTH,
    INTERVAL,
    LEAST_SHARE,
    LONGEST_GROWTH,
    SOON,
    STEEPEST,
    Caution,
)
from pi_webrtc_streamer.link.flight import Flight

WAY = 0.04
PERIOD = 1 / 30


def fly(flight: Flight, waited: float, begun: float, seconds: float = 1.0) -> float:
    """Send pictures for a while, each of which waits so long, and return when it ends."""
    for number in range(int(seconds / PERIOD)):
        flight.on_sent(1000, begun + number * PERIOD)
        flight.on_answer(WAY + waited, begun + number * PERIOD)
    return begun + seconds


def test_pictures_that_pass_soon_may_take_all():
    flight, caution = Flight(), Caution()
    flight.on_echo(WAY)
    now = fly(flight, SOON - 0.001, 0.0)
    assert not caution.is_due(flight, now)
    assert caution.share(now) == 1.0


def test_those_that_take_longer_are_made_smaller_by_as_much():
    flight, caution = Flight(), Caution()
    flight.on_echo(WAY)
    now = fly(flight, 1.25 * SOON, 0.0)
    assert caution.is_due(flight, now)
    caution.lower(flight, now)
    assert caution.share(now) == pytest.approx(0.8)
    assert not caution.is_due(flight, now + INTERVAL), "of what was made since, nothing is known"
    now = fly(flight, 10 * SOON, now)
    assert caution.is_due(flight, now)
    caution.lower(flight, now)
    assert caution.share(now) == pytest.approx(0.8 * STEEPEST)
    assert caution.share(now + CALM) == pytest.approx(0.8 * STEEPEST)
    assert caution.share(now + CALM + 2) == pytest.approx(0.8 * STEEPEST * GROWTH**2)
    assert caution.share(now + CALM + LONGEST_GROWTH) == 1.0
    assert caution.share(now + 1e9) == 1.0


def test_it_is_the_same_whenever_it_begins():
    assert Caution().share(1e9) == 1.0


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 5)), max_size=30))
def test_the_share_stays_within_bounds(script):
    flight, caution = Flight(), Caution()
    now = 0.0
    for waited, pause in script:
        now = fly(flight, waited, now + pause, 0.3)
        if caution.is_due(flight, now):
            before = caution.share(now)
            caution.lower(flight, now)
            assert caution.share(now) <= before
        assert LEAST_SHARE <= caution.share(now) <= 1
