"""The media thread: encodes for those who watch, once for each codec, and lets go of everything."""

import gc
import queue
import threading

import numpy as np
import pytest
import simplejpeg

from pi_webrtc_streamer.media.codec import AccessUnit, Codec, StreamSettings
from pi_webrtc_streamer.media.distributor import FrameDistributor
from pi_webrtc_streamer.media.frame import JpegFrame, live_frames
from pi_webrtc_streamer.media.pipeline import MediaPipeline


class Sink:
    """Takes units as a viewer's fan-out does."""

    def __init__(self) -> None:
        self.units: queue.Queue[AccessUnit] = queue.Queue()
        self.ready = True

    def deliver(self, unit: AccessUnit) -> None:
        self.units.put(unit)

    def next(self) -> AccessUnit:
        return self.units.get(timeout=10)


def make_frame(stamp: int = 0, width: int = 320, height: int = 240) -> JpegFrame:
    data = simplejpeg.encode_jpeg(np.zeros((height, width, 3), np.uint8), colorsubsampling="420")
    return JpegFrame(memoryview(data), stamp, 0.0, width, height)


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
    stream = pipeline.open_stream(Codec.H264, Sink())
    assert distributor.wanted
    pipeline.close_stream(stream)
    assert not distributor.wanted


def test_the_first_unit_is_a_key_frame_with_the_capture_time(pipeline, distributor):
    sink = Sink()
    pipeline.open_stream(Codec.H264, sink)
    distributor.publish(make_frame(stamp=5 * 10**9))
    unit = sink.next()
    assert unit.keyframe
    assert unit.captured == 5 * 10**9
    assert unit.timestamp == 5 * 90_000
    distributor.publish(make_frame(stamp=6 * 10**9))
    assert not sink.next().keyframe


def test_both_codecs_get_every_picture(pipeline, distributor):
    sinks = {codec: Sink() for codec in Codec}
    for codec, sink in sinks.items():
        pipeline.open_stream(codec, sink)
    for number in range(3):
        distributor.publish(make_frame(stamp=number * 10**9))
        units = [sink.next() for sink in sinks.values()]
        assert {unit.captured for unit in units} == {number * 10**9}


def test_a_key_frame_is_made_of_the_last_picture_when_none_comes(pipeline, distributor):
    sink = Sink()
    stream = pipeline.open_stream(Codec.H264, sink)
    distributor.publish(make_frame(stamp=10**9))
    first = sink.next()
    pipeline.request_keyframe(stream)
    again = sink.next()
    assert again.keyframe
    assert again.captured == first.captured
    assert again.timestamp == first.timestamp + 1


def test_many_requests_make_one_key_frame(pipeline, distributor):
    sink = Sink()
    stream = pipeline.open_stream(Codec.H264, sink)
    distributor.publish(make_frame())
    sink.next()
    for _ in range(20):
        pipeline.request_keyframe(stream)
    assert sink.next().keyframe
    distributor.publish(make_frame(stamp=10**9))
    assert not sink.next().keyframe


def test_a_busy_sink_costs_pictures_and_no_key_frame(pipeline, distributor):
    sink = Sink()
    stream = pipeline.open_stream(Codec.H264, sink)
    distributor.publish(make_frame())
    sink.next()
    sink.ready = False
    other = Sink()
    pipeline.open_stream(Codec.VP8, other)
    for number in range(1, 4):
        distributor.publish(make_frame(stamp=number * 10**9))
        other.next()
    assert stream.skipped == 3
    sink.ready = True
    distributor.publish(make_frame(stamp=9 * 10**9))
    unit = sink.next()
    assert not unit.keyframe
    assert unit.captured == 9 * 10**9


def test_a_new_size_goes_on_with_a_key_frame(pipeline, distributor):
    sink = Sink()
    pipeline.open_stream(Codec.H264, sink)
    keyframes = []
    for number, size in enumerate([(320, 240), (640, 480), (641, 481), (320, 240)]):
        distributor.publish(make_frame(number * 10**9, *size))
        keyframes.append(sink.next().keyframe)
    assert keyframes == [True, True, False, True], "641x481 is sent as 640x480"


def test_a_broken_picture_is_reported_and_the_next_one_shown(pipeline, distributor, problems):
    sink = Sink()
    pipeline.open_stream(Codec.H264, sink)
    distributor.publish(JpegFrame(memoryview(b"\xff\xd8 nonsense \xff\xd9"), 0, 0.0, 64, 48))
    assert "cannot be decoded" in problems.get(timeout=10)
    distributor.publish(make_frame(stamp=10**9))
    assert sink.next().keyframe


def test_a_sink_that_raises_does_not_end_the_thread(pipeline, distributor, caplog):
    class Broken(Sink):
        def deliver(self, unit: AccessUnit) -> None:
            super().deliver(unit)
            raise RuntimeError("broken sink")

    sink = Broken()
    pipeline.open_stream(Codec.H264, sink)
    for number in range(2):
        distributor.publish(make_frame(stamp=number * 10**9))
        sink.next()
    assert "broken sink" in caplog.text


def test_closing_leaves_no_thread_and_no_frame(distributor, problems):
    threads = threading.active_count()
    frames = live_frames()
    pipeline = MediaPipeline("test", distributor, StreamSettings(), problems.put)
    sink = Sink()
    pipeline.open_stream(Codec.H264, sink)
    distributor.publish(make_frame())
    sink.next()
    pipeline.close()
    pipeline.close()
    gc.collect()
    assert not distributor.wanted
    assert threading.active_count() == threads
    assert live_frames() == frames
