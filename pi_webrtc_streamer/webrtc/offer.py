"""What a viewer offers, checked before a peer connection is made of it."""

from __future__ import annotations

from aiortc.sdp import SessionDescription

from ..media.codec import Codec
from .errors import MalformedOffer, OfferError


def check_offer(text: str, codecs: list[str]) -> str:
    """Return the offer to answer, having seen that it wants video in a codec that is served.

    Candidates that hide behind a multicast DNS name are left out: looking the name up takes
    seconds, and the viewer's first check shows its address anyhow.

    :raises MalformedOffer: if the text is no SDP.
    :raises OfferError: if it is, but offers no video that can be sent.
    """
    if not text.lstrip().startswith("v="):
        raise MalformedOffer("the body is no SDP offer: it does not begin with v=")
    lines = [line for line in text.splitlines() if not _is_hidden_candidate(line)]
    text = "\r\n".join(lines) + "\r\n"
    try:
        description = SessionDescription.parse(text)
    except Exception as error:  # the parser raises whatever the text makes it stumble over
        raise MalformedOffer(f"the body is no SDP offer: {error!r}") from error
    _check_video(description, codecs)
    return text


def _check_video(description: SessionDescription, codecs: list[str]) -> None:
    videos = [media for media in description.media if media.kind == "video"]
    if not videos:
        raise OfferError("the offer has no video; offer one video that is recvonly")
    if all(media.direction in ("sendonly", "inactive") for media in videos):
        raise OfferError(
            f"the offer's video is {videos[0].direction}; a viewer offers video that is recvonly"
        )
    for media in description.media:
        if media.ice is None or not media.ice.usernameFragment or not media.ice.password:
            raise MalformedOffer("the offer has no ICE user name fragment and password")
        if media.dtls is None or not media.dtls.fingerprints:
            raise MalformedOffer("the offer has no DTLS fingerprint")
    offered = {codec.name.upper() for media in videos for codec in media.rtp.codecs}
    served = [Codec(codec).name for codec in codecs]
    if not offered & set(served):
        raise OfferError(
            f"no codec in common: the offer has {', '.join(sorted(offered)) or 'none'}, "
            f"served are {', '.join(served)}"
        )


def _is_hidden_candidate(line: str) -> bool:
    return line.startswith("a=candidate:") and is_hidden(line.split())


def is_hidden(candidate: list[str]) -> bool:
    """Whether a candidate's words give a multicast DNS name for an address."""
    return len(candidate) > 4 and candidate[4].endswith(".local")
