# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The media thread: encodes for those who watch, once for each codec, and lets go of everything."""

import gc
import queue
import threading
from dataclasses import replace

import av
import numpy as np
import pytest
import simplejpeg
from aiortc.codecs.h264 import H264PayloadDescriptor

from pi_webrtc_streamer.media import live
from pi_webrtc_streamer.media.codec import AccessUnit, Codec, StreamSettings
from pi_webrtc_streamer.media.distributor import FrameDistributor
from pi_webrtc_streamer.media.encoded_stream import REBUILD_AFTER
from pi_webrtc_streamer.media.frame import JpegFrame, live_frames
from pi_webrtc_streamer.media.frame_counts import StreamCounts
from pi_webrtc_streamer.media.pipeline import MediaPipeline
from pi_webrtc_streamer.media.stages import StageTimes
from pi_webrtc_streamer.media.tiers import make_tiers
from support.waiting import wait_for

FULL, HALF, QUARTER = make_tiers(2_500_000, 100_000)


class Sink:
    """Takes units as a viewer's fan-out does."""

    def __init__(self) -> None:
        self.units: queue.Queue[AccessUnit] = queue.Queue()
        self.ready = True
        self.full = False

    def deliver(self, unit: AccessUnit) -> None:
        self.units.put(unit)

    def next(self) -> AccessUnit:
        return self.units.get(timeout=10)


def make_frame(stamp: int = 0, width: int = 320, height: int = 240) -> JpegFrame:
    data = simplejpeg.encode_jpeg(np.zeros((height, width, 3), np.uint8), colorsubsampling="420")
    return JpegFrame(memoryview(data), StageTimes(stamp), width, height)


@pytest.fixture
def problems():
    return queue.Queue()


@pytest.fixture
def distributor():
    return FrameDistributor()


@pytest.fixture
def pipeline(distributor, problems):
    pipeline = MediaPipeline("test", distributor, StreamSettings(), problems.put)
    yield pipeline
    pipeline.close()


def test_nothing_is_wanted_while_nobody_watches(pipeline, distributor):
    assert not distributor.wanted
    stream = pipeline.open_stream(Codec.H264, FULL, Sink())
    assert distributor.wanted
    pipeline.close_stream(stream)
    assert not distributor.wanted


def test_the_first_unit_is_a_key_frame_with_the_capture_time(pipeline, distributor):
    sink = Sink()
    pipeline.open_stream(Codec.H264, FULL, sink)
    distributor.publish(make_frame(stamp=5 * 10**9))
    unit = sink.next()
    assert unit.keyframe
    assert unit.times.captured == 5 * 10**9
    assert unit.timestamp == 5 * 90_000
    distributor.publish(make_frame(stamp=6 * 10**9))
    assert not sink.next().keyframe


def test_both_codecs_get_every_picture(pipeline, distributor):
    sinks = {codec: Sink() for codec in Codec}
    for codec, sink in sinks.items():
        pipeline.open_stream(codec, FULL, sink)
    for number in range(3):
        distributor.publish(make_frame(stamp=number * 10**9))
        units = [sink.next() for sink in sinks.values()]
        assert {unit.times.captured for unit in units} == {number * 10**9}


def test_a_key_frame_is_made_of_the_last_picture_when_none_comes(pipeline, distributor):
    sink = Sink()
    stream = pipeline.open_stream(Codec.H264, FULL, sink)
    distributor.publish(make_frame(stamp=10**9))
    first = sink.next()
    pipeline.request_keyframe(stream)
    again = sink.next()
    assert again.keyframe
    assert again.times.captured == first.times.captured
    assert again.timestamp == first.timestamp + 1


def test_many_requests_make_one_key_frame(pipeline, distributor):
    sink = Sink()
    stream = pipeline.open_stream(Codec.H264, FULL, sink)
    distributor.publish(make_frame())
    sink.next()
    for _ in range(20):
        pipeline.request_keyframe(stream)
    assert sink.next().keyframe
    distributor.publish(make_frame(stamp=10**9))
    assert not sink.next().keyframe


def test_tiers_are_scaled_from_one_decoded_picture(pipeline, distributor):
    sizes = {}
    for tier in (FULL, HALF, QUARTER):
        sink = Sink()
        pipeline.open_stream(Codec.H264, tier, sink)
        sizes[tier.name] = sink
    distributor.publish(make_frame(0, 641, 481))
    for name, size in {"full": (640, 480), "half": (320, 240), "quarter": (160, 120)}.items():
        decoder = av.CodecContext.create("h264", "r")
        payloads = sizes[name].next().payloads
        nals = b"".join(H264PayloadDescriptor.parse(payload)[1] for payload in payloads)
        (frame, *_) = decoder.decode(av.Packet(nals)) + decoder.decode(None)
        assert (frame.width, frame.height) == size


def test_a_bitrate_changes_without_a_key_frame_in_h264(pipeline, distributor):
    rng = np.random.default_rng(0)

    def noise(number):
        image = rng.integers(0, 256, (240, 320, 3), np.uint8)
        data = simplejpeg.encode_jpeg(image, colorsubsampling="420")
        return JpegFrame(memoryview(data), StageTimes(number * 33_000_000), 320, 240)

    def mean_size(numbers):
        total = 0
        for number in numbers:
            distributor.publish(noise(number))
            unit = sink.next()
            assert unit.keyframe == (number == 0)
            total += unit.size
        return total / len(numbers)

    sink = Sink()
    stream = pipeline.open_stream(Codec.H264, FULL, sink)
    before = mean_size(range(30))
    stream.bitrate = FULL.lowest
    mean_size(range(30, 45))
    assert mean_size(range(45, 75)) < 0.7 * before


@pytest.mark.parametrize(
    ("sign", "busy", "counts"),
    [("ready", False, StreamCounts(1, skipped=3)), ("full", True, StreamCounts(1, withheld=3))],
    ids=["the last unit is still unsent", "the links are full"],
)
def test_a_busy_sink_costs_pictures_and_no_key_frame(pipeline, distributor, sign, busy, counts):
    sink = Sink()
    stream = pipeline.open_stream(Codec.H264, FULL, sink)
    distributor.publish(make_frame())
    sink.next()
    setattr(sink, sign, busy)
    other = Sink()
    pipeline.open_stream(Codec.VP8, FULL, other)
    for number in range(1, 4):
        distributor.publish(make_frame(stamp=number * 10**9))
        other.next()
    assert stream.counts == counts
    setattr(sink, sign, not busy)
    distributor.publish(make_frame(stamp=9 * 10**9))
    unit = sink.next()
    assert not unit.keyframe
    assert unit.times.captured == 9 * 10**9


def test_a_new_size_goes_on_with_a_key_frame(pipeline, distributor):
    sink = Sink()
    pipeline.open_stream(Codec.H264, FULL, sink)
    keyframes = []
    for number, size in enumerate([(320, 240), (640, 480), (641, 481), (320, 240)]):
        distributor.publish(make_frame(number * 10**9, *size))
        keyframes.append(sink.next().keyframe)
    assert keyframes == [True, True, False, True], "641x481 is sent as 640x480"


def test_a_broken_picture_is_reported_and_the_next_one_shown(pipeline, distributor, problems):
    sink = Sink()
    pipeline.open_stream(Codec.H264, FULL, sink)
    distributor.publish(JpegFrame(memoryview(b"\xff\xd8 nonsense \xff\xd9"), StageTimes(0), 64, 48))
    assert "cannot be decoded" in problems.get(timeout=10)
    distributor.publish(make_frame(stamp=10**9))
    assert sink.next().keyframe


def test_a_sink_that_raises_does_not_end_the_thread(pipeline, distributor, caplog):
    class Broken(Sink):
        def deliver(self, unit: AccessUnit) -> None:
            super().deliver(unit)
            raise RuntimeError("broken sink")

    sink = Broken()
    pipeline.open_stream(Codec.H264, FULL, sink)
    for number in range(2):
        distributor.publish(make_frame(stamp=number * 10**9))
        sink.next()
    assert "broken sink" in caplog.text


def test_closing_leaves_no_thread_and_no_frame(distributor, problems):
    gc.collect()  # what other tests have left
    threads = threading.active_count()
    frames = live_frames()
    pipeline = MediaPipeline("test", distributor, StreamSettings(), problems.put)
    sink = Sink()
    pipeline.open_stream(Codec.H264, FULL, sink)
    distributor.publish(make_frame())
    sink.next()
    pipeline.close()
    pipeline.close()
    gc.collect()
    assert not distributor.wanted
    assert threading.active_count() == threads
    assert live_frames() == frames


def test_an_encoder_that_always_fails_is_tried_now_and_then(distributor, problems):
    """Every picture is reported all the same: none is shown."""
    now = 0.0
    pipeline = MediaPipeline("test", distributor, StreamSettings(), problems.put, lambda: now)
    sink = Sink()
    stream = pipeline.open_stream(Codec.H264, FULL, sink)
    distributor.publish(make_frame())
    sink.next()
    stream.tier = replace(FULL, highest=2**40)  # more than libx264 takes
    for number in range(1, 5):
        distributor.publish(make_frame(number * 10**9))
        assert "the encoder for h264 fails" in problems.get(timeout=10)
    assert stream.failed == 2, "at once, and then not for a while"
    now, stream.tier = REBUILD_AFTER, FULL
    distributor.publish(make_frame(9 * 10**9))
    assert sink.next().keyframe
    pipeline.close()


class Slow(Sink):
    """Keeps the media thread until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def deliver(self, unit: AccessUnit) -> None:
        super().deliver(unit)
        self.go_on.wait(10)


def test_who_watches_next_is_shown_nothing_from_before(pipeline, distributor):
    """Neither the picture in hand, nor the one that waits, nor the last one once more."""
    pictures = len(live.pictures)
    sink = Slow()
    stream = pipeline.open_stream(Codec.H264, FULL, sink)
    distributor.publish(make_frame(stamp=10**9))
    assert sink.next().keyframe
    distributor.publish(make_frame(stamp=2 * 10**9))  # waits behind the one in hand
    pipeline.close_stream(stream)
    fresh = Sink()
    stream = pipeline.open_stream(Codec.H264, FULL, fresh)
    pipeline.request_keyframe(stream)
    sink.go_on.set()
    wait_for(lambda: len(live.pictures) == pictures, "the end of the last picture")
    distributor.publish(make_frame(stamp=3 * 10**9))
    unit = fresh.next()
    assert unit.times.captured == 3 * 10**9
    assert unit.keyframe
    assert sink.units.empty()


def test_when_the_last_viewer_has_left_nothing_is_held(pipeline, distributor):
    before = live.live_counts()
    streams = [(pipeline.open_stream(codec, FULL, sink := Sink()), sink) for codec in Codec]
    distributor.publish(make_frame())
    for _, sink in streams:
        sink.next()
    assert live.live_counts()["encoders"] == before["encoders"] + 2
    while streams:
        pipeline.close_stream(streams.pop()[0])
    wait_for(lambda: live.live_counts() == before, f"{before}")
