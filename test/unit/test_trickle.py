"""SDP fragments and offers, from friendly and hostile clients."""

import contextlib

import pytest
from aiortc import RTCPeerConnection
from aiortc.sdp import candidate_from_sdp
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.webrtc.offer import MalformedOffer, OfferError, check_offer
from pi_webrtc_streamer.webrtc.trickle import FragmentError, parse_fragment

FRAGMENT = (
    "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n"
    "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw\r\n"
    "m=video 9 RTP/AVP 0\r\na=mid:1\r\n"
    "a=candidate:3471623853 1 udp 2122194687 198.51.100.1 61765 typ host generation 0\r\n"
    "a=end-of-candidates\r\n"
)


def test_a_fragment_as_in_rfc_8840():
    fragment = parse_fragment(FRAGMENT)
    assert fragment.ufrag == "EsAw"
    assert [(c.mid, c.index) for c in fragment.candidates] == [("0", 0), ("1", 1)]
    parsed = candidate_from_sdp(fragment.candidates[1].line.partition(":")[2])
    assert (parsed.ip, parsed.port) == ("198.51.100.1", 61765)
    assert fragment.complete


@given(st.text(max_size=200))
def test_any_text_gives_a_fragment_or_an_error(text):
    with contextlib.suppress(FragmentError):
        parse_fragment(text)


def test_too_many_candidates_are_refused():
    with pytest.raises(FragmentError, match="1000 candidates"):
        parse_fragment("a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n" * 1000)


async def make_offer(kind="video", direction="recvonly") -> str:
    connection = RTCPeerConnection()
    try:
        connection.addTransceiver(kind, direction=direction)
        await connection.setLocalDescription()
        return connection.localDescription.sdp
    finally:
        await connection.close()


async def test_a_good_offer_loses_only_its_hidden_candidates():
    offer = await make_offer()
    hidden = "a=candidate:1 1 udp 1 0a1b2c3d.local 9 typ host\r\n"
    assert check_offer(offer + hidden, ["h264"]) == offer


async def test_what_cannot_be_answered_is_named():
    with pytest.raises(MalformedOffer, match="does not begin with v="):
        check_offer("hello", ["h264"])
    with pytest.raises(OfferError, match="has no video"):
        check_offer(await make_offer("audio"), ["h264"])
    with pytest.raises(OfferError, match="is sendonly"):
        check_offer(await make_offer(direction="sendonly"), ["h264"])
    offer = await make_offer()
    with pytest.raises(OfferError, match=r"the offer has AV1, RTX, served are H264, VP8"):
        check_offer(offer.replace("VP8/", "AV1/").replace("H264/", "AV1/"), ["h264", "vp8"])
    with pytest.raises(MalformedOffer, match="ICE user name"):
        check_offer(offer.replace("a=ice-ufrag", "a=x-ufrag"), ["h264"])
    with pytest.raises(MalformedOffer, match="fingerprint"):
        check_offer(offer.replace("a=fingerprint", "a=x"), ["h264"])


@given(st.text(max_size=300))
def test_any_text_is_answered_with_an_offer_error(text):
    with pytest.raises(OfferError):
        check_offer("v=0\r\n" + text, ["h264", "vp8"])
