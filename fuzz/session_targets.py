# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a viewer sends of its session: offers, candidates and feedback."""

from __future__ import annotations

import asyncio
import math
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

from aioice import Candidate, Connection, stun
from aioice.ice import StunProtocol
from aiortc import RTCPeerConnection
from aiortc.rtp import RtcpPacket, pack_remb_fci

from pi_webrtc_streamer.link.rate_control import LEAST_CAPACITY, LinkEstimate
from pi_webrtc_streamer.webrtc.candidates import MOST_CANDIDATES, CandidateError, CandidateFilter
from pi_webrtc_streamer.webrtc.datagrams import DatagramQueue, dropping_malformed
from pi_webrtc_streamer.webrtc.offer import CANDIDATE, OfferError, check_offer, split_sections
from pi_webrtc_streamer.webrtc.sender import StreamSender
from pi_webrtc_streamer.webrtc.shared_port import Share, SharedSocket
from pi_webrtc_streamer.webrtc.trickle import FragmentError, parse_fragment

CEILING = 3_000_000  # bit/s
PASSWORD = "a/password/of/22/chars"


def offer(data: bytes) -> None:
    """Check an offer, and complete an answer to it."""
    text = data.decode("utf-8", "replace")
    with suppress(OfferError):
        checked = check_offer(text, ["h264", "vp8"], CandidateFilter())
        assert checked.text.count("a=candidate:") <= MOST_CANDIDATES * 8
        sections = split_sections(checked.text)
        assert all(lines[0].startswith(("m=audio ", "m=video ")) for lines in sections[1:])
        early = [line for lines in sections[1:-1] for line in lines if line.startswith(CANDIDATE)]
        assert early == [], "aiortc takes the last section's candidates"
        completed = split_sections(checked.complete(checked.text))
        offered = split_sections("\r\n".join(text.splitlines()))
        kinds = [[lines[0].split(" ")[0] for lines in each[1:]] for each in (completed, offered)]
        assert kinds[0] == kinds[1]


def trickle(data: bytes) -> None:
    """Read a fragment and choose among its candidates."""
    with suppress(FragmentError, CandidateError):
        fragment = parse_fragment(data.decode("utf-8", "replace"))
        candidates = CandidateFilter()
        taken = {each.line for each in fragment.candidates if candidates.takes(each.line)}
        assert len({tuple(line.split()[4:6]) for line in taken}) <= MOST_CANDIDATES


def feedback(data: bytes) -> None:
    """Learn from a receiver's RTCP; one sender serves all inputs, as one viewer sends many."""
    try:
        packets = RtcpPacket.parse(data)
    except ValueError:
        return
    loop, sender, handle = _sender()
    for packet in packets:
        loop.run_until_complete(handle(packet))
    now = loop.time()
    for later in (now, now + 60):
        capacity = sender.link.capacity(later)
        assert math.isfinite(capacity)
        assert LEAST_CAPACITY <= capacity <= CEILING
    assert 0 <= sender.link.loss <= 1
    assert sender.link.round_trip >= 0


@cache
def _sender() -> tuple[asyncio.AbstractEventLoop, StreamSender, Any]:
    @contextmanager
    def join(*_: object) -> Any:
        yield None

    async def make() -> tuple[StreamSender, Any]:
        transceiver = RTCPeerConnection().addTransceiver("video", direction="sendonly")
        sender = StreamSender(transceiver, join, LinkEstimate(CEILING))
        transceiver.sender._ssrc = 1  # that reports can name
        return sender, transceiver.sender._handle_rtcp_packet

    loop = asyncio.new_event_loop()
    return loop, *loop.run_until_complete(make())


def datagram(data: bytes) -> None:
    """Take what comes to the port that viewers share, from an address that one of them has."""
    _shared_socket().datagram_received(data, ("192.0.2.7", 5000))


@cache
def _shared_socket() -> SharedSocket:
    class Wire(asyncio.DatagramTransport):
        def sendto(self, *_: object) -> None:
            pass

    async def make() -> SharedSocket:
        socket = SharedSocket()
        socket.connection_made(Wire())
        connection = Connection(False, local_username="ours", local_password=PASSWORD)
        connection.remote_username = "theirs"
        connection._queue = DatagramQueue()
        protocol: Any = StunProtocol(connection)
        protocol.datagram_received = dropping_malformed(protocol.datagram_received)
        share = Share(socket, protocol, connection.local_username)
        protocol.connection_made(share)
        protocol.local_candidate = Candidate.from_sdp("1 1 udp 1 192.0.2.1 8189 typ host")
        socket.claim(share, ("192.0.2.7", 5000))
        return socket

    loop = asyncio.new_event_loop()
    return loop.run_until_complete(make())


def datagrams() -> list[bytes]:
    """Return an ICE check, its answer, and what DTLS and SRTP begin with."""
    check = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    check.attributes["USERNAME"] = "ours:theirs"
    check.attributes["PRIORITY"] = 1
    check.attributes["ICE-CONTROLLING"] = 1
    check.add_message_integrity(PASSWORD.encode())
    answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE)
    answer.attributes["XOR-MAPPED-ADDRESS"] = ("192.0.2.1", 8189)
    answer.add_message_integrity(PASSWORD.encode())
    return [bytes(check), bytes(answer), b"\x16\xfe\xfd" + bytes(60), b"\x80\xc8" + bytes(60)]


def offers() -> list[bytes]:
    """Return aiortc's offers of several kinds."""

    async def make(*kinds: str) -> bytes:
        connection = RTCPeerConnection()
        for kind in kinds:
            if kind == "data":
                connection.createDataChannel("drive")
            else:
                connection.addTransceiver(kind, direction="recvonly")
        await connection.setLocalDescription()
        text: str = connection.localDescription.sdp
        await connection.close()
        # One candidate of the tests' own, instead of this machine's.
        lines = [line for line in text.splitlines() if not line.startswith("a=candidate:")]
        lines += ["a=candidate:1 1 udp 2122260223 192.0.2.7 61764 typ host"]
        return "\r\n".join([*lines, ""]).encode()

    return [
        asyncio.run(make(*kinds))
        for kinds in (
            ["video"],
            ["audio", "video"],
            ["video", "data"],
            ["data", "video"],
            ["video", "audio", "video"],
        )
    ]


def fragments() -> list[bytes]:
    """Return fragments as clients trickle them (RFC 8840)."""
    return [
        b"a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\n"
        b"a=mid:0\r\na=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0"
        b" ufrag EsAw\r\na=end-of-candidates\r\n",
        b"a=candidate:1 1 UDP 1 2001:db8::7 9000 typ srflx raddr 0.0.0.0 rport 0\r\n"
        b"a=candidate:2 1 tcp 1 192.0.2.1 9 typ host tcptype active\r\n",
    ]


def reports() -> list[bytes]:
    """Return what receivers report by RTCP."""
    report = b"".join(
        [
            b"\x81\xc9\x00\x07\0\0\0\2",  # a receiver report with one block
            b"\0\0\0\1\x40\0\0\x10\0\0\1\0\0\0\0\4\x12\x34\x56\x78\0\1\0\0",
        ]
    )
    remb = pack_remb_fci(1_000_000, [1])
    return [
        report,
        b"\x8f\xce" + (2 + len(remb) // 4).to_bytes(2, "big") + b"\0\0\0\2\0\0\0\0" + remb,
        b"\x81\xcd\x00\x03\0\0\0\2\0\0\0\1\x00\x10\xff\xff",  # NACK
        b"\x81\xce\x00\x02\0\0\0\2\0\0\0\1",  # PLI
        b"\x84\xce\x00\x04\0\0\0\2\0\0\0\0\0\0\0\1\7\0\0\0",  # FIR
    ]
