# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The predecessor's dialects, from friendly and hostile clients."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.predecessor.settings import parse_document
from pi_webrtc_streamer.predecessor.web.dialects import (
    GO,
    RUST,
    dialect_of_message,
    dialect_of_path,
)
from pi_webrtc_streamer.predecessor.web.messages import (
    LONGEST_CANDIDATE,
    Ignored,
    Malformed,
    Offer,
    Ping,
    Refused,
    candidates_of,
)
from pi_webrtc_streamer.predecessor.web.session import LONGEST_REASON, _reason
from pi_webrtc_streamer.webrtc.trickle import Candidate, Fragment

LINE = "candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host"
EVENTS = (Offer, Fragment, Ping, Ignored, Refused, Malformed)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["sdp", "type", "data", "candidate", "sdpMid", "sdpMLineIndex"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


def offer(sdp: object) -> list[str]:
    """Write an offer in both dialects."""
    description = {"type": "offer", "sdp": sdp}
    return [json.dumps({"offer": description}), json.dumps({"type": "offer", "data": description})]


def candidate(init: object) -> list[str]:
    return [
        json.dumps({"iceCandidate": init}),
        json.dumps({"type": "ice-candidate", "data": init}),
    ]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_an_offer_arrives_as_it_was_sent(sdp):
    rust, go = offer(sdp)
    assert RUST.read(rust) == GO.read(go) == Offer(sdp)
    assert dialect_of_message(rust) is RUST
    assert dialect_of_message(go) is GO


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1).map(str.strip).filter(bool),
    st.none() | st.text(st.characters(exclude_categories=["Cs"])),
    st.none() | st.integers(),
    st.none() | st.text(st.characters(exclude_categories=["Cs"])),
)
def test_a_candidate_arrives_as_it_was_sent(line, mid, index, ufrag):
    line = f"candidate:{line}"
    init = {"candidate": line, "sdpMid": mid, "sdpMLineIndex": index, "usernameFragment": ufrag}
    expected = Fragment(ufrag or None, [Candidate(line, mid, index)])
    rust, go = candidate(init)
    assert RUST.read(rust) == GO.read(go) == expected


@pytest.mark.parametrize("init", [None, {"candidate": ""}, {"candidate": "  "}])
def test_the_last_candidate_says_nothing(init):
    rust, go = candidate(init)
    assert RUST.read(rust) == GO.read(go) == Ignored()


LONG = "candidate:" + "x" * LONGEST_CANDIDATE
NO_CANDIDATES = [{}, 7, [], {"candidate": 7}, {"candidate": "\ud800"}, {"candidate": LONG}]


@pytest.mark.parametrize("init", [*NO_CANDIDATES, {"candidate": LINE, "sdpMid": LONG}])
def test_what_is_no_candidate_is_refused(init):
    for dialect, text in zip((RUST, GO), candidate(init), strict=True):
        assert isinstance(dialect.read(text), Refused)


@pytest.mark.parametrize("sdp", [None, 7, {}, "\ud800"])
def test_what_is_no_offer_is_refused(sdp):
    for dialect, text in zip((RUST, GO), offer(sdp), strict=True):
        assert isinstance(dialect.read(text), Refused)


BAD_JSON = ["", "{", "[]", "null", "7", "[" * 100_000, "9" * 5000, '{"type":']


@pytest.mark.parametrize("text", BAD_JSON)
def test_bad_json(text):
    assert RUST.read(text) == Ignored()
    assert isinstance(GO.read(text), Malformed)
    assert dialect_of_message(text) is None


@given(st.text() | json_values.map(json.dumps))
def test_any_text_gives_an_event(text):
    for dialect in (RUST, GO):
        assert isinstance(dialect.read(text), EVENTS)
    assert dialect_of_message(text) in (RUST, GO, None)


def test_before_the_first_message_the_path_tells():
    assert dialect_of_path("/ws") is GO
    for path in ("/", "", "/ws/", "/camera"):
        assert dialect_of_path(path) is RUST
    assert GO.read('{"type":"ping"}') == Ping()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_written(text):
    assert json.loads(RUST.answer(text)) == {"answer": {"type": "answer", "sdp": text}}
    assert json.loads(GO.answer(text)) == {
        "type": "answer",
        "data": {"type": "answer", "sdp": text},
    }
    assert json.loads(RUST.candidate(text, 1)) == {
        "iceCandidate": {"candidate": text, "sdpMLineIndex": 1}
    }
    assert json.loads(GO.candidate(text, 1)) == {
        "type": "ice-candidate",
        "data": {
            "candidate": text,
            "sdpMid": "",
            "sdpMLineIndex": 1,
            "usernameFragment": None,
        },
    }
    assert json.loads(RUST.error(text)) == {"error": text}
    assert json.loads(GO.error(text)) == {
        "type": "error",
        "data": {"message": f"Error handling message: {text}"},
    }
    assert json.loads(GO.pong()) == {"type": "pong"}


def test_the_candidates_of_an_answer():
    answer = f"v=0\r\nm=audio 9\r\na=mid:0\r\nm=video 9\r\na={LINE}\r\na=end-of-candidates\r\n"
    assert candidates_of(answer) == [(LINE, 1)]
    assert candidates_of("v=0\r\n") == []


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_reason_fits_into_a_close_frame(text):
    reason = _reason(text)
    assert len(reason) <= LONGEST_REASON
    assert text.startswith(reason.decode())
    assert len(text.encode()) - len(reason) < 4 or len(reason) > LONGEST_REASON - 4


def test_the_document():
    assert parse_document("") == {}
    assert parse_document('{"server": {"web_port": 1}}') == {"server": {"web_port": 1}}
    with pytest.raises(ValueError, match="no JSON object"):
        parse_document("[]")
