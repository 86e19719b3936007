# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How often something may happen."""

from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.runtime.rate_limit import RateLimit

times = st.lists(st.floats(0, 1000), min_size=1, max_size=200).map(sorted)


@given(st.floats(0.1, 50), st.floats(1, 50), times)
def test_no_more_than_the_burst_and_the_rate_allow(rate, burst, times):
    limit = RateLimit(rate, burst)
    allowed = [now for now in times if limit.allow(now)]
    for first in range(len(allowed)):
        for last in range(first, len(allowed)):
            most = burst + rate * (allowed[last] - allowed[first])
            assert last - first + 1 <= most + 1e-6


@given(st.integers(1, 50), st.integers(1, 20), st.integers(1, 100))
def test_a_steady_rate_within_the_limit_is_never_refused(rate, burst, count):
    limit = RateLimit(rate, burst)
    # Of two events at the limit's own rate, rounding decides: a hundredth slower, nothing does.
    assert all(limit.allow(number * 1.01 / rate) for number in range(count))


@given(times)
def test_a_clock_that_goes_back_gives_nothing_away(times):
    limit = RateLimit(1, 1)
    backwards = list(reversed(times))
    assert sum(limit.allow(now) for now in backwards) == 1
