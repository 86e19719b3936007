# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How the parts of a bridge are judged."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.media.feed import FeedStatus, explain
from pi_webrtc_streamer.media.stream_load import StreamLoad
from pi_webrtc_streamer.runtime.status import Level
from pi_webrtc_streamer.telemetry.diagnosis.bridge import (
    EncoderDiagnosis,
    ServerFacts,
    judge_camera,
    judge_lifecycle,
    judge_memory,
    judge_server,
    judge_viewers,
)

JPEG = "sensor_msgs/msg/CompressedImage"
LIVE = FeedStatus("live", "", 640, 480, 30.0, age=0.01, delay=0.02)


def test_the_node_says_what_keeps_it_from_being_active():
    assert judge_lifecycle("active", "", 0, 0).level == Level.OK
    failed = judge_lifecycle("unconfigured", "cannot configure: port 80 is taken", 2, 1)
    assert failed.level == Level.ERROR
    assert failed.message.startswith("cannot configure: port 80 is taken; 1 errors were caught")


def of_feed(*, wanted: bool, types: list[str], age=None, problem=None, misfit=None):
    """Judge a camera as the feed explains it."""
    state, reason = explain(
        topic="/t", wanted=wanted, publisher_types=types, age=age, problem=problem, misfit=misfit
    )
    status = FeedStatus(state, reason, 0, 0, 0.0, age, misfit=misfit)
    return judge_camera("front", "/t", status, len(types), int(wanted), 0.3)


@pytest.mark.parametrize(
    ("feed", "level", "message"),
    [
        ({"wanted": False, "types": [JPEG]}, Level.OK, "nobody watches"),
        ({"wanted": False, "types": []}, Level.WARN, "Nobody publishes /t"),
        ({"wanted": True, "types": []}, Level.ERROR, "Nobody publishes /t"),
        ({"wanted": True, "types": [JPEG]}, Level.WARN, "no message has come yet"),
        ({"wanted": True, "types": [JPEG], "misfit": "its QoS"}, Level.ERROR, "its QoS"),
        ({"wanted": True, "types": [JPEG], "age": 3.0}, Level.ERROR, "No message on /t for 3 s"),
        ({"wanted": True, "types": [JPEG], "problem": "no JPEG"}, Level.ERROR, "no JPEG"),
        ({"wanted": True, "types": [JPEG], "age": 0.1}, Level.OK, "0 pictures/s"),
    ],
)
def test_a_camera_is_judged_by_what_arrives(feed, level, message):
    status = of_feed(**feed)
    assert (status.task, status.level) == ("camera front", level)
    assert message in status.message


@pytest.mark.parametrize(
    ("delay", "level", "message"),
    [
        (None, Level.OK, "30 pictures/s"),
        (-0.04, Level.OK, "30 pictures/s"),
        (0.3, Level.OK, "30 pictures/s"),
        (0.5, Level.WARN, "0.50 s old when they arrive, and stale from 0.3 s on"),
        (-3.0, Level.WARN, "-3.00 s old when they arrive: set the clocks"),
        (3600.0, Level.WARN, "3600.00 s old when they arrive: set the clocks"),
    ],
)
def test_a_camera_is_judged_by_the_age_of_what_arrives(delay, level, message):
    status = judge_camera("front", "/t", replace(LIVE, delay=delay), 1, 1, 0.3)
    assert status.level == level
    assert message in status.message


counts = st.dictionaries(st.sampled_from(["front", "rear"]), st.integers(0, 60))


@given(counts, st.integers(1, 100), st.integers(1, 100))
def test_viewers_are_judged_by_the_places_there_are(viewers, most, most_of_camera):
    status = judge_viewers(viewers, 0, most, most_of_camera, [])
    total = sum(viewers.values())
    full = total >= most or any(count >= most_of_camera for count in viewers.values())
    assert status.level == (Level.WARN if full else Level.OK)
    assert ("raise max_viewers" in status.message) == full
    assert status.values["viewers"] == total


def test_an_ice_server_that_does_not_answer_is_a_warning():
    status = judge_viewers({}, 0, 50, 50, ["The stun:x gives no address: it is silent."])
    assert (status.level, status.message) == (
        Level.WARN,
        "The stun:x gives no address: it is silent.",
    )


def load(encoded: int, seconds: float = 0.0, *, skipped: int = 0, failed: int = 0) -> StreamLoad:
    return StreamLoad("h264", "full", "libx264", 1, encoded, skipped, failed, seconds)


def encoded(*loads: StreamLoad):
    """Judge a stream once a second; the last status."""
    diagnosis = EncoderDiagnosis()
    for now, each in enumerate(loads):
        status = diagnosis.judge({"front": [each]}, float(now), {"tiers": 3})
    return status


def test_what_is_encoded_is_judged_by_what_has_changed():
    status = encoded(load(30, 0.1), load(60, 0.2))
    assert (status.level, status.message) == (Level.OK, "encoding 1 stream")
    assert status.values["front h264 full frequency (Hz)"] == 30
    assert status.values["front h264 full time of a picture (ms)"] == pytest.approx(3.33)
    assert status.values["front h264 full encoder"] == "libx264"
    assert EncoderDiagnosis().judge({}, 1.0, {}).message == "nothing to encode"


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (load(60, 1.05), "encoding front takes 95% of the time that there is"),
        (load(60, 0.2, failed=1), "the encoder of front in h264 fails"),
        (load(50, 0.2, skipped=10), "10 pictures of front in h264 were skipped"),
    ],
)
def test_an_encoder_in_trouble(second, message):
    status = encoded(load(30, 0.1), second)
    assert status.level == Level.WARN
    assert message in status.message
    again = encoded(load(30, 0.1), second, second._replace(encoded=second.encoded + 30))
    assert again.level == Level.OK, "it is over"


def test_a_stream_that_was_opened_anew_begins_at_nothing():
    status = encoded(load(3000, 10.0), load(15, 0.05))
    assert status.level == Level.OK
    assert status.values["front h264 full frequency (Hz)"] == 15


loads = st.builds(
    StreamLoad,
    st.sampled_from(["h264", "vp8"]),
    st.sampled_from(["full", "half"]),
    st.just("x"),
    st.integers(0, 50),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.integers(0, 10**6),
    st.floats(0, 1e9),
)
looks = st.tuples(
    st.floats(0.0, 1e4), st.dictionaries(st.sampled_from(["a", "b"]), st.lists(loads, max_size=4))
)


@given(st.lists(looks, min_size=1))
def test_whatever_is_encoded_has_a_status(looks):
    diagnosis = EncoderDiagnosis()
    now = 0.0
    for seconds, streams in looks:
        now += seconds
        status = diagnosis.judge(streams, now, {})
        assert status.message
        different = {(camera, *each[:2]) for camera in streams for each in streams[camera]}
        assert status.values["streams"] == len(different)
        rates = [value for key, value in status.values.items() if key.endswith("(Hz)")]
        assert all(rate >= 0 for rate in rates)


def test_memory_is_judged_by_the_watch_on_it():
    fine = judge_memory(150_000_000, 400.0, "")
    assert (fine.level, fine.message) == (Level.OK, "150 MB")
    assert fine.values == {"resident (MB)": 150, "limit (MB)": 400}
    much = judge_memory(450_000_000, 400.0, "450 MB of memory are in use")
    assert much.level == Level.WARN
    assert "restart the bridge" in much.message


SERVER = ServerFacts("http://robot:8080/", "0.0.0.0", 8080, "none", "auto", 1, 256, 0, 0)


def test_the_server_is_judged_by_whom_it_refuses_and_lets_in():
    fine = judge_server(SERVER, 0, "")
    assert (fine.level, fine.message) == (Level.OK, "serving http://robot:8080/")
    assert judge_server(replace(SERVER, refused_requests=9), 0, "").level == Level.OK
    full = judge_server(replace(SERVER, refused_connections=5), 2, "")
    assert full.level == Level.WARN
    assert "2 connections were refused: raise max_connections" in full.message
    assert judge_server(SERVER, 0, "auth is open").message == "auth is open"
