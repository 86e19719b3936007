# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How a part of a node is."""

from diagnostic_msgs.msg import DiagnosticStatus
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.runtime.status import Level, sum_up

findings = st.lists(st.tuples(st.sampled_from(Level), st.text(min_size=1)))


def test_levels_have_the_numbers_of_ros():
    for level in Level:
        assert getattr(DiagnosticStatus, level.name) == bytes([level])


@given(findings)
def test_the_worst_counts_and_all_is_said(found):
    level, message = sum_up("well", found)
    assert level == max((each for each, _ in found), default=Level.OK)
    assert all(text in message for _, text in found)
    if not found:
        assert message == "well"
    elif level is not Level.STALE:
        assert message.startswith(next(text for each, text in found if each is level))
