# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a receiver misses, and how it was lost."""

import random

from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.link.losses import (
    FEWEST,
    LASTING,
    MOST_RUNS,
    OUTAGE,
    SHORTEST_OUTAGE,
    WINDOW,
    Losses,
)

RATE = 270  # packets a second
FRAME = 9  # packets


def watch(seconds: float, lose, first: int = 0) -> tuple[Losses, list[bool]]:
    """Send 30 frames a second, each missing at once what is lost of it; ``lose`` says which."""
    losses, scattered = Losses(), []
    for frame in range(round(30 * seconds)):
        now = frame / 30
        numbers = range(FRAME * frame, FRAME * (frame + 1))
        losses.on_sent(FRAME, now)
        losses.on_missing([first + each & 0xFFFF for each in numbers if lose(each)], now)
        scattered.append(losses.scattered(now))
    return losses, scattered


def test_random_loss_is_seen_after_a_while_and_forgotten_after_another():
    chance = random.Random(1)
    lossy = 20 * RATE
    _, scattered = watch(40, lambda each: each < lossy and chance.random() < 0.05)
    assert not any(scattered[: round(30 * WINDOW)])
    assert all(scattered[30 * 5 : 30 * 20])
    assert not any(scattered[round(30 * (20 + WINDOW + LASTING)) :])


def test_a_link_that_is_clean_or_nearly_so_has_none():
    chance = random.Random(1)
    for share in (0, 0.005):
        losses, scattered = watch(30, lambda each, share=share: chance.random() < share)
        assert not any(scattered)
        assert losses.in_outages() == 0


@given(st.integers(0, 0xFFFF))
def test_outages_are_counted_and_are_not_loss_here_and_there(first):
    outage = 3 * FRAME
    losses, scattered = watch(10, lambda each: each % RATE < outage, first)
    assert losses.in_outages() == 10 * outage
    assert not any(scattered)
    assert losses.outage_lately(10)
    assert not losses.outage_lately(10 + 2 * WINDOW)


def test_a_slow_stream_has_outages_of_few_packets():
    losses = Losses()
    for second in range(20):
        losses.on_sent(1, second / 10)
    losses.on_missing(range(5, 5 + SHORTEST_OUTAGE), 2)
    assert losses.in_outages() == SHORTEST_OUTAGE


def test_what_is_asked_for_again_counts_once():
    losses = Losses()
    losses.on_sent(RATE, 0)
    for now in (0.1, 0.2, 0.3):
        losses.on_missing(range(100, 100 + round(RATE * OUTAGE)), now)
    assert losses.in_outages() == round(RATE * OUTAGE)


@given(st.lists(st.tuples(st.lists(st.integers(0, 0xFFFF), max_size=50), st.floats(0, 1))))
def test_whatever_is_said_to_be_missing_is_bounded(reports):
    losses, now, told = Losses(), 0.0, 0
    for sequences, step in reports:
        now += step
        told += len(sequences)
        losses.on_sent(1, now)
        losses.on_missing(sequences, now)
        before = losses.in_outages()
        assert 0 <= before <= told
        if told < FEWEST:
            assert not losses.scattered(now)
        assert len(losses._runs) <= MOST_RUNS
