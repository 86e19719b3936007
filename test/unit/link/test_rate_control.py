# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Rate control: what links are thought to carry, and what follows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.link.caution import SOON
from pi_webrtc_streamer.link.probe import Probe
from pi_webrtc_streamer.link.rate_control import (
    DECREASE_INTERVAL,
    FIRST_HOLD,
    HEADROOM,
    LEAST_CAPACITY,
    LinkEstimate,
    TierChoice,
    ceiling,
    tier_bitrate,
)
from pi_webrtc_streamer.media.tiers import make_tiers

HIGHEST, LOWEST = 2_500_000, 100_000


TIERS = make_tiers(HIGHEST, LOWEST)


FULL, HALF, QUARTER = TIERS


def test_tiers_overlap_and_reach_from_the_highest_to_the_lowest():
    assert (FULL.highest, QUARTER.lowest) == (HIGHEST, LOWEST)
    assert FULL.lowest < HALF.highest
    assert HALF.lowest < QUARTER.highest
    assert [tier.name for tier in TIERS] == ["full", "half", "quarter"]
    assert make_tiers(HIGHEST, LOWEST, count=1)[0].lowest == LOWEST


@given(st.integers(50_000, 10**8), st.integers(10_000, 10**8), st.integers(1, 3))
def test_every_tier_has_a_range(highest, lowest, count):
    tiers = make_tiers(max(highest, lowest), lowest, count)
    assert len(tiers) == count
    assert all(lowest <= tier.lowest <= tier.highest for tier in tiers)
    assert tiers[-1].lowest == lowest


def test_a_rising_or_low_estimate_of_a_quiet_scene_says_nothing():
    link = LinkEstimate(HIGHEST)
    for second in range(60):
        link.on_estimate(100_000 * 1.08**second, second)
        link.on_report(5 * second, 100 * second, 80_000, second)
        link.on_round_trip(0.02, 80_000, second)
        assert link.capacity(second) == HIGHEST


def test_a_falling_estimate_is_the_capacity_until_it_recovers():
    link = LinkEstimate(HIGHEST)
    link.on_estimate(3_000_000, 0)
    link.on_estimate(850_000, 1)
    assert link.capacity(1) == 850_000
    assert link.capacity(3.9) == 850_000
    assert 850_000 < link.capacity(10) < HIGHEST
    assert link.capacity(60) == HIGHEST


def test_estimates_that_go_on_falling_are_followed_at_once():
    """The first of them are half of what arrived before the link became narrow."""
    link = LinkEstimate(HIGHEST)
    for number, bitrate in enumerate((3_000_000, 1_400_000, 1_100_000, 800_000, 790_000)):
        link.on_estimate(bitrate, 0.2 * number)
    assert link.capacity(0.8) == 800_000
    assert link.capacity(3.5) == 800_000


def test_an_encoder_that_sends_more_than_it_is_told_to_is_told_less():
    """With many key frames: what arrives of them says nothing of how many bits it should be."""
    link = LinkEstimate(1_000_000)
    for second in range(4):
        link.on_report(40 * second, 100 * second, 4_000_000, second)
        link.on_missing([], second)
    assert link.capacity(3) == pytest.approx(0.8**3 * 1_000_000)
    link = LinkEstimate(1_000_000)
    for second in range(4):
        link.on_round_trip(0.3 if second else 0.01, 4_000_000, second)
    assert link.capacity(3) == pytest.approx(0.8**3 * 1_000_000)


def test_trouble_while_a_link_is_probed_is_the_probes():
    link = LinkEstimate(HIGHEST)
    link.on_estimate(900_000, 0)
    link.on_estimate(800_000, 0.1)
    link.probe = Probe(1_400_000, 9)
    before = link.capacity(10)
    link.on_estimate(600_000, 10)
    link.on_estimate(500_000, 10 + 0.9 * DECREASE_INTERVAL)
    assert link.probe.failed
    link.probe = None
    assert link.capacity(10 + 0.9 * DECREASE_INTERVAL) == before
    link.on_estimate(400_000, 10 + 1.1 * DECREASE_INTERVAL)
    assert link.capacity(10 + 1.1 * DECREASE_INTERVAL) == 400_000


def test_a_key_frame_that_passes_slowly_says_what_the_link_carries():
    link = LinkEstimate(HIGHEST)
    link.on_passage(None, 1)
    link.on_passage(2 * HIGHEST, 1)
    assert link.capacity(1) == HIGHEST
    link.on_passage(1_000_000, 1)
    assert link.capacity(1) == 0.8 * 1_000_000
    link.on_passage(500_000, 1.1)
    assert link.capacity(1.1) == 0.8 * 500_000


def fly(link: LinkEstimate, took: float, waits: float = 0.0) -> float:
    """Send pictures of 33 kbit for two seconds, and return when that ends."""
    link.on_echo(0.04)
    for number in range(60):
        now = number / 30
        if link.flight.measures_next:
            link.flight.on_answer_before(0.04 + waits, now)
        link.flight.on_sent(33_000, now)
        link.on_passed(0.04 + waits + took, now)
    return 2.0


def test_pictures_that_are_followed_say_what_a_link_carries_and_estimates_do_not():
    link = LinkEstimate(3_000_000)
    now = fly(link, took=0.033)
    link.on_estimate(3_000_000, now)
    link.on_estimate(500_000, now)
    link.on_round_trip(0.04, 3_000_000, now)
    link.on_round_trip(0.4, 3_000_000, now)
    assert link.capacity(now) == 3_000_000
    link.follow_flight(now)
    assert link.capacity(now) == pytest.approx(HEADROOM * 1_000_000)
    link.on_estimate(400_000, now + 10)
    assert link.capacity(now + 10) == 400_000, "they are not followed any more"


def test_where_pictures_pass_late_they_take_less_of_what_the_link_carries():
    link = LinkEstimate(3_000_000)
    now = fly(link, took=0.005, waits=SOON)
    link.follow_flight(now)
    assert link.capacity(now) == 3_000_000
    assert link.for_pictures(now) == pytest.approx(3_000_000 * SOON / (SOON + 0.005))


def test_pictures_that_are_late_for_a_probe_are_the_probes_fault():
    link = LinkEstimate(3_000_000)
    link.probe = probe = Probe(2_000_000, 0.0)
    link.on_echo(0.04)
    now = fly(link, took=0.1)
    assert probe.failed
    link.probe = Probe(2_000_000, now)
    link.follow_flight(now)
    assert link.probe.failed
    assert link.capacity(now) == link.for_pictures(now) == 3_000_000


def test_heavy_loss_counts_and_light_loss_does_not():
    link = LinkEstimate(HIGHEST)
    link.on_report(0, 0, 2_000_000, 0)
    link.on_report(10, 100, 2_000_000, 1)
    assert link.capacity(1) == HIGHEST
    link.on_report(60, 200, 2_000_000, 2)
    assert link.capacity(2) == HIGHEST, "the receiver may yet say that it was an outage"
    link.on_missing([], 2)
    assert link.loss == 0.5
    assert link.capacity(2) == 0.8 * 1_000_000


def test_an_outage_is_no_sign_of_a_narrow_link():
    """A tenth of a second of 270 packets a second is lost as a whole, every second."""
    link = LinkEstimate(HIGHEST)
    lost = highest = 0
    for second in range(20):
        for part in range(10):
            now = second + part / 10
            link.losses.on_sent(27, now)
            if part == 3:
                lost += 27
            highest += 27
            if part == 4:
                link.on_report(lost, highest, 2_000_000, now)
                link.on_missing(range(highest - 54, highest - 27), now)
        link.on_report(lost, highest, 2_000_000, second + 1)
        assert link.capacity(second + 1) == HIGHEST
        assert link.loss == 0
        assert not link.can_repeat(second + 1)


def test_loss_that_may_be_chance_is_counted_for_longer():
    link = LinkEstimate(HIGHEST)
    link.on_report(0, 0, 2_000_000, 0)
    link.on_report(8, 70, 2_000_000, 0.5)
    link.on_missing([], 0.5)
    assert link.capacity(0.5) == HIGHEST
    link.on_report(12, 210, 2_000_000, 1.5)
    link.on_missing([], 1.5)
    assert link.loss == 12 / 210
    for half in range(4, 24):  # and 15 % are no chance
        link.on_report(12 + 10 * half, 210 + 67 * half, 2_000_000, half / 2)
        link.on_missing([], half / 2)
    assert link.capacity(12) < HIGHEST


def lossy(link: LinkEstimate, until: float) -> float:
    """Lose every twentieth of 200 packets a second; returns the time then."""
    for tick in range(round(until * 10)):
        link.losses.on_sent(20, tick / 10)
        link.on_missing([20 * tick & 0xFFFF], tick / 10)
        link.losses.scattered(tick / 10)
    return until


@pytest.mark.parametrize(
    ("capacity", "tier", "repeats"),
    [
        (2_500_000, FULL, True),
        (1_900_000, FULL, False),  # a picture of this size must have 1 Mbit/s
        (700_000, HALF, True),
        (500_000, HALF, False),
    ],
)
def test_packets_are_sent_twice_where_some_are_lost_unless_that_costs_the_size(
    capacity, tier, repeats
):
    link, choice = LinkEstimate(capacity), TierChoice(TIERS)
    link.can_be_probed = True
    choice.tier = tier
    now = lossy(link, 5.0)
    assert choice.update(link, now) is tier
    assert link.repeats is repeats
    assert link.for_pictures(now) == capacity / (2 if repeats else 1)
    choice.update(link, now + 30)
    assert not link.repeats, "nothing was lost any more"


def test_packets_are_sent_once_where_nobody_could_tell_or_the_link_is_too_full():
    for prevent in (
        lambda link: setattr(link, "can_be_probed", False),
        lambda link: link.on_passage(2_400_000, 5.0),
    ):
        link, choice = LinkEstimate(HIGHEST), TierChoice(TIERS)
        link.can_be_probed = True
        now = lossy(link, 5.0)
        prevent(link)
        choice.update(link, now)
        assert not link.repeats


def test_a_burst_of_loss_is_judged_over_half_a_second():
    link = LinkEstimate(HIGHEST)
    for report in range(25):
        link.on_report(min(report, 4), report * 5, 2_000_000, report * 0.02)
        assert link.capacity(report * 0.02) == HIGHEST
    link.on_report(4, 125, 2_000_000, 0.5)
    assert link.loss == 4 / 125


def test_a_full_queue_is_drained():
    link = LinkEstimate(HIGHEST)
    for second in range(5):
        link.on_round_trip(0.02, 1_000_000, second)
    assert link.capacity(5) == HIGHEST
    link.on_round_trip(0.21, 1_000_000, 5)
    assert link.capacity(5) == 800_000


events = st.lists(
    st.tuples(st.floats(0, 2), st.sampled_from(["remb", "report", "none"]), st.floats(1e4, 1e7)),
    max_size=60,
)


@given(events)
def test_a_capacity_stays_within_bounds_and_only_falls_for_a_reason(script):
    link = LinkEstimate(HIGHEST)
    now = 0.0
    last = link.capacity(now)
    for step, kind, value in script:
        now += step
        recovered = link.capacity(now)
        assert recovered >= last, "time alone never lowers it"
        if kind == "remb":
            link.on_estimate(value, now)
        elif kind == "report":
            link.on_report(int(value), int(2 * value), 1e6, now)
            link.on_round_trip(value / 1e7, 1e6, now)
        last = link.capacity(now)
        assert 0 < last <= HIGHEST
        if kind == "none":
            assert last == recovered


def known(capacity: float) -> LinkEstimate:
    """A link of which the capacity is known, and that cannot be probed."""
    return LinkEstimate(capacity)


@given(st.lists(st.tuples(st.floats(0.1, 3), st.floats(5e4, 4e6)), max_size=100))
def test_tiers_fit_the_link_and_are_not_left_upwards_in_haste(script):
    choice = TierChoice(TIERS)
    now, moved = 0.0, None
    for step, capacity in script:
        now += step
        before = choice.tier
        tier = choice.update(known(capacity), now)
        assert tier.lowest <= capacity or tier is QUARTER
        if tier.level < before.level:
            assert before.level - tier.level == 1, "one at a time"
            assert moved is None or now - moved >= FIRST_HOLD
        if tier is not before:
            moved = now


def test_a_move_up_that_fails_is_tried_later_and_later():
    choice = TierChoice(TIERS)
    now = 0.0
    waits = []
    choice.update(known(500_000), now)
    assert choice.tier is HALF
    for _ in range(6):
        began = now
        while choice.update(known(3_000_000), now) is not FULL:
            now += 0.5
        waits.append(now - began)
        now += 1
        assert choice.update(known(500_000), now) is HALF
    assert waits == [5, 10, 20, 40, 60, 60]
    while choice.update(known(3_000_000), now) is not FULL:
        now += 0.5
    now += 100
    assert choice.update(known(500_000), now) is HALF
    assert choice.update(known(3_000_000), now + FIRST_HOLD) is FULL, "it was well there for long"


@given(st.sampled_from(TIERS), st.lists(st.floats(1e4, 1e7)))
def test_a_tiers_bitrate_is_what_its_weakest_viewer_can_take(tier, capacities):
    bitrate = tier_bitrate(tier, capacities)
    assert tier.lowest <= bitrate <= tier.highest
    if capacities and tier.lowest < 0.9 * min(capacities) < tier.highest:
        assert bitrate == round(0.9 * min(capacities))
    if all(capacity >= ceiling(tier) for capacity in capacities):
        assert bitrate == tier.highest


numbers = st.one_of(st.integers(0, 2**82), st.floats(0, 1e30))


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("remb"), numbers),
            st.tuples(
                st.just("report"), st.integers(-(2**23), 2**23 - 1), st.integers(0, 2**32 - 1)
            ),
            st.tuples(st.just("round trip"), st.floats(0, 2**17)),
        ),
        max_size=60,
    ),
    st.floats(0, 10**8),
)
def test_absurd_feedback_leaves_a_link_that_recovers(script, sent):
    link = LinkEstimate(HIGHEST)
    now = 0.0
    for kind, *values in script:
        now += 0.3
        if kind == "remb":
            link.on_estimate(values[0], now)
        elif kind == "report":
            link.on_report(*values, sent, now)
        else:
            link.on_round_trip(values[0], sent, now)
        assert LEAST_CAPACITY <= link.capacity(now) <= HIGHEST
        assert 0 <= link.loss <= 1
    assert link.capacity(now + 300) == HIGHEST
