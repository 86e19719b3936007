# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The benchmark's arithmetic and table."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import (
    Figure,
    Part,
    frame_rate,
    freezes,
    median,
    percentile,
    share_younger,
    slope,
    time_mean,
)
from bench.report import number, table, write
from bench.stages import stages_part
from bench.viewers import Count, bitrate, rates

numbers = st.floats(-1e6, 1e6)


@given(st.lists(numbers, min_size=1), st.floats(0, 1))
def test_a_percentile_lies_among_the_values(values, share):
    assert min(values) <= percentile(values, share) <= max(values)


def test_percentiles_are_those_of_the_textbook():
    values = [40.0, 10.0, 30.0, 20.0]
    assert [percentile(values, share) for share in (0, 0.5, 1)] == [10, 25, 40]
    assert median([3, 1, 2]) == 2
    assert math.isnan(median([]))


@given(numbers, st.floats(-100, 100), st.sets(st.integers(0, 50), min_size=2))
def test_the_slope_of_a_line_is_found(start, rise, places):
    points = [(place, start + rise * place) for place in places]
    assert slope(points) == pytest.approx(rise, abs=1e-6)


def test_one_point_has_no_slope():
    assert math.isnan(slope([(1, 2), (1, 3)]))


def test_gaps_and_rate_come_from_the_times_of_frames():
    times = [0, 33, 66, 300, 333, 800]
    assert freezes(times).count == 2
    assert freezes(times).longest == 467
    assert frame_rate([0, 100, 200]) == 10
    assert frame_rate([5]) == 0
    assert freezes([]).longest == 0


def test_a_picture_grows_older_while_it_stays():
    shown = [(100, 50), (200, 150), (300, None), (400, 300)]
    assert share_younger(shown, 200, 0, 1000) == (100 + 50) / 1000
    assert share_younger([(0, 0)], 200, 0, 1000) == 0.2
    assert share_younger([], 200, 0, 1000) == 0


def test_what_stays_longer_weighs_more():
    assert time_mean([(100, 1280), (200, 640)], 500) == (1280 + 3 * 640) / 4
    assert math.isnan(time_mean([], 500))


def test_rates_are_each_viewers_own():
    before = [Count(0.0, [0, 10], 0, 0), Count(1.0, [5], 0, 0)]
    after = [Count(2.0, [60, 60], 1_000_000, 0), Count(2.0, [35], 250_000, 0)]
    assert rates(before, after) == [30, 25, 30]
    assert bitrate(before, after) == 2
    assert bitrate([], []) == 0


def test_targets():
    assert Figure("a", 20, target=20).reached
    assert not Figure("a", 20.1, target=20).reached
    assert Figure("a", 30, target=29.4, at_least=True).reached
    assert not Figure("a", 29, target=29.4, at_least=True).reached
    assert Figure("a", math.nan, target=1).reached is False
    assert Figure("a", 1).reached is None


def test_the_table_has_targets_and_notes():
    part = Part("Latency", notes=["left out: no Chromium"])
    part.add("p50", 19.96, "ms", 20)
    part.add("p95", 140.4, "ms", 40)
    part.add_at_least("slowest", 29.9, "fps", 29.4)
    part.add("unknown", math.nan, "ms")
    assert table([part]).splitlines() == [
        "Latency",
        "  p50      20.0 ms   ≤ 20   ✔",
        "  p95       140 ms   ≤ 40   ✘",
        "  slowest  29.9 fps  ≥ 29.4 ✔",
        "  unknown     – ms",
        "  · left out: no Chromium",
    ]


def test_numbers_have_the_digits_that_they_deserve():
    assert [number(each) for each in (0.123, 12.34, 123.4)] == ["0.12", "12.3", "123"]


def test_the_file_is_json_even_without_a_value(tmp_path):
    part = Part("p", details={"values": [1.23456, math.nan]})
    part.add("x", math.nan, target=1)
    write({"parts": part.as_dict()}, tmp_path / "new" / "result.json")
    read = json.loads((tmp_path / "new" / "result.json").read_text())["parts"]
    assert read["figures"][0]["value"] is None
    assert read["figures"][0]["reached"] is False
    assert read["details"]["values"] == [1.2346, None]


def test_stages_are_read_in_the_order_of_the_way():
    stages = {"received": {"p50": 0.9, "p95": 1.2}, "decoded": {"p50": 2.1, "p95": 2.6}}
    part = stages_part({"streams": {"camera": [{"stages": stages}]}})
    assert [(figure.name, figure.value) for figure in part.figures] == [
        ("received: p50", 0.9),
        ("received: p95", 1.2),
        ("decoded: p50", 2.1),
        ("decoded: p95", 2.6),
    ]
