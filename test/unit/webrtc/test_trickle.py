# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""SDP fragments, from friendly and hostile clients."""

import contextlib

import pytest
from aiortc.sdp import candidate_from_sdp
from hypothesis import given
from hypothesis import strategies as st

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
