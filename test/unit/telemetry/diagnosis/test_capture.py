# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How a camera node's camera is judged."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.runtime.status import Level
from pi_webrtc_streamer.telemetry.diagnosis.capture import (
    Ages,
    CaptureDiagnosis,
    CaptureFacts,
    judge_at_rest,
)

FINE = CaptureFacts(
    source="test pattern, 640x480",
    expected=30.0,
    captured=0,
    published=0,
    dropped=0,
    ages=Ages(0.01, 0.02),
    size=(640, 480),
    subscribers=1,
    failure="",
    reopened=0,
    last_failure="",
    stand_in="",
)


def judged(facts: CaptureFacts, rate: float = 30.0, seconds: int = 10):
    """Judge a camera that delivers so many pictures a second, once a second; the last status."""
    diagnosis = CaptureDiagnosis(0.0, "camera 1")
    for now in range(1, seconds + 1):
        status = diagnosis.judge(replace(facts, captured=int(rate * now)), float(now))
    return status


def test_a_camera_that_does_as_it_should():
    status = judged(FINE)
    assert (status.level, status.message) == (Level.OK, "30 pictures/s")
    assert (status.task, status.hardware_id) == ("capture", "camera 1")
    assert status.values["frequency (Hz)"] == 30
    assert status.values["expected frequency (Hz)"] == 30


@pytest.mark.parametrize(("rate", "level"), [(27.5, Level.OK), (26, Level.WARN), (0, Level.ERROR)])
def test_the_level_goes_by_the_rate(rate, level):
    assert judged(FINE, rate).level == level


@pytest.mark.parametrize(
    ("facts", "level", "message"),
    [
        ({"failure": "/dev/video0 is away"}, Level.ERROR, "/dev/video0 is away; it is tried again"),
        ({"stand_in": "no camera answers"}, Level.WARN, "instead of a camera: no camera answers"),
        ({"ages": Ages(0.1, 1.5)}, Level.WARN, "1.5 s after their exposure"),
        ({"ages": Ages(-3.0, 0.1)}, Level.WARN, "3.00 s in the future"),
        ({"ages": None}, Level.OK, "30 pictures/s"),
        ({"expected": None}, Level.OK, "30 pictures/s"),
    ],
)
def test_what_is_found(facts, level, message):
    status = judged(replace(FINE, **facts))
    assert status.level == level
    assert message in status.message


def test_dropped_pictures_are_told_when_they_are_dropped():
    diagnosis = CaptureDiagnosis(0.0, "")
    first = diagnosis.judge(replace(FINE, captured=30, dropped=2), 1.0)
    second = diagnosis.judge(replace(FINE, captured=60, dropped=2), 2.0)
    assert first.level == Level.WARN
    assert first.message.startswith("2 pictures were dropped")
    assert (second.level, second.values["dropped pictures"]) == (Level.OK, 2)


def test_the_time_in_which_it_was_away_is_not_taken_for_a_slow_camera():
    diagnosis = CaptureDiagnosis(0.0, "")
    for now in range(1, 6):
        diagnosis.judge(replace(FINE, captured=30 * now), float(now))
    away = diagnosis.judge(replace(FINE, captured=150, failure="it is away"), 20.0)
    assert away.level == Level.ERROR
    for now in range(21, 25):
        back = replace(FINE, captured=150 + 30 * (now - 20), reopened=1, last_failure="it is away")
        status = diagnosis.judge(back, float(now))
        assert status.level == Level.OK, status
    assert status.values["times opened again"] == 1


times = st.floats(-1e6, 1e6)
anything = st.builds(
    CaptureFacts,
    source=st.text(),
    expected=st.none() | st.floats(0.1, 240.0),
    captured=st.integers(0, 10**9),
    published=st.integers(0, 10**9),
    dropped=st.integers(0, 10**9),
    ages=st.none() | st.builds(Ages, times, times),
    size=st.tuples(st.integers(0, 10**4), st.integers(0, 10**4)),
    subscribers=st.integers(0, 100),
    failure=st.text(),
    reopened=st.integers(0, 10**6),
    last_failure=st.text(),
    stand_in=st.text(),
)


@given(st.lists(st.tuples(st.floats(0.0, 1e6), anything), min_size=1))
def test_every_camera_has_a_status(looks):
    diagnosis = CaptureDiagnosis(0.0, "")
    now = 0.0
    keys = set()
    for interval, facts in looks:
        now += interval
        status = diagnosis.judge(facts, now)
        assert status.message
        assert (status.level == Level.ERROR) >= bool(facts.failure)
        assert (status.level > Level.OK) >= bool(facts.stand_in)
        keys.add(tuple(status.values))
    assert len(keys) == 1, "what watches it finds the same values each time"


def test_a_node_that_is_not_active():
    assert judge_at_rest("inactive", "", "x").level == Level.OK
    failed = judge_at_rest("unconfigured", "cannot configure: there is no camera /dev/video0", "x")
    assert failed.level == Level.ERROR
    assert failed.message == "cannot configure: there is no camera /dev/video0"
