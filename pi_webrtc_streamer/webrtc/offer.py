# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a viewer offers, checked before a peer connection is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiortc.sdp import MediaDescription, SessionDescription

from ..media.codec import Codec
from . import h264_offer
from .candidates import CandidateError, CandidateFilter
from .errors import MalformedOffer, OfferError

# The parser searches its lists again for each line: 10,000 lines would take it seconds. An offer of
# Chromium's for video and audio has 250.
MOST_LINES = 1000
MOST_SECTIONS = 8
# It also goes through all codecs for each line of feedback. Browsers name it for each codec.
MOST_FEEDBACK_FOR_ALL = 16  # lines in a section
LONGEST_CREDENTIAL = 256  # characters (RFC 8839, 5.4); the name goes into every check
HIGHEST_PAYLOAD_TYPE = 127

CANDIDATE, MID, RTPMAP = "a=candidate:", "a=mid:", "a=rtpmap:"
BUNDLE, VIDEO = "a=group:BUNDLE", "m=video "
# The viewer may have more than it named: its own checks show that. aiortc would give up without.
END_OF_CANDIDATES = "a=end-of-candidates"
Section = list[str]  # lines; the first section is the session's, each other begins with m=


@dataclass(frozen=True)
class Offer:
    """An offer that can be negotiated.

    ``text`` has the sections that can be: the first video, and audio and video that are in a bundle
    with it. All of them go over its one transport; its ``mid`` and ICE user name fragment are
    given. ``rejected`` has the lines that answer the others, by their place among the sections: a
    data channel, above all, which would let the viewer fill this machine's memory with messages
    that nobody reads.
    ``renamed`` has the H.264 that is called another one in the text, by its section's place.
    """

    text: str
    mid: str
    ufrag: str
    rejected: Mapping[int, Section]
    renamed: Mapping[int, h264_offer.Format] = field(default_factory=dict)

    def complete(self, answer: str) -> str:
        """Put the rejected sections, and the names that were offered, into an answer."""
        sections = split_sections(answer)
        for place, offered in self.renamed.items():
            sections[place] = h264_offer.with_own_name(sections[place], offered)
        for place, lines in sorted(self.rejected.items()):
            sections.insert(place, lines)
        return join_sections(sections)


def check_offer(text: str, codecs: list[str], candidates: CandidateFilter) -> Offer:
    """Return the offer to answer, having seen that it wants video in a codec that is served.

    :raises MalformedOffer: if the text is no SDP, or too large.
    :raises OfferError: if it is, but offers no video that can be sent.
    """
    kept, rejected = _reject_sections(read_sections(text))
    for section in kept:
        _check_codecs(section)
    kept, renamed = _rename_h264(kept)
    text = join_sections(_for_one_transport(kept, candidates))
    description = parse(text)
    video = _check_video(description, codecs)
    _check_h264(kept, codecs)
    ufrags = [check_transport(media) for media in description.media]
    return Offer(text, video.rtp.muxId, ufrags[0], rejected, renamed)


def read_sections(text: str) -> list[Section]:
    """Return the lines of an offer's sections.

    :raises MalformedOffer: if it is no offer, or too large for aiortc's parser.
    """
    if not text.lstrip().startswith("v="):
        raise MalformedOffer("the body is no SDP offer: it does not begin with v=")
    if text.count("\n") + text.count("\r") > 2 * MOST_LINES:
        raise MalformedOffer(f"the offer has more than {MOST_LINES} lines")
    sections = split_sections(text)
    if len(sections) > 1 + MOST_SECTIONS:
        raise MalformedOffer(f"the offer has more than {MOST_SECTIONS} media sections")
    if sum(map(len, sections)) > MOST_LINES:
        raise MalformedOffer(f"the offer has more than {MOST_LINES} lines")
    return sections


def split_sections(text: str) -> list[Section]:
    """Return the lines of the session and of each media section."""
    sections: list[Section] = [[]]
    for line in text.splitlines():
        if line.startswith("m="):
            sections.append([])
        sections[-1].append(line)
    return sections


def join_sections(sections: list[Section]) -> str:
    """Return the text of sections."""
    return "".join(f"{line}\r\n" for lines in sections for line in lines)


def parse(text: str) -> SessionDescription:
    """Have aiortc read a text.

    :raises MalformedOffer: if it cannot.
    """
    try:
        return SessionDescription.parse(text)
    except Exception as error:  # the parser raises whatever the text makes it stumble over
        raise MalformedOffer(f"the body is no SDP offer: {str(error)[:200]!r}") from error


def _reject_sections(sections: list[Section]) -> tuple[list[Section], dict[int, Section]]:
    """Return the sections that can be negotiated, and the answers to the others by their place.

    The candidates of those that share the video's transport are not theirs alone.
    """
    session, *media = sections
    shared: Section = []
    rejected: dict[int, Section] = {}
    mids = set()
    video = _first_video(media)
    together = set() if video is None else _bundle(session, _mid(video))
    for place, lines in enumerate(media, 1):
        of_its_own = video is not None and lines is not video and _mid(lines) not in together
        if lines[0].startswith(("m=audio ", VIDEO)) and not of_its_own:
            continue
        if video is not None and not of_its_own:
            shared += [line for line in lines if line.startswith(CANDIDATE)]
        kind, _, rest = lines[0].partition(" ")
        _, _, protocol_and_formats = rest.partition(" ")
        rejected[place] = [f"{kind} 0 {protocol_and_formats}", "c=IN IP4 0.0.0.0"]
        for line in lines:
            if line.startswith(MID):
                rejected[place].append(line)
                mids.add(line[len(MID) :].strip())
    kept = [lines for place, lines in enumerate(media, 1) if place not in rejected]
    if kept:
        kept[-1] = kept[-1] + shared
    return [_without_members(session, mids), *kept], rejected


def _for_one_transport(sections: list[Section], candidates: CandidateFilter) -> list[Section]:
    """Gather the candidates in the last section, and put the video first in its bundle.

    Of all sections of a transport, aiortc takes the last one's candidates. It closes the video's
    transport if another is first.
    """
    session, *media = sections
    video = _first_video(media)
    if video is None:
        return sections
    others: Section = []
    result = []
    for lines in media:
        taken, left = part_candidates(lines, candidates)
        others += taken
        result.append(left)
    result[-1] += others
    return [[_with_first(line, _mid(video)) for line in session], *result]


def _mid(section: Section) -> str:
    return next((line[len(MID) :].strip() for line in section if line.startswith(MID)), "")


def _first_video(media: list[Section]) -> Section | None:
    return next((lines for lines in media if lines[0].startswith(VIDEO)), None)


def _bundle(session: Section, mid: str) -> set[str]:
    """Return the mids of all that is to share a transport with a section (RFC 9143)."""
    groups = [set(line.split()[1:]) for line in session if line.startswith(BUNDLE)]
    return next((group for group in groups if mid in group), set())


def part_candidates(lines: Section, candidates: CandidateFilter) -> tuple[Section, Section]:
    """Return the lines of candidates that are taken, and those that are no candidates.

    :raises MalformedOffer: if a line is none that should be.
    """
    try:
        taken = [
            line for line in lines if line.startswith(CANDIDATE) and candidates.takes(line[2:])
        ]
    except CandidateError as error:
        raise MalformedOffer(str(error)) from error
    return taken, [line for line in lines if not line.startswith((CANDIDATE, END_OF_CANDIDATES))]


def _without_members(session: Section, mids: set[str]) -> Section:
    return [
        " ".join(word for word in line.split() if word not in mids)
        if line.startswith("a=group:")
        else line
        for line in session
    ]


def _with_first(line: str, mid: str) -> str:
    """Put a member of a group first."""
    semantics, *members = line.split() or [""]
    if not line.startswith("a=group:") or mid not in members:
        return line
    return " ".join([semantics, mid, *(member for member in members if member != mid)])


def _check_codecs(section: Section) -> None:
    """See that a payload type is one codec, and few lines of feedback are for all of them."""
    types = [line[len(RTPMAP) :].partition(" ")[0] for line in section if line.startswith(RTPMAP)]
    try:
        known = {int(number) for number in types}
    except ValueError as error:
        raise MalformedOffer("the offer has a payload type that is no number") from error
    if len(known) < len(types) or len(known) > HIGHEST_PAYLOAD_TYPE + 1:
        raise MalformedOffer("the offer has a payload type twice, or too many")
    if sum(line.startswith("a=rtcp-fb:*") for line in section) > MOST_FEEDBACK_FOR_ALL:
        raise MalformedOffer(f"the offer has more than {MOST_FEEDBACK_FOR_ALL} lines a=rtcp-fb:*")


def _rename_h264(sections: list[Section]) -> tuple[list[Section], dict[int, h264_offer.Format]]:
    """Call H.264 that can be served what aiortc knows; returns what was renamed by its place."""
    result, renamed = [], {}
    for place, section in enumerate(sections):
        lines, offered = h264_offer.renamed(section)
        result.append(lines)
        if offered is not None:
            renamed[place] = offered
    return result, renamed


def _check_h264(sections: list[Section], codecs: list[str]) -> None:
    """See that H.264 can be served, if nothing else can."""
    offered = {
        line.partition(" ")[2].partition("/")[0].lower()
        for section in sections
        for line in section
        if line.startswith(RTPMAP)
    }
    why = h264_offer.why_none(sections)
    if why and not offered & (set(codecs) - {Codec.H264.value}):
        raise OfferError(why)


def _check_video(description: SessionDescription, codecs: list[str]) -> MediaDescription:
    """Return the first video, having seen that it, or another, can be sent."""
    videos = [media for media in description.media if media.kind == "video"]
    if not videos:
        raise OfferError("the offer has no video; offer one video that is recvonly")
    if all(media.direction in ("sendonly", "inactive") for media in videos):
        raise OfferError(
            f"the offer's video is {videos[0].direction}; a viewer offers video that is recvonly"
        )
    offered = {codec.name.upper() for media in videos for codec in media.rtp.codecs}
    served = [Codec(codec).name for codec in codecs]
    if not offered & set(served):
        raise OfferError(
            f"no codec in common: the offer has {', '.join(sorted(offered)) or 'none'}, "
            f"served are {', '.join(served)}"
        )
    return videos[0]


def check_transport(media: MediaDescription) -> str:
    """Return a section's ICE user name fragment, having seen that a connection can be made.

    :raises MalformedOffer: if none can.
    """
    ice = media.ice
    if ice is None or not ice.usernameFragment or not ice.password:
        raise MalformedOffer("the offer has no ICE user name fragment and password")
    if max(len(ice.usernameFragment), len(ice.password)) > LONGEST_CREDENTIAL:
        raise MalformedOffer("the offer's ICE user name fragment or password is too long")
    if media.dtls is None or not media.dtls.fingerprints:
        raise MalformedOffer("the offer has no DTLS fingerprint")
    types = [codec.payloadType or 0 for codec in media.rtp.codecs]
    if not all(0 <= number <= HIGHEST_PAYLOAD_TYPE for number in types):
        raise MalformedOffer(f"the offer has payload types that are none: {types[:10]}")
    return ice.usernameFragment
