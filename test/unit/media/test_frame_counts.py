# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What became of a camera's pictures."""

from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.media.frame_counts import (
    FrameCounts,
)

counts = st.builds(FrameCounts, *[st.integers(0, 10**9)] * 3)


@given(counts, counts)
def test_what_was_added_since(before, added):
    after = FrameCounts(*map(sum, zip(before, added, strict=True)))
    assert after.since(before) == added
