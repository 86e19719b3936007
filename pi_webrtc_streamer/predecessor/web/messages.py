# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is said over a signalling socket, in whichever dialect; no I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from ...webrtc.trickle import Candidate, Fragment

# Characters; they are kept until the offer comes. Browsers' have 150.
LONGEST_CANDIDATE = 1024
UFRAG = "usernameFragment"


@dataclass(frozen=True)
class Offer:
    """The client wants to watch."""

    sdp: str


@dataclass(frozen=True)
class Ping:
    """The client wants to know whether somebody is there."""


@dataclass(frozen=True)
class Ignored:
    """Nothing to be done, and nothing to be said."""


@dataclass(frozen=True)
class Refused:
    """A message that is of no use; the client is told why, and may go on."""

    why: str


@dataclass(frozen=True)
class Malformed:
    """A message after which the socket is closed."""

    why: str


# A Fragment is a candidate that trickles in.
Event: TypeAlias = Offer | Fragment | Ping | Ignored | Refused | Malformed


class Dialect(Protocol):
    """How one of the predecessors speaks: messages are texts of JSON."""

    def read(self, text: str) -> Event:
        """Return what a client's message says; raises nothing."""

    def answer(self, sdp: str) -> str:
        """Write an answer to an offer."""

    def candidate(self, line: str, index: int) -> str:
        """Write a candidate (``candidate:...``) of the media section with this index."""

    def error(self, text: str) -> str:
        """Write what is wrong."""

    def pong(self) -> str:
        """Write the answer to a ping."""


class NoObject(ValueError):
    """A message is no JSON object."""


def read_object(text: str) -> dict[str, Any]:
    """Return the JSON object that a message is.

    :raises NoObject: if it is none.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NoObject(f"the message is no JSON: {str(error)[:80]}") from error
    if not isinstance(content, dict):
        raise NoObject("the message is no JSON object")
    return content


def text_of(value: object) -> str | None:
    """Return a value that is text and can be sent again; JSON can have half characters in it."""
    if not isinstance(value, str):
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value


def read_offer(value: object, where: str) -> Offer | Refused:
    """Return the offer that an RTCSessionDescriptionInit has."""
    sdp = text_of(value.get("sdp")) if isinstance(value, Mapping) else None
    if sdp is None:
        return Refused(f"{where} has no text sdp")
    return Offer(sdp)


def read_candidate(value: object, where: str) -> Fragment | Ignored | Refused:
    """Return the candidate that an RTCIceCandidateInit has; an empty one says that all came."""
    if value is None:
        return Ignored()
    texts = value if isinstance(value, Mapping) else {}
    line, mid, ufrag = (text_of(texts.get(key)) for key in ("candidate", "sdpMid", UFRAG))
    if line is None:
        return Refused(f"{where} has no text candidate")
    if max(len(text or "") for text in (line, mid, ufrag)) > LONGEST_CANDIDATE:
        return Refused(f"{where} has a text of more than {LONGEST_CANDIDATE} characters")
    line = line.strip().removeprefix("a=")
    if not line:
        return Ignored()
    index = texts.get("sdpMLineIndex")
    candidate = Candidate(line, mid, index if type(index) is int else None)
    return Fragment(ufrag or None, [candidate])


def candidates_of(answer: str) -> list[tuple[str, int]]:
    """Return the candidates that an answer has, each with the index of its media section."""
    found: list[tuple[str, int]] = []
    index = -1
    for line in answer.splitlines():
        if line.startswith("m="):
            index += 1
        elif line.startswith("a=candidate:"):
            found.append((line.removeprefix("a="), max(index, 0)))
    return found
