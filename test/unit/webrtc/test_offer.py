# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Offers, from friendly and hostile clients: what is answered, and what is left out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pi_webrtc_streamer.webrtc.candidates import MOST_CANDIDATES, CandidateFilter
from pi_webrtc_streamer.webrtc.errors import MalformedOffer, OfferError
from pi_webrtc_streamer.webrtc.offer import (
    LONGEST_CREDENTIAL,
    MOST_LINES,
    MOST_SECTIONS,
    Offer,
    check_offer,
    split_sections,
)
from support.whep import make_offer

# What an offer of Chromium's is made of, for the tests that need no connection.
SESSION = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
TRANSPORT = (
    "c=IN IP4 0.0.0.0\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
    "a=fingerprint:sha-256 D2:FA:0E:C3:22:59\r\na=setup:actpass\r\na=rtcp-mux\r\n"
)
VIDEO = (
    f"m=video 9 UDP/TLS/RTP/SAVPF 96\r\n{TRANSPORT}a=mid:0\r\na=recvonly\r\n"
    "a=rtpmap:96 VP8/90000\r\n"
)
OFFER = SESSION + VIDEO
DATA = (
    f"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n{TRANSPORT}"
    "a=mid:d\r\na=sctp-port:5000\r\n"
)


def checked(text: str, *codecs: str) -> Offer:
    return check_offer(text, list(codecs or ("h264", "vp8")), CandidateFilter())


async def test_a_good_offer_loses_only_its_hidden_candidates():
    offer = await make_offer()
    hidden = "a=candidate:1 1 udp 1 0a1b2c3d.local 9000 typ host\r\n"
    kept = sorted(checked(offer + hidden).text.splitlines())
    # What follows by its checks is welcome, too; to aiortc, the end would be the end of all.
    offered = [line for line in offer.splitlines() if line != "a=end-of-candidates"]
    assert kept == sorted(offered), "but for their order"
    assert checked(OFFER).text == OFFER
    assert (checked(OFFER).mid, checked(OFFER).ufrag) == ("0", "EsAw")


async def test_what_cannot_be_answered_is_named():
    with pytest.raises(MalformedOffer, match="does not begin with v="):
        checked("hello")
    with pytest.raises(OfferError, match="has no video"):
        checked(await make_offer("audio"))
    with pytest.raises(OfferError, match="is sendonly"):
        checked(await make_offer(direction="sendonly"))
    offer = await make_offer()
    with pytest.raises(OfferError, match=r"the offer has AV1, RTX, served are H264, VP8"):
        checked(offer.replace("VP8/", "AV1/").replace("H264/", "AV1/"))
    with pytest.raises(MalformedOffer, match="ICE user name"):
        checked(offer.replace("a=ice-ufrag", "a=x-ufrag"))
    with pytest.raises(MalformedOffer, match="fingerprint"):
        checked(offer.replace("a=fingerprint", "a=x"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (OFFER + "a=x\r\n" * MOST_LINES, "lines"),
        (OFFER + "\n" * 5 * MOST_LINES, "lines"),
        (OFFER + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n" * MOST_SECTIONS, "media sections"),
        (OFFER.replace("EsAw", "x" * (LONGEST_CREDENTIAL + 1)), "too long"),
        (OFFER.replace("P2uYro0", "x" * 60_000), "too long"),
        (OFFER.replace("rtpmap:96", "rtpmap:300"), "payload types"),
        (OFFER.replace("rtpmap:96", "rtpmap:-1"), "payload types"),
        (OFFER + "a=candidate:rubbish\r\n", "is no candidate"),
    ],
)
def test_an_offer_beyond_all_measure_is_refused(text, why):
    with pytest.raises(MalformedOffer, match=why):
        checked(text)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("a=rtpmap:96 H264/90000\r\n", "a payload type twice"),
        ("a=rtpmap:097 VP8/90000\r\na=rtpmap:97 VP8/90000\r\n", "a payload type twice"),
        ("a=rtpmap:x VP8/90000\r\n", "no number"),
        ("".join(f"a=rtpmap:{each} VP8/90000\r\n" for each in range(1000, 1200)), "too many"),
        ("a=rtcp-fb:* nack\r\n" * 17, "more than 16 lines a=rtcp-fb"),
    ],
    ids=["twice", "twice in disguise", "no number", "too many", "feedback for all"],
)
def test_an_offer_for_which_the_parser_would_go_round_in_circles_is_refused(lines, why):
    with pytest.raises(MalformedOffer, match=why):
        checked(OFFER + lines)


def test_a_thousand_candidates_are_not_all_checked():
    lines = [
        f"a=candidate:{i} 1 udp 1 198.51.100.{i % 250 + 1} {2000 + i} typ host" for i in range(900)
    ]
    assert checked(OFFER + "\r\n".join(lines)).text.count("a=candidate:") == MOST_CANDIDATES


def test_all_goes_over_the_transport_of_the_first_video():
    candidate = "a=candidate:1 1 udp 2122260223 192.0.2.7 61764 typ host\r\n"
    audio = VIDEO.replace("video", "audio").replace("mid:0", "mid:a") + candidate
    offer = checked(SESSION.replace("BUNDLE 0", "BUNDLE a 0") + audio + VIDEO)
    session, first, second = split_sections(offer.text)
    assert "a=group:BUNDLE 0 a" in session
    assert candidate.strip() not in first
    assert candidate.strip() in second


@pytest.mark.parametrize("place", [1, 2])
def test_a_data_channel_is_rejected_in_its_place(place):
    media = [VIDEO]
    media.insert(place - 1, DATA)
    offer = checked("".join([SESSION.replace("BUNDLE 0", "BUNDLE d 0"), *media]))
    assert offer.text == OFFER, "nothing of it is left"
    completed = split_sections(offer.complete("v=0\r\n" + VIDEO))
    assert completed[place][:3] == [
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        "a=mid:d",
    ]
    assert completed[3 - place] == VIDEO.splitlines()


@given(st.text(max_size=300))
def test_any_text_is_answered_with_an_offer_error(text):
    with pytest.raises(OfferError):
        checked("v=0\r\n" + text)


edits = st.lists(
    st.tuples(st.integers(0, len(OFFER)), st.integers(0, 30), st.text(max_size=20)), max_size=6
)


@settings(max_examples=300)
@given(edits)
def test_an_offer_with_errors_is_taken_or_refused(edits):
    text = OFFER
    for place, length, replacement in edits:
        text = text[:place] + replacement + text[place + length :]
    try:
        offer = checked(text)
    except OfferError:
        return
    assert offer.ufrag
    assert "m=application" not in offer.text
    completed = split_sections(offer.complete(offer.text))
    assert len(completed) == len(split_sections(text))


@given(st.lists(st.sampled_from([VIDEO, DATA, "m=text 9 RTP/AVP 1\r\na=mid:t\r\n"]), max_size=8))
def test_every_section_is_answered_in_its_place(media):
    try:
        offer = checked(SESSION + "".join(media))
    except OfferError:
        assert VIDEO not in media
        return
    kinds = [lines[0].split()[0] for lines in split_sections(offer.complete(offer.text))[1:]]
    assert kinds == [section.split()[0] for section in media]


AUDIO = VIDEO.replace("m=video", "m=audio").replace("VP8/90000", "opus/48000/2")
KINDS = {"audio": AUDIO, "video": VIDEO, "data": DATA}
ENDED = ("a=end-of-candidates\r\n", "")


@st.composite
def offers(draw):
    """Draw offers of any sections in any order, bundled or not, and where their candidates are."""
    kinds = draw(st.lists(st.sampled_from(["audio", "video", "data"]), min_size=1, max_size=6))
    bundled = draw(st.sets(st.sampled_from(range(len(kinds)))))
    sections, candidates = [], set()
    for number, kind in enumerate(kinds):
        section = (
            KINDS[kind].replace("a=mid:0", f"a=mid:{number}").replace("mid:d", f"mid:{number}")
        )
        for _ in range(draw(st.integers(0, 2))):
            port = 2000 + len(candidates)
            candidates.add(line := f"a=candidate:1 1 udp 1 192.0.2.7 {port} typ host")
            section += f"{line}\r\n"
        section += draw(st.sampled_from(["a=candidate:1 1 udp 1 a.local 9 typ host\r\n", ""]))
        sections.append(section + draw(st.sampled_from(ENDED)))
    group = " ".join(str(number) for number in sorted(bundled))
    session = SESSION.replace("a=group:BUNDLE 0", f"a=group:BUNDLE {group}".rstrip())
    return kinds, bundled, session + "".join(sections), candidates


def named(kind):
    """Return what a section of this kind begins with."""
    return KINDS[kind].split()[0]


@given(offers())
def test_whatever_sections_are_offered_the_video_keeps_what_leads_to_it(drawn):
    kinds, bundled, text, candidates = drawn
    if "video" not in kinds:
        with pytest.raises(OfferError):
            checked(text)
        return
    offer = checked(text)
    video = kinds.index("video")
    transport = {video} | (bundled if video in bundled else set())
    together = {number for number in transport if kinds[number] != "data"}
    _session, *kept = split_sections(offer.text)
    assert [lines[0].split()[0] for lines in kept] == [named(kinds[n]) for n in sorted(together)]
    assert offer.mid == str(video)
    assert "a=end-of-candidates" not in offer.text
    taken = {line for line in kept[-1] if line.startswith("a=candidate:")}
    offered = split_sections(text)[1:]
    theirs = {line for number in transport for line in offered[number] if line in candidates}
    assert taken == theirs, (
        "in the last section, whose candidates aiortc takes; a data channel's, too"
    )
    completed = split_sections(offer.complete(offer.text))[1:]
    assert [lines[0].split()[0] for lines in completed] == [named(kind) for kind in kinds]
    for number, lines in enumerate(completed):
        assert (lines[0].split()[1] == "0") is (number not in together)
