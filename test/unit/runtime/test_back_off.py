# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Waits between attempts."""

from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.runtime.back_off import BackOff


def test_waits_double_up_to_the_longest_until_something_succeeds():
    back_off = BackOff(1, 8)
    assert [back_off.next() for _ in range(6)] == [1, 2, 4, 8, 8, 8]
    back_off.reset()
    assert [back_off.next() for _ in range(2)] == [1, 2]


@given(st.floats(0.01, 10), st.floats(1, 10), st.lists(st.booleans()))
def test_a_wait_is_never_shorter_than_the_first_nor_longer_than_the_longest(first, factor, course):
    back_off = BackOff(first, first * factor)
    for succeeds in course:
        assert first <= back_off.next() <= first * factor
        if succeeds:
            back_off.reset()
