# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How old a message is at most."""

from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.teleop.heartbeats import REMEMBERED, Heartbeats


@given(st.lists(st.floats(0, 1), min_size=1, max_size=3 * REMEMBERED), st.integers(-5, 300))
def test_a_count_tells_when_it_was_sent(pauses, asked):
    heartbeats, now, sent = Heartbeats(), 0.0, {}
    for pause in pauses:
        now += pause
        sent[heartbeats.beat(now)] = now
    assert min(sent) == 1
    expected = sent.get(asked) if asked > heartbeats.counter - REMEMBERED else None
    assert heartbeats.sent(asked) == expected


def test_nothing_was_sent_yet():
    assert Heartbeats().sent(0) is None
