# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Clocks that are set: pictures go on, and nothing is kept until the old time comes again."""

import itertools
import time

import pytest

from pi_webrtc_streamer.link.rate_control import LinkEstimate
from pi_webrtc_streamer.media.codec import Codec
from support.cameras import get_stats
from support.nodes import Publisher, grey_jpeg, make_bridge, running
from support.waiting import until
from support.whep import mean_luma, timestamps_seen, watching

HOUR = 3600 * 10**9  # nanoseconds


def advance(timestamps: list[int]) -> int:
    """Return by how much timestamps grew, in ticks; they must not go back on the way."""
    steps = [(after - before) % 2**32 for before, after in itertools.pairwise(timestamps)]
    assert all(step < 2**31 for step in steps), f"timestamps went back: {timestamps}"
    return sum(steps)


@pytest.mark.parametrize("codec", ["h264", "vp8"])
async def test_stamps_that_jump_by_hours(node, codec):
    bridge = make_bridge()
    with running(bridge), Publisher(node, grey_jpeg(luma=50)) as publisher:
        async with watching(bridge.url, codec) as viewer:
            await viewer.next_frame()
            timestamps = timestamps_seen(viewer)
            for hours, luma in [(-1, 100), (1, 150), (10, 200), (-24 * 365, 60)]:
                publisher.clock_error = hours * HOUR
                publisher.data = grey_jpeg(luma=luma)
                await viewer.frame_with(lambda frame, luma=luma: abs(mean_luma(frame) - luma) < 8)
            assert advance(timestamps) < 3600 * 90_000, "the jumps are not in the timestamps"


async def test_the_bridges_own_clock_is_set(node, monkeypatch):
    bridge = make_bridge()
    with running(bridge), Publisher(node, grey_jpeg(luma=50)) as publisher:
        async with watching(bridge.url, "h264") as viewer:
            await viewer.next_frame()
            ceiling = await capacity(bridge.url)
            for hours, luma in [(-1, 100), (2, 150)]:
                set_clock(monkeypatch, hours)
                publisher.data = grey_jpeg(luma=luma)
                await viewer.frame_with(lambda frame, luma=luma: abs(mean_luma(frame) - luma) < 8)
                await until(lambda: not fanout(bridge)._recent, "nothing kept for newcomers")
                assert await capacity(bridge.url) == ceiling
            async with watching(bridge.url, "h264") as newcomer:
                await newcomer.next_frame()


async def test_the_clock_is_set_between_a_sender_report_and_its_answer(node, monkeypatch):
    """It would come out as a round trip of hours, or of none: the link, as full or as perfect."""
    take_report = LinkEstimate.on_report
    take_round_trip = LinkEstimate.on_round_trip
    answers: list[int] = []
    round_trips: list[float] = []

    def set_then_take(link, *args):
        answers.append(1 if len(answers) % 2 else -1)
        set_clock(monkeypatch, answers[-1])  # the round trip is looked at next
        take_report(link, *args)

    def note(link, round_trip, *args):
        round_trips.append(round_trip)
        take_round_trip(link, round_trip, *args)

    bridge = make_bridge()
    with running(bridge), Publisher(node, grey_jpeg()):
        async with watching(bridge.url, "h264") as viewer:
            await viewer.next_frame()
            monkeypatch.setattr(LinkEstimate, "on_report", set_then_take)
            monkeypatch.setattr(LinkEstimate, "on_round_trip", note)
            await until(lambda: len(answers) >= 4, "reports")
            assert round_trips == []


_TIME, _TIME_NS = time.time, time.time_ns


def set_clock(monkeypatch, hours: float) -> None:
    """Set the clock of this process, as its Python sees it; DDS has a clock of its own."""
    monkeypatch.setattr(time, "time", lambda: _TIME() + hours * 3600)
    monkeypatch.setattr(time, "time_ns", lambda: _TIME_NS() + int(hours * HOUR))


def fanout(bridge):
    return bridge._bridge.viewers._viewers._broadcasts["camera", Codec.H264]._fanouts[0]


async def capacity(url: str) -> float:
    (viewer,) = (await get_stats(url))["viewers"].values()
    return viewer["capacity"]
