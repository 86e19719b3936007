"""The line of statistics: what is written can be read back, and counts are of the time between."""

import mmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.media.distributor import FrameDistributor, Mailbox
from pi_webrtc_streamer.media.frame_counts import (
    FrameCounts,
)
from pi_webrtc_streamer.media.stages import SAMPLES, StageMeter, StageTimes
from pi_webrtc_streamer.runtime.heap import memory_in_use
from pi_webrtc_streamer.telemetry.counts import resident_memory
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


@given(counts, counts)
def test_what_was_added_since(before, added):
    after = FrameCounts(*map(sum, zip(before, added, strict=True)))
    assert after.since(before) == added


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


def test_overwritten_items_are_counted_for_mailboxes_that_are_gone_as_well():
    distributor: FrameDistributor[int] = FrameDistributor()
    slow: Mailbox[int] = Mailbox()
    for _ in range(2):
        with distributor.subscribed(slow):
            for item in range(3):
                distributor.publish(item)
    assert distributor.overwritten == 4


def test_resident_memory_grows_with_what_is_used():
    with mmap.mmap(-1, 50_000_000) as pages:
        before = resident_memory()
        for place in range(0, len(pages), mmap.PAGESIZE):
            pages[place] = 1
        assert resident_memory() > before + 40_000_000


def test_what_is_in_use_grows_with_what_is_held_and_no_longer():
    before = memory_in_use()
    blocks = [object() for _ in range(10_000)]
    outside_pythons_heap = [bytes(100_000) for _ in range(100)]
    held = memory_in_use()
    assert held["python_blocks"] >= before["python_blocks"] + 10_000
    assert held["heap"] >= before["heap"] + 10_000_000
    del blocks, outside_pythons_heap
    after = memory_in_use()
    assert after["python_blocks"] < held["python_blocks"] - 9_000
    assert after["heap"] < held["heap"] - 9_000_000
