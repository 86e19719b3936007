# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Repeated messages in the log."""

from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.ros.repetition import RepetitionLimit


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 50)), max_size=300))
def test_every_message_is_said_or_counted(messages):
    limit = RepetitionLimit(most=3, interval=10.0)
    said, summed_up = 0, 0
    by_kind: dict[str, list[float]] = {}
    for kind, now in sorted(messages, key=lambda message: message[1]):
        summed_up += sum(limit.ended(now).values())
        if limit.admit(kind, now):
            said += 1
            by_kind.setdefault(kind, []).append(now)
    summed_up += sum(limit.ended(float("inf")).values())
    assert said + summed_up == len(messages)
    for said_at in by_kind.values():
        # Windows follow each other: no interval has more than two of them in it.
        for first, fourth in zip(said_at, said_at[6:], strict=False):
            assert fourth - first >= 10.0


def test_a_flood_is_a_handful():
    limit = RepetitionLimit(most=3, interval=10.0)
    assert [limit.admit("x", 0.001 * number) for number in range(1000)].count(True) == 3
    assert limit.ended(9.9) == {}
    assert limit.ended(10.0) == {"x": 997}
    assert limit.ended(20.0) == {}
