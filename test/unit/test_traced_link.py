# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The link that plays a trace."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.traced_link import OPPORTUNITY, BadTrace, Bottleneck, read_trace

traces = st.lists(st.integers(1, 200), min_size=1, max_size=50).map(sorted)
packets = st.lists(st.tuples(st.floats(0, 1), st.integers(1, OPPORTUNITY)), max_size=50).map(sorted)


def test_everything_passes_until_a_trace_is_played():
    link = Bottleneck()
    link.put(b"a", 5.0)
    assert list(link.take(5.0)) == [(5.0, b"a")]


def test_packets_pass_at_the_opportunities_several_small_ones_at_once():
    link = Bottleneck()
    link.play([10, 20], 1.0)
    for size in (800, 700, 1000):
        link.put(bytes(size), 1.0)
    assert link.due == pytest.approx(1.010)
    assert [at for at, _ in link.take(1.015)] == pytest.approx([1.010, 1.010])
    assert [at for at, _ in link.take(1.050)] == pytest.approx([1.020])
    assert link.due is None


def test_a_trace_begins_anew_and_an_opportunity_waits_for_nobody():
    link = Bottleneck()
    link.play([10, 20], 0.0)
    assert list(link.take(0.015)) == []
    link.put(bytes(1500), 0.025)
    assert [at for at, _ in link.take(0.1)] == pytest.approx([0.030])


def test_what_finds_the_queue_full_is_lost():
    link = Bottleneck(queue=2000)
    link.play([1000], 0.0)
    for _ in range(3):
        link.put(bytes(1000), 0.0)
    assert link.lost == 1


@given(traces, packets)
def test_packets_keep_their_order_and_no_more_pass_than_may(trace, script):
    link = Bottleneck()
    link.play(trace, 0.0)
    passed = []
    for number, (at, size) in enumerate(script):
        passed += link.take(at)
        link.put(bytes([number]) * size, at)
    passed += link.take(20.0)
    assert [packet[0] for _, packet in passed] == list(range(len(script)))
    times = sorted(at for at, _ in passed)
    assert times == [at for at, _ in passed]
    for at in set(times):
        same = trace.count(round(1000 * at) % trace[-1] or trace[-1])
        assert sum(len(packet) for when, packet in passed if when == at) <= (same + 1) * OPPORTUNITY


@pytest.mark.parametrize("text", ["", "x", "5\n3", "-1\n5", "0\n0", "1 2"])
def test_what_is_no_trace_is_refused(tmp_path, text):
    path = tmp_path / "trace"
    path.write_text(text)
    with pytest.raises(BadTrace, match="is no trace"):
        read_trace(path)
    with pytest.raises(BadTrace, match="is no trace"):
        read_trace(tmp_path / "not there")
