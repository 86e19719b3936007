# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The line of statistics."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.media.frame_counts import (
    FrameCounts,
)
from pi_webrtc_streamer.media.stages import StageTimes
from pi_webrtc_streamer.telemetry.statistics import (
    CameraStatistics,
    CaptureStatistics,
    bridge_line,
    read_line,
)

MS = 1_000_000


counts = st.builds(FrameCounts, *[st.integers(0, 10**9)] * 3)


names = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,20}", fullmatch=True)


cameras = st.dictionaries(
    names, st.builds(CameraStatistics, counts, st.integers(0, 50), st.just(())), min_size=1
)


@given(st.floats(0.1, 1e5), st.integers(0, 10**12), cameras)
def test_a_bridges_line_is_read_back(seconds, memory, cameras):
    values = read_line("[INFO] [1.2] [bridge]: " + bridge_line(seconds, memory, cameras))
    assert values is not None
    assert values["viewers"] == sum(camera.viewers for camera in cameras.values())
    assert values["memory_mb"] == pytest.approx(memory / 1e6, abs=0.06)
    for name, camera in cameras.items():
        for key in FrameCounts._fields:
            assert values[f"{name}.{key}"] == getattr(camera.counts, key)


def test_a_bridges_line_to_the_letter():
    sent = [StageTimes(MS, 3 * MS, 4 * MS, 6 * MS, 10 * MS, 10 * MS + 400_000)]
    front = CameraStatistics(FrameCounts(1800, 3600, 5), 2, sent)
    assert bridge_line(60.0, 138_240_000, {"front": front}) == (
        "statistics seconds=60.0 memory_mb=138.2 viewers=2 front.viewers=2 front.received=1800 "
        "front.sent=3600 front.dropped=5 front.published_ms=2.0 front.received_ms=1.0 "
        "front.decoded_ms=2.0 front.encoded_ms=4.0 front.sent_ms=0.4 front.total_ms=9.4"
    )


@pytest.mark.parametrize("text", ["", "active", "statistics of another kind", "statistics a=b"])
def test_what_is_no_line_of_statistics(text):
    assert read_line(text) is None


def test_a_camera_nodes_line_is_of_the_time_since_the_last_one():
    statistics = CaptureStatistics(now=100.0)
    for time in (2.0, 3.0, 7.0):
        with statistics.counting():
            statistics.on_published(time)
    with pytest.raises(ValueError, match="no JPEG"), statistics.counting():
        raise ValueError("no JPEG")
    assert statistics.line(110.0, 89_000_000) == (
        "statistics seconds=10.0 memory_mb=89.0 captured=4 published=3 dropped=1 jpeg_ms=3.0"
    )
    with statistics.counting():
        pass
    assert statistics.line(111.0, 0) == (
        "statistics seconds=1.0 memory_mb=0.0 captured=1 published=0 dropped=0"
    )
