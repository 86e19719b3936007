# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""When pictures were captured, whatever the clocks do."""

import threading
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.media.timeline import (
    LARGEST_LAG,
    LARGEST_LEAD,
    LONGEST_PERIOD,
    PICTURES,
    RECENT,
    Capture,
    Timeline,
)

EPOCH = 1_700_000_000 * 10**9  # nanoseconds: the wall clock when the monotonic one was at 0
EXACT = 2e-6  # seconds, of floating point
HOUR = 3600.0

delays = st.floats(0, 0.3)  # seconds
offsets = (st.floats(0.4, 9.5) | st.floats(10.1, 24 * HOUR)).flatmap(
    lambda seconds: st.sampled_from([seconds, -seconds])
)


@dataclass
class Robot:
    """A publisher and a bridge, each with a wall clock that may be wrong (seconds)."""

    publisher: float = 0.0
    bridge: float = 0.0
    now: float = 100.0
    number: int = 0
    timeline: Timeline = field(default_factory=Timeline)

    def show(self, transit=0.002, waited=0.001, period=0.033, stamp=None) -> tuple[float, float]:
        """Let a picture be captured, arrive and be noted; returns the times of the first two."""
        captured = self.now
        arrived = captured + transit
        now = arrived + waited
        self.number += 1
        self.timeline.note(
            self.number,
            wall(captured + self.publisher) if stamp is None else stamp,
            wall(arrived + self.bridge),
            now,
            wall(now + self.bridge),
        )
        self.now = max(now, captured + period)
        return captured, arrived

    @property
    def newest(self) -> Capture:
        return self.timeline.newest


def wall(seconds: float) -> int:
    return EPOCH + round(seconds * 1e9)


@given(st.lists(st.tuples(delays, delays), min_size=1, max_size=30))
def test_where_the_clocks_agree_the_capture_time_is_exact(pictures):
    robot = Robot()
    for transit, waited in pictures:
        captured, _ = robot.show(transit, waited)
        assert robot.newest.certain
        assert robot.newest.captured == pytest.approx(captured, abs=EXACT)


@given(offsets, st.lists(delays, min_size=1, max_size=30))
def test_where_they_do_not_the_age_is_a_lower_bound(offset, transits):
    robot = Robot(publisher=offset)
    for transit in transits:
        captured, arrived = robot.show(transit)
        newest = robot.newest
        if offset > 0 or offset < -LARGEST_LAG:
            assert not newest.certain
            assert captured - EXACT <= newest.captured <= arrived + EXACT
        else:
            assert newest.captured == pytest.approx(captured + offset, abs=EXACT), "nobody can know"


def test_jitter_above_the_least_age_counts():
    robot = Robot(publisher=-HOUR)
    robot.show(transit=0.01)
    _, arrived = robot.show(transit=0.2)
    assert not robot.newest.certain
    assert robot.newest.captured == pytest.approx(arrived - 0.19, abs=EXACT)


@given(
    st.lists(
        st.tuples(st.sampled_from(["publisher", "bridge", "both"]), st.floats(-1e8, 1e8)),
        max_size=5,
    ),
    st.integers(1, 2 * RECENT),
)
def test_a_clock_that_is_set_is_followed_within_some_pictures(settings, between):
    robot = Robot()
    for who, offset in settings:
        if who != "bridge":
            robot.publisher = offset
        if who != "publisher":
            robot.bridge = offset
        for _ in range(between):
            robot.show()
            newest = robot.newest
            assert newest.captured <= robot.now
    robot.publisher = robot.bridge = 0.0
    for _ in range(RECENT):
        captured, _ = robot.show()
    assert robot.newest.certain
    assert robot.newest.captured == pytest.approx(captured, abs=EXACT)


@pytest.mark.parametrize("offset", [-24 * HOUR, -HOUR, -11, -0.06, 0.06, 1, HOUR])
@pytest.mark.parametrize("who", ["publisher", "bridge"])
def test_setting_a_clock_costs_no_picture_more_than_its_own(who, offset):
    robot = Robot()
    robot.show()
    setattr(robot, who, offset)
    robot.show()  # stamped by clocks that differ; afterwards, so is every other
    captured, arrived = robot.show()
    ahead = robot.publisher - robot.bridge
    if ahead > LARGEST_LEAD or ahead < -LARGEST_LAG:
        assert not robot.newest.certain
        assert captured <= robot.newest.captured <= arrived + EXACT
    setattr(robot, who, 0.0)
    robot.show()
    captured, _ = robot.show()
    if abs(offset) > 0.1:  # a smaller step does not show in the stamps at once
        assert robot.newest.certain
        assert robot.newest.captured == pytest.approx(captured, abs=EXACT)


def test_a_stamp_that_is_a_little_early_is_that_of_the_arrival():
    robot = Robot(publisher=0.04)
    _, arrived = robot.show()
    assert robot.newest.certain
    assert robot.newest.captured == pytest.approx(arrived, abs=EXACT)


def test_without_stamps_the_arrival_counts():
    robot = Robot()
    for _ in range(3):
        _, arrived = robot.show(stamp=0)
        assert not robot.newest.certain
        assert robot.newest.captured == pytest.approx(arrived, abs=EXACT)


def test_a_picture_that_was_under_way_for_long_is_believed():
    robot = Robot()
    robot.show()
    captured, _ = robot.show(transit=30.0)
    assert robot.newest.certain
    assert robot.newest.captured == pytest.approx(captured, abs=EXACT)


def test_a_picture_that_comes_again_and_again_grows_old():
    robot = Robot()
    captured, _ = robot.show()
    for _ in range(10):
        robot.show(stamp=wall(captured))
    assert robot.newest.certain
    assert robot.newest.captured == pytest.approx(captured, abs=EXACT)


def test_what_is_encoded_again_was_captured_when_it_was():
    timeline = Timeline()
    timeline.repeat(7)
    assert timeline.newest is None
    timeline.note(1, EPOCH, EPOCH, 10.0, EPOCH)
    timeline.repeat(2)
    assert timeline.captured(2) == timeline.newest == timeline.captured(1)._replace(rtp=2)
    assert timeline.period is None


@given(st.integers(0, 3 * PICTURES))
def test_the_last_pictures_are_kept(number):
    robot = Robot()
    for _ in range(number):
        robot.show()
    kept = [rtp for rtp in range(number + 2) if robot.timeline.captured(rtp) is not None]
    assert kept == list(range(max(1, number - PICTURES + 1), number + 1))


@given(st.floats(0.01, 8.0), st.lists(st.sampled_from([1, 1, 1, 1, 40.0]), min_size=20))
def test_the_period_is_that_of_most_pictures(period, intervals):
    robot = Robot()
    assert robot.timeline.period is None
    robot.show(period=period)
    assert robot.timeline.period is None
    for _ in range(3):
        robot.show(period=period)
        assert robot.timeline.period == pytest.approx(period, abs=EXACT)
    for times in intervals:
        robot.show(period=times * period)
        assert robot.timeline.period <= LONGEST_PERIOD


def test_others_may_ask_at_any_time():
    robot = Robot()
    robot.show()
    stop = threading.Event()
    wrong: list[object] = []

    def ask() -> None:
        while not stop.is_set():
            newest = robot.timeline.newest
            found = robot.timeline.captured(newest.rtp)
            if found not in (newest, None) or not (robot.timeline.period or 1) > 0:
                wrong.append((newest, found))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(10 * PICTURES):
        robot.show()
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
