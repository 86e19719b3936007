# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Counts of what viewers were sent."""

from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.link.traffic import Traffic, lost_so_far, total

counts = st.integers(0, 2**40)
traffics = st.builds(Traffic, counts, counts, counts, counts, counts)


@given(st.lists(traffics))
def test_who_leaves_takes_nothing_along(viewers):
    gone = Traffic()
    for number, viewer in enumerate(viewers):
        gone = total((gone, viewer))
        assert total((gone, *viewers[number + 1 :])) == total(viewers)


def test_a_total_is_of_each_number():
    assert total(()) == Traffic()
    assert total((Traffic(1, 2, 3, 4, 5), Traffic(bytes=10))) == Traffic(1, 2, 3, 4, 15)


@given(st.lists(st.tuples(st.integers(-(2**23), 2**23), st.integers(0, 1000))))
def test_losses_only_grow_and_are_of_what_was_sent(reports):
    lost = sent = 0
    for told, more in reports:
        sent += more
        before, lost = lost, lost_so_far(lost, told, sent)
        assert before <= lost <= sent
        assert lost >= min(told, sent)
