# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How often something happens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.media.rate import RateMeter


@given(st.floats(0.5, 200), st.integers(2, 50))
def test_a_steady_rate_is_exact(rate, count):
    meter = RateMeter(window=1000)
    for number in range(count):
        meter.add(number / rate)
    assert meter.rate((count - 1) / rate) == pytest.approx(rate)


def test_a_rate_falls_to_zero_when_nothing_comes():
    meter = RateMeter(window=2)
    meter.add(0)
    meter.add(1)
    assert meter.rate(1) == 1
    assert meter.rate(4) == 0
