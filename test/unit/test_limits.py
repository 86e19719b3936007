"""Rates and repetitions: what is held back, and that it is bounded and said."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.ros.repetition import RepetitionLimit
from pi_webrtc_streamer.runtime.rate_limit import RateLimit
from pi_webrtc_streamer.webrtc.datagrams import MOST_WAITING, DatagramQueue

times = st.lists(st.floats(0, 1000), min_size=1, max_size=200).map(sorted)


@given(st.floats(0.1, 50), st.floats(1, 50), times)
def test_no_more_than_the_burst_and_the_rate_allow(rate, burst, times):
    limit = RateLimit(rate, burst)
    allowed = [now for now in times if limit.allow(now)]
    for first in range(len(allowed)):
        for last in range(first, len(allowed)):
            most = burst + rate * (allowed[last] - allowed[first])
            assert last - first + 1 <= most + 1e-6


@given(st.integers(1, 50), st.integers(1, 20), st.integers(1, 100))
def test_a_steady_rate_within_the_limit_is_never_refused(rate, burst, count):
    limit = RateLimit(rate, burst)
    # Of two events at the limit's own rate, rounding decides: a hundredth slower, nothing does.
    assert all(limit.allow(number * 1.01 / rate) for number in range(count))


@given(times)
def test_a_clock_that_goes_back_gives_nothing_away(times):
    limit = RateLimit(1, 1)
    backwards = list(reversed(times))
    assert sum(limit.allow(now) for now in backwards) == 1


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 50)), max_size=300))
def test_every_message_is_said_or_counted(messages):
    limit = RepetitionLimit(most=3, interval=10.0)
    said, summed_up = 0, 0
    by_kind: dict[str, list[float]] = {}
    for kind, now in sorted(messages, key=lambda message: message[1]):
        summed_up += sum(limit.ended(now).values())
        if limit.admit(kind, now):
            said += 1
            by_kind.setdefault(kind, []).append(now)
    summed_up += sum(limit.ended(float("inf")).values())
    assert said + summed_up == len(messages)
    for said_at in by_kind.values():
        # Windows follow each other: no interval has more than two of them in it.
        for first, fourth in zip(said_at, said_at[6:], strict=False):
            assert fourth - first >= 10.0


def test_a_flood_is_a_handful():
    limit = RepetitionLimit(most=3, interval=10.0)
    assert [limit.admit("x", 0.001 * number) for number in range(1000)].count(True) == 3
    assert limit.ended(9.9) == {}
    assert limit.ended(10.0) == {"x": 997}
    assert limit.ended(20.0) == {}


async def test_datagrams_wait_up_to_a_number_and_empty_ones_do_not():
    queue = DatagramQueue()
    queue.put_nowait((b"", 1))
    assert queue.empty()
    for number in range(2 * MOST_WAITING):
        queue.put_nowait((b"%d" % number, 1))
    assert queue.qsize() == MOST_WAITING
    queue.put_nowait(None)
    assert queue.qsize() == MOST_WAITING + 1, "the end finds room"
    assert await asyncio.wait_for(queue.get(), 30) == (b"0", 1)
