"""The page's judgement of whether a picture moves, in a browser, with a clock of the tests' own."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FROZEN_AFTER, FROZEN_AT_MOST = 750, 3000  # ms

# Lets events happen to a Liveness, and returns what it says after each.
PLAY = """async ([tellsShown, events]) => {
    const { Liveness } = await import('/static/tile/liveness.js');
    const liveness = new Liveness(tellsShown);
    let now = 0;
    return events.map(([name, value, hidden]) => {
        if (name === 'begin') liveness.begin();
        if (name === 'first') liveness.onFirst(now);
        if (name === 'shown') liveness.onShown(now);
        if (name === 'decoded' && liveness.countsDecoded(value, hidden)) liveness.onShown(now);
        if (name === 'rate') liveness.adaptToRate(value);
        if (name === 'wait') now += value;
        return [liveness.hasBegun, liveness.moves(hidden, now)];
    });
}"""

events = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["begin", "first", "shown"]), st.just(0), st.booleans()),
        st.tuples(st.just("decoded"), st.integers(0, 50), st.booleans()),
        st.tuples(st.just("wait"), st.integers(1, 2000), st.booleans()),
    ),
    max_size=30,
)


def play(page, tells_shown: bool, *events) -> list:
    return page.evaluate(PLAY, [tells_shown, [list(event) for event in events]])


@pytest.mark.parametrize("tells_shown", [True, False])
def test_a_picture_moves_from_its_first_frame_until_none_comes(page, tells_shown):
    patience = FROZEN_AFTER if tells_shown else FROZEN_AT_MOST
    told = play(
        page,
        tells_shown,
        ("shown", 0, False),  # of the stream before
        ("first", 0, False),
        ("wait", patience - 1, False),
        ("wait", 1, False),
    )
    assert told == [[False, False], [True, True], [True, True], [True, False]]


def test_frames_that_are_decoded_count_where_the_browser_tells_of_no_shown_ones(page):
    """As in an older Firefox, and on a hidden page."""
    begin = (("first", 0, False), ("wait", 2900, False), ("decoded", 5, False))
    late = ("wait", 2900, False)
    assert play(page, False, *begin, late)[-1] == [True, True]
    assert play(page, True, *begin, late)[-1] == [True, False]
    hidden = (("first", 0, True), ("wait", 2900, True), ("decoded", 5, True), ("wait", 2900, True))
    assert play(page, True, *hidden)[-1] == [True, True]
    assert play(page, False, *begin, ("decoded", 5, False), late, ("wait", 100, False))[-1] == [
        True,
        False,
    ], "no more were decoded"


def test_a_slow_camera_has_the_time_of_three_frames(page):
    slow = (("rate", 2, False), ("first", 0, False), ("wait", 1499, False), ("wait", 1, False))
    assert [moves for _, moves in play(page, True, *slow)[1:]] == [True, True, False]
    never = (("rate", 0.1, False), ("first", 0, False), ("wait", 3000, False))
    assert play(page, True, *never)[-1] == [True, False], "3 s are the most"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.booleans(), events)
def test_nothing_moves_for_which_nothing_has_come_for_three_seconds(page, tells_shown, script):
    told = play(page, tells_shown, *script)
    since = None  # the last event that might be a frame
    for (name, value, _), (begun, moves) in zip(script, told, strict=True):
        if name == "begin":
            since = None
        elif name == "first" or (name in ("shown", "decoded") and since is not None):
            since = 0
        elif name == "wait" and since is not None:
            since += value
        assert begun is (since is not None)
        if since is None or since >= FROZEN_AT_MOST:
            assert not moves
