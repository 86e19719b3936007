# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""RTP packets as aiortc reads them."""

from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensionsMap, RtpPacket, unwrap_rtx
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.link.rtp import HISTORY_SIZE, Extensions, RtpWriter
from pi_webrtc_streamer.media.codec import AccessUnit
from pi_webrtc_streamer.media.stages import StageTimes

MID, ABS_SEND_TIME, PLAYOUT_DELAY = 4, 3, 6
PLAIN = Extensions()


def make_writer(extensions: Extensions = PLAIN, sequence: int = 0, rtx: bool = True):
    return RtpWriter(
        ssrc=1234,
        payload_type=102,
        mid="0",
        extensions=extensions,
        sequence=sequence,
        rtx=(103, 5678) if rtx else None,
        rtx_sequence=65535,
    )


def make_unit(*payloads: bytes, timestamp: int = 0, keyframe: bool = False) -> AccessUnit:
    return AccessUnit(payloads, timestamp, keyframe, sum(map(len, payloads)), StageTimes(0))


def read(packet: bytes) -> RtpPacket:
    extensions = HeaderExtensionsMap()
    extensions.configure(
        RTCRtpParameters(
            headerExtensions=[
                RTCRtpHeaderExtensionParameters(
                    id=ABS_SEND_TIME,
                    uri="http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
                ),
                RTCRtpHeaderExtensionParameters(id=MID, uri="urn:ietf:params:rtp-hdrext:sdes:mid"),
            ]
        )
    )
    return RtpPacket.parse(packet, extensions)


@given(
    st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=8),
    st.integers(0, 65535),
    st.integers(0, 2**32 - 1),
    st.sampled_from([None, MID]),
    st.sampled_from([None, ABS_SEND_TIME]),
    st.sampled_from([None, PLAYOUT_DELAY]),
)
def test_packets_carry_the_unit(payloads, sequence, timestamp, mid, abs_send_time, playout_delay):
    writer = make_writer(Extensions(mid, abs_send_time, playout_delay), sequence)

    packets = [
        read(packet)
        for packet in writer.packets(make_unit(*payloads, timestamp=timestamp), 1_000_000.5)
    ]

    assert [packet.payload for packet in packets] == payloads
    assert [packet.marker for packet in packets] == [0] * (len(payloads) - 1) + [1]
    for number, packet in enumerate(packets):
        assert packet.sequence_number == (sequence + number) % 65536
        assert (packet.timestamp, packet.ssrc, packet.payload_type) == (timestamp, 1234, 102)
        assert packet.extensions.mid == (None if mid is None else "0")
        expected = None if abs_send_time is None else int(1_000_000.5 % 64 * 2**18)
        assert packet.extensions.abs_send_time == expected
    assert writer.packets_sent == len(payloads)
    assert writer.octets_sent == sum(map(len, payloads))


def test_playout_delay_asks_for_no_delay():
    (packet,) = make_writer(Extensions(playout_delay=PLAYOUT_DELAY)).packets(make_unit(b"x"), 0)
    # one-byte header (RFC 8285): the profile, one word, id and length - 1, min and max of 12 bits
    assert packet[12:20] == b"\xbe\xde\0\1" + bytes([PLAYOUT_DELAY << 4 | 2, 0, 0, 0])


def test_a_receiver_without_extensions_gets_plain_packets():
    (packet,) = make_writer().packets(make_unit(b"x"), 0)
    assert packet[0] == 0x80
    assert packet[12:] == b"x"


@given(st.integers(0, 65535), st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=50))
def test_what_was_lost_is_sent_again(sequence, payloads):
    writer = make_writer(sequence=sequence)
    sent = [read(packet) for packet in writer.packets(make_unit(*payloads, timestamp=7), 0)]

    for original in sent:
        again = writer.retransmission(original.sequence_number, 1)
        assert again is not None
        rtx = read(again)
        assert (rtx.payload_type, rtx.ssrc) == (103, 5678)
        unwrapped = unwrap_rtx(rtx, payload_type=102, ssrc=1234)
        assert (unwrapped.sequence_number, unwrapped.payload, unwrapped.marker) == (
            original.sequence_number,
            original.payload,
            original.marker,
        )


@given(st.integers(0, 65535), st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=50))
def test_a_unit_can_be_sent_twice(sequence, payloads):
    writer = make_writer(sequence=sequence)
    unit = make_unit(*payloads, timestamp=7)
    sent = [read(packet) for packet in writer.packets(unit, 0)]
    again = [
        unwrap_rtx(read(packet), payload_type=102, ssrc=1234)
        for packet in writer.repetitions(unit, 0)
    ]
    for attribute in ("sequence_number", "payload", "marker", "timestamp"):
        assert [getattr(packet, attribute) for packet in again] == [
            getattr(packet, attribute) for packet in sent
        ]


def test_without_rtx_nothing_is_sent_twice():
    writer = make_writer(rtx=False)
    unit = make_unit(b"x")
    writer.packets(unit, 0)
    assert writer.repetitions(unit, 0) == []


def test_retransmissions_are_numbered_on_their_own():
    writer = make_writer()
    list(writer.packets(make_unit(b"x", b"y"), 0))
    numbers = [read(writer.retransmission(0, 0) or b"").sequence_number for _ in range(3)]
    assert numbers == [65535, 0, 1]


def test_without_rtx_the_packet_itself_is_repeated():
    writer = make_writer(rtx=False)
    (packet,) = writer.packets(make_unit(b"x"), 0)
    assert writer.retransmission(0, 0) == packet


def test_what_is_forgotten_is_not_sent_again():
    writer = make_writer()
    for _ in range(HISTORY_SIZE + 1):
        writer.packets(make_unit(b"x"), 0)
    assert writer.retransmission(0, 0) is None
    assert writer.retransmission(1, 0) is not None
    assert writer.retransmission(HISTORY_SIZE, 0) is not None
    assert writer.retransmission(HISTORY_SIZE + 1, 0) is None, "not sent yet"


def test_a_large_key_frame_is_remembered_whole():
    writer = make_writer()
    writer.packets(make_unit(*[b"x"] * (2 * HISTORY_SIZE)), 0)
    assert all(writer.retransmission(number, 0) for number in range(2 * HISTORY_SIZE))
    writer.packets(make_unit(b"y"), 0)
    assert writer.retransmission(0, 0) is not None
    for _ in range(HISTORY_SIZE):
        writer.packets(make_unit(b"y"), 0)
    assert writer.retransmission(0, 0) is None


def test_what_came_before_a_key_frame_is_forgotten():
    writer = make_writer()
    writer.packets(make_unit(b"x"), 0)
    writer.packets(make_unit(b"y", keyframe=True), 0)
    assert writer.retransmission(0, 0) is None
    assert writer.retransmission(1, 0) is not None


@given(
    st.text(max_size=40),
    st.one_of(st.none(), st.integers(-(2**40), 2**40)),
    st.one_of(st.none(), st.integers(0, 20)),
    st.one_of(st.none(), st.integers(0, 300)),
)
def test_extensions_that_cannot_be_written_are_left_out(mid, mid_id, time_id, delay_id):
    """An offer may give any number and any mid; the picture goes out all the same."""
    writer = RtpWriter(
        ssrc=1234,
        payload_type=102,
        mid=mid,
        extensions=Extensions(mid_id, time_id, delay_id),
        sequence=0,
    )
    (packet,) = writer.packets(make_unit(b"payload"), 12.5)
    assert RtpPacket.parse(packet, HeaderExtensionsMap()).payload == b"payload"
    if mid_id in range(1, 15) and 1 <= len(mid.encode()) <= 16:
        assert mid.encode() in packet


@given(
    st.integers(0, 20_000),
    st.sampled_from([None, MID]),
    st.sampled_from([None, ABS_SEND_TIME]),
)
def test_padding_is_shown_by_nobody_and_uses_up_no_number_of_the_stream(octets, mid, abs_send_time):
    writer = make_writer(Extensions(mid, abs_send_time), sequence=7)
    assert writer.can_pad
    raw = writer.padding(octets, 99, 1.0)
    assert octets <= sum(map(len, raw)) < octets + 300
    for number, packet in enumerate(map(read, raw)):
        assert packet.payload == b""
        assert packet.padding_size == 255
        assert (packet.ssrc, packet.payload_type, packet.timestamp) == (5678, 103, 99)
        assert packet.sequence_number == (65535 + number) % 65536
        assert packet.extensions.mid == (None if mid is None else "0")
    (packet,) = writer.packets(make_unit(b"x"), 1.0)
    assert read(packet).sequence_number == 7
    assert writer.packets_sent == 1


def test_without_retransmission_there_is_no_padding():
    writer = make_writer(rtx=False)
    assert not writer.can_pad
    assert writer.padding(1000, 0, 0.0) == []
