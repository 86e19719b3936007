# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a driver offers, checked before a peer connection is made of it: one data channel."""

from __future__ import annotations

import re

from .candidates import CandidateFilter
from .errors import MalformedOffer, OfferError
from .offer import check_transport, join_sections, parse, part_candidates, read_sections

DATA_CHANNEL = re.compile(r"m=application [1-9]\d{0,4} UDP/DTLS/SCTP webrtc-datachannel\s*")
HIGHEST_PORT = 65_535


def check_control_offer(text: str, candidates: CandidateFilter) -> str:
    """Return what aiortc is to read of an offer (RFC 8841): its candidates are those taken.

    :raises MalformedOffer: if the text is no SDP, too large, or cannot make a connection.
    :raises OfferError: if it is, but offers something else than one data channel.
    """
    session, *media = read_sections(text)
    if len(media) != 1 or DATA_CHANNEL.fullmatch(media[0][0]) is None:
        raise OfferError(
            "a driver offers one data channel and nothing else: one section "
            '"m=application 9 UDP/DTLS/SCTP webrtc-datachannel"'
        )
    taken, left = part_candidates(media[0], candidates)
    # A bundle that the section is not the first of would take aiortc its transport away.
    alone = [line for line in session if not line.startswith("a=group:")]
    checked = join_sections([alone, left + taken])
    (description,) = parse(checked).media
    check_transport(description)
    if not 1 <= (description.sctp_port or 0) <= HIGHEST_PORT:
        raise MalformedOffer("the offer has no SCTP port (a=sctp-port)")
    return checked
