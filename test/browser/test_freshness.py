# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The page's judgement of how fresh a picture is, in a browser, with a clock of the tests' own."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

STALE_AFTER = 300  # ms
FROZEN_AFTER, UNKNOWN, BLIND = 1000, 4000, 3000

# Lets events happen to a Freshness, and returns what it says after each. A frame that is shown has
# an age (null: unknown), and its timestamp tells of time if that is certain.
PLAY = """async ([tellsShown, events]) => {
    const { Freshness } = await import('/static/tile/freshness.js');
    const freshness = new Freshness(tellsShown);
    let now = 0, capture = null;
    return events.map(([name, value, hidden, certain = true]) => {
        if (name === 'begin') freshness.begin();
        if (name === 'first') [capture] = [null, freshness.onFirst(now)];
        if (name === 'shown') {
            capture = value === null ? null : { at: now - value, certain };
            freshness.onShown(now, capture && certain ? (capture.at * 90) >>> 0 : null);
        }
        if (name === 'again') freshness.onShown(now, (capture.at * 90 + 1) >>> 0);
        if (name === 'decoded') freshness.onDecoded(value, hidden, now);
        if (name === 'rate') freshness.adaptToRate(value, hidden || 1);
        if (name === 'wait') now += value;
        const judgement = freshness.judge({ now, hidden, capture, staleAfter: 300 });
        return { begun: freshness.hasBegun, ...judgement };
    });
}"""

FIRST = ("first", 0, False)


def play(page, tells_shown: bool, *events) -> list[dict]:
    return page.evaluate(PLAY, [tells_shown, [list(event) for event in events]])


def levels(page, *events) -> list[str]:
    return [told["level"] for told in play(page, True, *events)]


def frames(period: float, count: int = 5, age: float | None = 20) -> list[tuple]:
    """Return the events of a frame and so many more, each shown a period after the one before."""
    return [FIRST, ("shown", age, False), *(("wait", period, False), ("shown", age, False)) * count]


def waits(*durations: float) -> list[tuple]:
    return [("wait", duration, False) for duration in durations]


def test_a_picture_is_fresh_then_old_then_frozen(page):
    told = play(page, True, ("shown", 20, False), *frames(33), *waits(279, 2, 698, 2))
    assert [each["level"] for each in told][:2] == ["none", "fresh"]
    assert [each["level"] for each in told][-5:] == ["fresh", "fresh", "old", "old", "frozen"]
    assert told[-1]["age"] == 20 + told[-1]["still"] == 1001, "it grows between frames"
    assert not told[-1]["bound"]
    assert not told[0]["begun"], "that was of the stream before"


def test_the_next_frame_makes_it_fresh_again(page):
    again = ("shown", 20, False)
    assert levels(page, *frames(33), *waits(5000), again)[-2:] == ["frozen", "fresh"]


def test_pictures_that_move_and_are_old_when_shown_are_late(page):
    told = play(page, True, *frames(33, age=2400), *waits(400, 101))
    assert [each["level"] for each in told][-3:] == ["late", "late", "frozen"]
    assert told[-3]["age"] == 2400
    assert levels(page, *frames(33, age=600))[-1] == "old"


def test_what_is_not_certain_is_a_lower_bound(page):
    shown = ("shown", 40, False, False)
    told = play(page, True, FIRST, *(*waits(33), shown) * 5)[-1]
    assert (told["level"], told["age"], told["bound"]) == ("fresh", 40, True)


def test_without_a_capture_time_the_time_since_it_was_shown_counts(page):
    told = play(page, True, *frames(33, age=None), *waits(300, 1, 699, 1))
    assert [each["level"] for each in told][-4:] == ["fresh", "old", "old", "frozen"]
    assert told[-1]["bound"]
    assert told[-1]["age"] == told[-1]["still"] == 1001


def test_words_do_not_flicker(page):
    ages = (310, 290, 310, 250, 230, 290)
    events = [(*waits(33), ("shown", age, False)) for age in ages]
    told = levels(page, *frames(33), *(event for pair in events for event in pair))[-11::2]
    assert told == ["old", "old", "old", "old", "fresh", "fresh"]


@pytest.mark.parametrize("age", [20, None])
@pytest.mark.parametrize("period", [500, 1000, 3333, 9000])
def test_a_slow_camera_is_fresh_for_three_periods(page, age, period):
    told = levels(page, *frames(period, age=age), *waits(*[period - 50] * 3))
    assert set(told[3:]) == {"fresh"}, "its rhythm is known from the second frame on"
    assert levels(page, *frames(period, age=age), *waits(3 * period + 1))[-1] == "frozen"


def test_a_slow_camera_is_given_time_for_its_second_picture(page):
    told = levels(page, FIRST, ("shown", 20, False), *waits(281, UNKNOWN - 281, 1))
    assert told[1:] == ["fresh", "old", "old", "frozen"]


def test_the_bridge_may_know_the_rhythm_before(page):
    begin = (("rate", 1, False), FIRST, ("shown", 20, False))
    assert levels(page, *begin, *waits(2900, 101))[-2:] == ["fresh", "frozen"]
    begin = (("rate", 30, False), FIRST, ("shown", 20, False))
    assert levels(page, *begin, *waits(1001))[-1] == "frozen"


@pytest.mark.parametrize("age", [20, None])
def test_the_bridge_knows_bursts_and_very_slow_cameras(page, age):
    """They stay live, and yet are marked as old in the pauses."""
    told = ("rate", 30, 4.5)  # pictures a second, and the seconds in which none may come
    burst = [*frames(33, age=age), told, *waits(3000), ("shown", age, False)] * 3
    seen = set(levels(page, *burst))
    assert "old" in seen
    assert "frozen" not in seen
    assert levels(page, *burst, *waits(4501))[-1] == "frozen"
    once_in_20_s = (("rate", 0.05, 60), FIRST, ("shown", age, False))
    assert levels(page, *once_in_20_s, *waits(59_900, 200))[-2:] == ["fresh", "frozen"]


def test_what_the_bridge_tells_does_not_make_a_fast_camera_slow(page):
    """Its second is that of all cameras; here half of one may do."""
    told = ("rate", 30, 1)
    assert levels(page, *frames(33, age=600), told, *waits(501))[-1] == "frozen"


def test_one_gap_is_no_rhythm(page):
    gap = (*waits(2900), ("shown", 20, False))
    assert levels(page, *frames(33), *gap, *waits(1001))[-1] == "frozen"


def test_a_picture_that_is_encoded_once_more_is_no_new_one(page):
    again = (*waits(600), ("again", 0, False))
    told = play(page, True, *frames(33), *again * 3)
    assert told[-1]["level"] == "frozen"
    assert told[-1]["still"] == 1800


def test_a_clock_cannot_make_a_picture_younger(page):
    told = play(page, True, *frames(33, age=-5000), *waits(2000))
    assert (told[-1]["level"], told[-1]["age"]) == ("frozen", 2000)


def test_frames_that_are_decoded_count_where_the_browser_tells_of_no_shown_ones(page):
    """As in an older Firefox, and on a hidden page."""
    begin = (FIRST, ("wait", 2900, False), ("decoded", 5, False))
    late = ("wait", 2900, False)
    assert play(page, False, *begin, late)[-1]["level"] == "fresh"
    assert play(page, False, *begin, late)[-1]["age"] is None
    assert play(page, True, *begin, ("wait", 1200, False))[-1]["level"] == "frozen"
    hidden = (("first", 0, True), ("wait", 2900, True), ("decoded", 5, True), ("wait", 2900, True))
    assert play(page, True, *hidden)[-1]["level"] == "fresh"
    idle = (*begin, ("decoded", 5, False), late, ("wait", 100, False))
    assert play(page, False, *idle)[-1]["level"] == "frozen", "no more were decoded"


events = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["begin", "first"]), st.just(0), st.booleans()),
        st.tuples(st.just("shown"), st.none() | st.integers(0, 3000), st.just(False)),
        st.tuples(st.just("decoded"), st.integers(0, 50), st.booleans()),
        st.tuples(st.just("wait"), st.integers(1, 2000), st.booleans()),
    ),
    max_size=30,
)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.booleans(), events)
def test_whatever_happens(page, tells_shown, script):
    told = play(page, tells_shown, *script)
    since = None  # the last event that might be a frame
    slowest = 0  # the longest that was waited for one
    for (name, value, _), judgement in zip(script, told, strict=True):
        level, age, still = (judgement[key] for key in ("level", "age", "still"))
        if name == "begin":
            since = None
        elif name == "first" or (name in ("shown", "decoded") and since is not None):
            slowest = max(slowest, since or 0)
            since = 0
        elif name == "wait" and since is not None:
            since += value
        assert judgement["begun"] is (since is not None) is (level != "none")
        if since is None:
            continue
        assert age is None or age >= still >= since - 1
        if age is None:
            assert level in ("fresh", "frozen")
        elif level == "fresh":
            assert age <= max(STALE_AFTER, 3 * slowest + 9000), "as slow as the ages differ"
        if still >= max(UNKNOWN, BLIND, 3 * (slowest + 3000)):
            assert level == "frozen"
