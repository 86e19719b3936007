# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Bursts of packets through real sockets."""

import socket

from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.webrtc.burst import (
    LARGEST_SEND,
    MOST_SEGMENTS,
    BurstSocket,
    runs_of_equal_size,
)

packet_sizes = st.lists(st.sampled_from([1, 30, 500, 1200]), max_size=300)


@given(packet_sizes)
def test_runs_can_each_be_sent_in_one_call(sizes):
    packets = [bytes(size) for size in sizes]
    runs = list(runs_of_equal_size(packets))
    assert [packet for run in runs for packet in run] == packets
    for run in runs:
        *equal, last = (len(packet) for packet in run)
        assert len(set(equal)) <= 1
        assert last <= max(equal, default=last)
        assert len(run) <= MOST_SEGMENTS
        assert sum(len(packet) for packet in run) <= LARGEST_SEND


def exchange(packets: list[bytes], segments: bool = True) -> list[bytes]:
    """Send packets to ourselves and return what arrives."""
    with (
        socket.socket(type=socket.SOCK_DGRAM) as receiver,
        socket.socket(type=socket.SOCK_DGRAM) as owner,
    ):
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        owner.bind(("127.0.0.1", 0))
        owner.setblocking(False)
        burst = BurstSocket(owner)
        burst._segments = segments
        assert burst.send(packets, receiver.getsockname())
        arrived = [receiver.recv(2000) for _ in packets]
        burst.close()
        assert owner.fileno() >= 0, "the owner's socket stays open"
        return arrived


@given(st.lists(st.sampled_from([30, 500, 1200]), min_size=1, max_size=60), st.booleans())
def test_every_packet_arrives_as_it_was(sizes, segments):
    packets = [bytes([number % 256]) * size for number, size in enumerate(sizes)]
    assert exchange(packets, segments) == packets


def test_a_full_socket_says_so_and_does_not_wait(tmp_path):
    """A UNIX socket, since it has a receiver's queue that can be full; it cannot segment either."""
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as owner,
    ):
        receiver.bind(str(tmp_path / "receiver"))
        owner.setblocking(False)
        burst = BurstSocket(owner)
        assert burst.send([b"one", b"two"], receiver.getsockname())
        assert not burst.send([bytes(1200)] * 10_000, receiver.getsockname())
        burst.close()
