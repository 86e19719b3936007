# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""When a picture passed each stage."""

from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.media.stages import SAMPLES, StageMeter, StageTimes, summarise


def test_pictures_are_those_sent_since_a_time():
    meter = StageMeter()
    for sent in (10, 20, 30):
        meter.add(StageTimes(1, sent=sent))
    assert [times.sent for times in meter.sent_since(20)] == [20, 30]


@given(st.integers(0, 2 * SAMPLES))
def test_a_meter_keeps_the_last_pictures(number):
    meter = StageMeter()
    for sent in range(1, number + 1):
        meter.add(StageTimes(1, 2, 3, 4, 5, sent))
    kept = sorted(times.sent for times in meter.sent_since(0))
    assert kept == list(range(max(0, number - SAMPLES) + 1, number + 1))
    assert bool(meter.summary()) == bool(number)


def test_a_stage_begins_where_the_last_one_that_is_known_ended():
    meter = StageMeter()
    pictures = [StageTimes(10**9, 0, 10**9 + 2 * 10**6, 0, 0, 10**9 + k * 10**6) for k in (5, 7, 9)]
    for picture in pictures:
        meter.add(picture)
    assert meter.summary() == {
        "received": {"p50": 2.0, "p95": 2.0},
        "sent": {"p50": 5.0, "p95": 7.0},
        "total": {"p50": 7.0, "p95": 9.0},
    }
    assert summarise(pictures) == meter.summary()
    assert summarise([]) == {}
