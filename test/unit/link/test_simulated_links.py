# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the control of a viewer's rate makes of links that change, in a simulation.

The table says what it made of them when it was last changed; better is fine.
"""

from dataclasses import dataclass

import pytest

from support.simulated_sender import simulate
from support.synthetic_traces import bursts, fading, ramps, steady, trace, with_outages

SECONDS = 60.0
JITTERS = (0.002, 0.015)  # seconds that a viewer takes to answer, on average


@dataclass(frozen=True)
class Expected:
    """The least share of time in which the picture is younger than 200 ms, the least mean width,
    and the most moves in a minute; all of them the worst of several viewers.
    """

    younger: float
    width: float
    moves: int


LINKS = {
    "200 kbit/s": (steady(200e3), Expected(0.94, 320, 2)),
    "1 Mbit/s": (steady(1e6), Expected(0.97, 630, 2)),
    "20 Mbit/s": (steady(20e6), Expected(0.99, 1280, 0)),
    # Too little for the large picture, for a third of the time.
    "steps": (lambda now: 300e3 if 20 < now < 40 else 20e6, Expected(0.91, 650, 4)),
    "ramps": (ramps(0.2e6, 12e6, 40), Expected(0.95, 400, 8)),
    "bursts": (bursts(4e6, 0.03, 0.07), Expected(0.98, 1250, 0)),
    # In 9 s of 12, and 0.16 s into each outage, it can be younger than 200 ms.
    "outages": (with_outages(steady(1.5e6), 12, 3), Expected(0.77, 1000, 2)),
    "short outages": (with_outages(steady(6e6), 4, 0.5), Expected(0.87, 1250, 0)),
    "fading slowly": (fading(1.5e6, 0.7, 2, SECONDS, 1), Expected(0.96, 640, 4)),
    "fading": (fading(4e6, 0.9, 1, SECONDS, 5), Expected(0.96, 850, 6)),
    "fading fast": (fading(6e6, 0.7, 0.5, SECONDS, 2), Expected(0.97, 1250, 2)),
}


@pytest.mark.parametrize("name", LINKS)
def test_pictures_stay_young_and_large(name):
    rate, expected = LINKS[name]
    played = trace(rate, SECONDS)
    seen = [simulate(played, SECONDS, jitter) for jitter in JITTERS]
    assert min(each.younger[200] for each in seen) >= expected.younger
    assert round(min(each.width for each in seen)) >= expected.width
    assert max(each.moves for each in seen) <= expected.moves


@pytest.mark.parametrize("rate", [0.5e6, 1e6, 2e6, 20e6])
def test_over_a_steady_link_nothing_is_lost_by_following(rate):
    """Neither pictures nor their size, beside one with so many viewers that it cannot be done."""
    played = trace(steady(rate), SECONDS)
    followed, not_followed = (simulate(played, SECONDS, follows=each) for each in (True, False))
    assert followed.pictures >= 0.99 * not_followed.pictures
    assert followed.freezes <= not_followed.freezes
    assert followed.slowest <= not_followed.slowest
    assert round(followed.width) >= round(not_followed.width)


def test_an_outage_costs_no_more_than_itself():
    """Nothing waits in the queue when the link is back, and the picture is as large as before."""
    rate = with_outages(steady(20e6), 20, 4)
    seen = simulate(trace(rate, 40), 40)
    assert seen.younger[200] >= (40 - 2 * 4) / 40 - 0.01
    assert round(seen.width) == 1280
    assert seen.moves == 0
