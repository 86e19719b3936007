# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""GET /metrics of a real bridge, as a Prometheus server asks for it."""

import sys

import aiohttp
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from pi_webrtc_streamer.runtime.faults import faults
from pi_webrtc_streamer.telemetry.metrics import PREFIX
from support.access import DRIVE, VIEW
from support.cameras import get_stats
from support.metrics import every_family
from support.nodes import Publisher, grey_jpeg, make_bridge, running
from support.serving import AUTH, bearer, serving
from support.whep import watching

# As Prometheus 2.42 and 3 ask.
PREFERS_OPENMETRICS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)


async def scrape(url: str, accept: str = PREFERS_OPENMETRICS) -> dict[str, list]:
    """Return the samples of each metric, by its name without our prefix."""
    client = aiohttp.ClientSession(headers={"Accept": accept})
    async with client as session, session.get(f"{url}metrics") as response:
        assert response.status == 200
        assert response.headers["Cache-Control"] == "no-store"
        openmetrics = response.content_type == "application/openmetrics-text"
        text = await response.text()
    assert openmetrics is (accept == PREFERS_OPENMETRICS)
    return {
        family.name.removeprefix(PREFIX): family.samples
        for family in (read_openmetrics if openmetrics else read_text)(text)
    }


@pytest.mark.parametrize("accept", [PREFERS_OPENMETRICS, "text/plain", "*/*"])
async def test_a_viewer_is_in_the_metrics(node, accept):
    bridge = make_bridge(teleop__enabled=True)
    with running(bridge), Publisher(node, grey_jpeg()):
        async with watching(bridge.url, "h264") as viewer:
            for _ in range(10):
                await viewer.next_frame()
            samples = await scrape(bridge.url, accept)
            stats = await get_stats(bridge.url)
    expected = {family.name.removeprefix(PREFIX) for family in every_family()}
    assert expected <= set(samples)
    assert all(samples[name] for name in expected), "with this nothing is without a sample"
    (received,) = samples["frames_received"]
    assert received.labels == {"camera": "camera"}
    assert 10 <= received.value <= stats["frames"]["camera"]["received"]
    (viewers,) = samples["stream_viewers"]
    assert viewers.labels == {"camera": "camera", "codec": "h264", "tier": "full"}
    assert viewers.value == 1
    sent = {sample.labels["codec"]: sample.value for sample in samples["frames_sent"]}
    assert sent["h264"] >= 10
    assert sent["vp8"] == 0
    assert {s.labels["state"] for s in samples["camera_state"] if s.value} == {"live"}
    stages = {sample.labels["stage"] for sample in samples["stage_seconds"]}
    assert stages == set(stats["streams"]["camera"][0]["stages"]) - {"total"}
    assert all(0 < sample.value < 60 for sample in samples["latency_seconds"])
    assert samples["process_resident_memory_bytes"][0].value > 10e6
    assert samples["held_threads"][0].value >= 3


async def test_an_inactive_bridge_says_so(node):
    bridge = make_bridge()
    with running(bridge, up=False):
        bridge.trigger_configure()
        samples = await scrape(bridge.url)
        assert samples["active"][0].value == 0
        assert {s.labels["state"] for s in samples["camera_state"] if s.value} == {"inactive"}
        bridge.trigger_activate()
        samples = await scrape(bridge.url)
        assert samples["active"][0].value == 1
        assert samples["viewers"][0].value == 0
        assert samples["camera_frame_age_seconds"] == []
        assert not any(name.startswith("driv") for name in samples), "nobody may drive"


async def test_it_takes_the_role_that_stats_take(session):
    async with serving(**AUTH) as (url, _):
        for path in ("metrics", "stats"):
            for headers, status in (
                ({}, 401),
                (bearer("wrong"), 401),
                (bearer(VIEW), 200),
                (bearer(DRIVE), 200),
            ):
                async with session.get(url + path, headers=headers) as response:
                    assert response.status == status, (path, headers)


@pytest.mark.parametrize(
    "accept", ["application/openmetrics-text;version=abc", ";;;", "text/plain;version=1;escaping=x"]
)
async def test_an_accept_that_says_nothing_of_use(session, accept):
    before, headers = faults.total, {"Accept": accept}
    async with serving() as (url, _), session.get(f"{url}metrics", headers=headers) as response:
        assert response.status == 200
        assert response.content_type == "text/plain"
    assert faults.total == before


async def test_where_the_library_is_missing_the_answer_says_what_to_install(session, monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)  # to import it fails, as if away
    monkeypatch.delitem(sys.modules, "pi_webrtc_streamer.telemetry.metrics")
    before = faults.total
    async with serving() as (url, _):
        async with session.get(f"{url}metrics") as response:
            assert response.status == 501
            assert "apt install python3-prometheus-client" in (await response.json())["error"]
        async with session.get(f"{url}stats") as response:
            assert response.status == 200
    assert faults.total == before, "it is none of ours"
