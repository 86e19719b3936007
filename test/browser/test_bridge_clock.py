# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The page's idea of the bridge's clock and of capture times, in a browser, with clocks of ours."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# Adds samples to a Clock; returns after each what it says of the bridge's time 1000 s.
ADD = """async samples => {
    const { Clock } = await import('/static/age/clock.js');
    const clock = new Clock();
    return samples.map(([sent, received, time, heard]) => {
        const jumped = clock.add({ sent, received, time, heard: heard ?? undefined });
        const page = clock.toPage(1000);
        return { jumped, page, roundTrip: clock.roundTrip };
    });
}"""

# Takes answers of the bridge; returns the capture time of a frame, on a clock that agrees.
FIND = """async ([answers, rtp]) => {
    const { Captures } = await import('/static/age/captures.js');
    const { Clock } = await import('/static/age/clock.js');
    const clock = new Clock();
    const captures = new Captures(clock);
    const before = captures.find('camera', rtp);
    clock.add({ sent: 0, received: 0, time: 0 });
    for (const picture of answers) captures.take(picture.captured + 0.5, { camera: picture });
    const found = ['camera', 'other'].map((name) => captures.find(name, rtp));
    return [before, ...found, captures.lag('camera')];
}"""

HISTORY = """async events => {
    const { History } = await import('/static/age/history.js');
    const history = new History();
    for (const [name, at, age] of events) history[name](at, age);
    return [history.samples, history.present(events.at(-1)[1])];
}"""

trips = st.tuples(st.floats(0, 2000), st.floats(0, 2000), st.floats(1, 3000))
unhurried = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def ask(offset: float, trips, start: float = 0.0, held: float = 0.0):
    """Yield samples of a bridge whose clock is ahead (ms), each after a pause; times in ms."""
    sent = start
    for there, back, pause in trips:
        sent += pause
        heard = sent + there
        answered = heard + held
        received = answered + back
        yield sent, received, (answered + offset) / 1000, (heard + offset) / 1000
        sent = received


@unhurried
@given(st.floats(-1e9, 1e9), st.floats(0, 50), st.lists(trips, min_size=1, max_size=20))
def test_the_estimate_is_as_good_as_the_best_round_trip(page, offset, held, trips):
    told = page.evaluate(ADD, [list(sample) for sample in ask(offset, trips, held=held)])
    for number, says in enumerate(told):
        assert not says["jumped"]
        assert says["page"] == pytest.approx(1_000_000 - offset, abs=says["roundTrip"] / 2 + 1e-3)
        assert says["roundTrip"] <= sum(trips[number][:2]) + 1e-3
    best = min(there + back for there, back, _ in trips[-4:])  # all within 30 s
    assert told[-1]["roundTrip"] <= best + 1e-3


@unhurried
@given(st.lists(trips, min_size=1, max_size=5), st.floats(5000, 1e9), st.booleans())
def test_a_clock_that_jumps_is_followed_at_once(page, trips, jump, forward):
    jump = jump if forward else -jump
    before = list(ask(0.0, trips))
    after = list(ask(jump, [(3, 4, 10)], start=before[-1][1]))
    says = page.evaluate(ADD, [list(sample) for sample in before + after])[-1]
    assert says["jumped"]
    assert says["page"] == pytest.approx(1_000_000 - jump, abs=3.5 + 1e-3)


def test_what_was_found_long_ago_does_not_count(page):
    samples = [*ask(0.0, [(1, 1, 1)]), *ask(10.0, [(40, 40, 1)], start=31_000)]
    first, second = page.evaluate(ADD, [list(sample) for sample in samples])
    assert first["roundTrip"] == pytest.approx(2)
    assert (second["jumped"], second["roundTrip"]) == (False, pytest.approx(80))


def test_a_sample_of_a_bridge_that_answers_at_once_needs_one_time(page):
    (says,) = page.evaluate(ADD, [[100.0, 110.0, 5.0]])
    assert says["page"] == 1_000_000 - (5000 - 105)


def picture(rtp: int, captured: float, certain: bool = True) -> dict[str, object]:
    return {"rtp": rtp % 2**32, "captured": captured, "certain": certain}


@unhurried
@given(st.integers(0, 2**32 - 1), st.floats(0, 1e6), st.floats(-20_000, 20_000))
def test_timestamps_go_round(page, rtp, captured, later):
    frame = (rtp + round(later * 90_000)) % 2**32
    before, found, other, lag = page.evaluate(FIND, [[picture(rtp, captured)], frame])
    assert before is None is other
    assert found["at"] == pytest.approx((captured + later) * 1000, abs=0.02)
    assert found["certain"]
    assert lag == pytest.approx(500)


@pytest.mark.parametrize("speed", [0.0001, 0.5, 1, 5])
def test_simulated_time_has_a_speed_of_its_own(page, speed):
    ticks = int(90_000 * speed)
    answers = [picture(number * ticks, 100 + number, certain=False) for number in range(3)]
    _, found, _, _ = page.evaluate(FIND, [answers, 3 * ticks])
    assert found == {"at": pytest.approx(103_000), "certain": False}


def test_stamps_that_are_certain_tell_the_time(page):
    answers = [picture(0, 100), picture(45_000, 101)]
    assert page.evaluate(FIND, [answers, 90_000])[1]["at"] == pytest.approx(101_500)


def test_the_history_has_the_worst_of_ten_seconds(page):
    events = [("look", 0, 900), ("note", 1000, 20), ("note", 1030, 70), ("note", 1060, 30)]
    events += [("look", 1125, 90), ("look", 1250, 200)]
    samples, present = page.evaluate(HISTORY, [*events, ("note", 1260, 10)])
    assert samples == [{"at": 0, "age": 900}, {"at": 1125, "age": 70}, {"at": 1250, "age": 200}]
    assert present == 30
    samples, present = page.evaluate(HISTORY, [*events, ("look", 10_500, None)])
    assert [sample["at"] for sample in samples] == [1125, 1250]
    assert present is None
