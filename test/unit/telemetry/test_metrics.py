# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Metrics by Prometheus' conventions, for whatever state the bridge is in."""

import re
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from pi_webrtc_streamer.link.traffic import Traffic
from pi_webrtc_streamer.media.feed import COMPRESSED_IMAGE, explain
from pi_webrtc_streamer.media.frame_counts import StreamCounts
from pi_webrtc_streamer.media.pictures import Way
from pi_webrtc_streamer.media.stages import SHARES, STAGES
from pi_webrtc_streamer.telemetry.counts import held_counts
from pi_webrtc_streamer.telemetry.metrics import PREFIX, exposition, families
from pi_webrtc_streamer.telemetry.state import CAMERA_STATES, BridgeState
from pi_webrtc_streamer.teleop.messages import State
from support.metrics import PROCESS, busy_state, every_family

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
FORMATS = {"text/plain": read_text, OPENMETRICS: read_openmetrics, "": read_text, "*/*": read_text}
LABELS = {"camera", "state", "way", "codec", "tier", "stage", "percentile"}
NO_BASE_UNITS = re.compile(r"_(ms|milliseconds|minutes|bits?|kbit|kilobytes|mb|percent|fps)(_|$)")

counts = st.integers(0, 2**53)
seconds = st.floats(0, 1e9)
names = st.from_regex(r"[A-Za-z]\w{0,5}", fullmatch=True, alphabet="aZ_9")
codecs = st.sampled_from(["h264", "vp8"])
percentiles = st.fixed_dictionaries(dict.fromkeys(SHARES, st.floats(-1e9, 1e9)))
streams = st.fixed_dictionaries(
    {
        "codec": codecs,
        "tier": st.sampled_from(["full", "half", "quarter"]),
        "viewers": counts,
        "bitrate": counts,
        "stages": st.dictionaries(st.sampled_from((*STAGES, "total")), percentiles),
        **dict.fromkeys(StreamCounts._fields, counts),
    }
)
printable = st.characters(codec="ascii", categories=("L", "N", "P", "S", "Zs"))
VERSIONS = ["version=", "version=1", "version=1.0.0", "version=-1.0", "version=abc"]
TYPES = ["application/openmetrics-text", "text/plain", "*/*"]
parts = st.sampled_from([*TYPES, *VERSIONS, "escaping=", "escaping=x", "q=", "q=0.5", ",", ";"])
accepts = st.text(printable) | st.lists(parts).map(";".join) | st.lists(parts).map("".join)
traffic = st.fixed_dictionaries(dict.fromkeys(Traffic._fields, counts))

driving = st.none() | st.fixed_dictionaries(
    {
        "state": st.sampled_from(State).map(str),
        "stopped": st.booleans(),
        "driver": st.none() | st.just({"number": 1, "name": "Ada"}),
        "subscribers": counts,
    }
)


@st.composite
def states(draw) -> BridgeState:
    """A bridge with any cameras and viewers, in the shape of what /stats and /cameras say."""
    cameras = draw(st.lists(names, unique=True, max_size=2))
    age = st.none() | seconds
    viewer = st.fixed_dictionaries(
        {
            "camera": st.sampled_from(cameras or [""]),
            "state": st.sampled_from(["new", "connecting", "connected", "failed", "closed"]),
            "loss": st.floats(0, 1),
            "round_trip": seconds,
            "capacity": counts,
            "probed": st.booleans(),
            "repeats": st.booleans(),
        }
    )
    frames = st.fixed_dictionaries(dict.fromkeys(("received", "rejected", "overwritten"), counts))
    stats = {"errors": draw(counts), "frames": {name: draw(frames) for name in cameras}}
    active = draw(st.booleans())
    if active:
        one_each = st.lists(
            streams, unique_by=lambda each: (each["codec"], each["tier"]), max_size=3
        )
        stats |= {
            "streams": {name: draw(one_each) for name in cameras},
            "traffic": {name: draw(st.dictionaries(codecs, traffic)) for name in cameras},
            "viewers": draw(st.dictionaries(st.integers(1, 9).map(str), viewer, max_size=5))
            if cameras
            else {},
            "disconnected": draw(counts),
        }
    described = [
        {
            "name": name,
            "state": draw(st.sampled_from(CAMERA_STATES)),
            "way": draw(st.sampled_from(Way)).value,
            "age": draw(age),
        }
        for name in cameras
    ]
    return BridgeState(active, draw(counts), described, stats, draw(driving))


def values(families: Iterable[Metric]) -> dict[tuple[object, ...], float]:
    """Return each sample's value by its name and labels."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


@given(states(), st.sampled_from(sorted(FORMATS)))
def test_prometheus_own_parsers_read_back_what_was_said(state, accept):
    body, content_type = exposition(state, PROCESS, accept)
    assert ("openmetrics" in content_type) is (accept == OPENMETRICS)
    said, read = values(families(state)), values(FORMATS[accept](body.decode()))
    assert {sample: read[sample] for sample in said} == said


@given(states())
def test_no_sample_comes_twice_and_no_label_is_without_bounds(state):
    samples = [sample for family in families(state) for sample in family.samples]
    assert len(values(families(state))) == len(samples)
    assert {label for sample in samples for label in sample.labels} <= LABELS
    viewers = [s for s in samples if s.name == f"{PREFIX}viewers"]
    assert sum(s.value for s in viewers) == len(state.stats.get("viewers", ()))


@given(accepts)
def test_whatever_is_accepted_there_is_an_answer(accept):
    body, content_type = exposition(busy_state(), PROCESS, accept)
    read = read_openmetrics if "openmetrics" in content_type else read_text
    assert values(families(busy_state())).items() <= values(read(body.decode())).items()


def test_names_follow_the_conventions():
    every = list(every_family())
    assert len({family.name for family in every}) == len(every)
    for family in every:
        assert family.name.startswith(PREFIX)
        assert re.fullmatch(r"[a-z][a-z_]*[a-z]", family.name)
        assert not NO_BASE_UNITS.search(family.name)
        assert family.type in ("counter", "gauge")
        assert re.fullmatch(r"[A-Z1].*\.", family.documentation), family.name
        assert family.samples, family.name
        for sample in family.samples:
            assert sample.name.endswith("_total") is (family.type == "counter")
            assert not {"quantile", "le"} & set(sample.labels)


def test_many_viewers_take_no_more_samples():
    def samples(viewers: int) -> int:
        return sum(len(family.samples) for family in families(busy_state(viewers)))

    assert samples(1) == samples(100)


def test_the_worst_link_counts():
    state = busy_state(3)
    state.stats["viewers"]["1"] = state.stats["viewers"]["1"] | {"loss": 0.5, "capacity": 80_000}
    by_name = {family.name.removeprefix(PREFIX): family for family in families(state)}
    assert by_name["link_worst_loss_ratio"].samples[0].value == 0.5
    assert by_name["link_least_capacity_bytes_per_second"].samples[0].value == 10_000
    assert by_name["links_repeated"].samples[0].value == 3


def test_what_is_held_has_metrics():
    assert set(PROCESS["held"]) == {*held_counts(), "tasks"}


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("age", [None, 0.5, 100.0])
@pytest.mark.parametrize("problem", [None, "no JPEG"])
def test_every_state_of_a_camera_is_known(wanted, age, problem):
    state, _ = explain(
        topic="/a", wanted=wanted, publisher_types=[COMPRESSED_IMAGE], age=age, problem=problem
    )
    assert state in CAMERA_STATES
