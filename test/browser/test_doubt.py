# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""When the page looks for another connection, in a browser, with a clock of the tests' own."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

DOUBTED_AFTER, UNDER_WAY = 500, 100  # ms
USUAL = 100  # ms

# Lets events happen to a Progress, and returns what it says after each.
PLAY = """async events => {
    const { Progress } = await import('/static/tile/progress.js');
    const progress = new Progress();
    let now = 10_000;
    progress.begin(now);
    return events.map(([name, value]) => {
        if (name === 'begin') progress.begin(now);
        if (name === 'heard') progress.noteHeard(now);
        if (name === 'decoded') progress.noteDecoded(now);
        if (name === 'doubt') progress.doubt(now);
        if (name === 'wait') now += value;
        return {
            quiet: progress.tooQuiet(now, value),
            doubted: progress.doubted,
            trusted: name === 'trust' && progress.trustAgain(),
            silence: progress.silence(now),
        };
    });
}"""

WOULD_DELIVER = """async ([state, age, silence]) => {
    const { wouldDeliver } = await import('/static/tile/progress.js');
    return wouldDeliver({ state, age }, silence);
}"""


def play(page, *events) -> list[dict]:
    return page.evaluate(PLAY, [list(event) for event in events])


@pytest.mark.parametrize(("usual", "patience"), [(100, 500), (0, 500), (750, 750), (10**4, 10**4)])
def test_a_connection_is_too_quiet_after_what_is_usual_but_not_at_once(page, usual, patience):
    told = play(page, ("wait", patience), ("ask", usual), ("wait", 1), ("ask", usual))
    assert [each["quiet"] for each in told[1::2]] == [False, True]


def test_a_sign_counts_until_something_arrives_that_was_not_under_way(page):
    told = play(
        page,
        ("doubt", 0),
        ("wait", UNDER_WAY - 1),
        ("heard", 0),
        ("trust", 0),
        ("wait", 1),
        ("decoded", 0),
        ("trust", 0),
        ("trust", 0),
    )
    assert [each["doubted"] for each in told] == [True] * 5 + [False] * 3
    assert [each["trusted"] for each in told] == [False] * 6 + [True, False]


events = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["begin", "heard", "decoded", "doubt", "trust"]), st.just(USUAL)),
        st.tuples(st.just("wait"), st.integers(0, 700)),
    ),
    max_size=30,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(events)
def test_it_is_doubted_only_between_a_sign_and_the_next_arrival(page, events):
    now, last, sign = 0, 0, None
    for (name, value), told in zip(events, play(page, *events), strict=True):
        if name == "wait":
            now += value
        elif name == "doubt":
            sign = now if sign is None else sign
        elif name in ("heard", "decoded", "begin"):
            last = now
        if name == "begin":
            sign = None
        doubted = sign is not None and last < sign + UNDER_WAY
        if name == "trust" and not doubted:
            sign = None
        assert told["doubted"] == doubted
        assert told["silence"] == now - last


@pytest.mark.parametrize(
    ("state", "age", "silence", "would"),
    [
        ("live", 0.02, 600, True),
        ("live", 0.55, 600, False),  # the camera has stopped
        ("live", 0.02, 100, True),  # a sign, and no time yet to tell
        ("live", 0.9, 100, False),  # the camera is slow
        ("live", 1.2, 5000, False),
        ("live", None, 600, False),
        ("waiting", None, 600, False),
        ("idle", 8.0, 8000, True),  # nobody watches: the bridge has let this viewer go
    ],
)
def test_another_connection_is_no_use_where_the_camera_has_stopped(
    page, state, age, silence, would
):
    assert page.evaluate(WOULD_DELIVER, [state, age, silence]) is would


# Whether each answer of the bridge, given when it came and how old its newest picture was, is a
# reason for another connection; nothing arrives after 0.
MISSES = """async answers => {
    const { Progress } = await import('/static/tile/progress.js');
    const progress = new Progress();
    progress.begin(0);
    progress.doubt(500);
    const described = (age) => ({ state: age < 2 ? 'live' : 'stale', age });
    return answers.map(([now, age]) => progress.misses(described(age), now));
}"""


def test_a_camera_that_never_paused_is_missed_at_once(page):
    assert page.evaluate(MISSES, [[510, 0.02]]) == [True]


def test_the_first_picture_after_a_pause_has_time_to_arrive(page):
    """The bridge has it before it is shown here: that is no reason to begin anew."""
    paused = [[510, 0.51], [800, 0.8], [2900, 2.9]]
    told = page.evaluate(MISSES, [*paused, [3010, 0.01], [3200, 0.2], [3270, 0.02]])
    assert told == [False] * 5 + [True]


def test_after_each_pause_anew(page):
    first, pause, second = [[510, 0.51], [700, 0.01]], [[2000, 2.0]], [[3000, 0.01], [3300, 0.3]]
    assert page.evaluate(MISSES, [*first, *pause, *second]) == [False] * 4 + [True]


HAS_DELIVERED = """async ([age, since]) => {
    const { hasDelivered } = await import('/static/tile/progress.js');
    return hasDelivered({ state: 'live', age }, since);
}"""


@pytest.mark.parametrize(
    ("age", "since", "has"),
    [(0.02, 100, False), (0.02, 300, True), (0.3, 0, True), (1.2, 0, False)],
)
def test_what_the_bridge_has_just_received_may_be_under_way(page, age, since, has):
    assert page.evaluate(HAS_DELIVERED, [age, since]) is has
