# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How many bits a link is given."""

from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.link.bitrate import BitrateMeter

events = st.lists(
    st.tuples(st.floats(0, 2), st.sampled_from(["remb", "report", "none"]), st.floats(1e4, 1e7)),
    max_size=60,
)


@given(st.lists(st.tuples(st.floats(0.01, 2), st.integers(0, 10**6)), max_size=60))
def test_a_bitrate_is_what_came_in_the_last_second(script):
    meter = BitrateMeter(window=1.0)
    now = 0.0
    events = []
    for step, bits in script:
        now += step
        meter.add(bits, now)
        events.append((now, bits))
        assert meter.rate(now) == sum(b for t, b in events if t >= now - 1.0)
