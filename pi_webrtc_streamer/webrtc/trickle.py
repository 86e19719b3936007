# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""SDP fragments that trickle candidates in (RFC 8840)."""

from __future__ import annotations

from dataclasses import dataclass, field

LARGEST_COUNT = 100  # candidates in one fragment


class FragmentError(ValueError):
    """The body is no SDP fragment; the text says why."""


@dataclass
class Candidate:
    """A candidate's line without ``a=``, and where it belongs."""

    line: str
    mid: str | None
    index: int | None


@dataclass
class Fragment:
    """What a fragment says; ``ufrag`` tells an ICE restart from a trickle."""

    ufrag: str | None = None
    candidates: list[Candidate] = field(default_factory=list)
    complete: bool = False


def parse_fragment(text: str) -> Fragment:
    """Read a fragment.

    :raises FragmentError: if a line is no SDP line or there are too many candidates.
    """
    fragment = Fragment()
    mid: str | None = None
    index: int | None = None
    for line in text.splitlines():
        line = line.strip()
        if not line:
            continue
        if len(line) < 2 or line[1] != "=":
            raise FragmentError(f'"{line[:40]}" is no line of an SDP fragment')
        key, _, value = line[2:].partition(":")
        if line.startswith("m="):
            index, mid = (0 if index is None else index + 1), None
        elif key == "mid":
            mid = value
        elif key == "ice-ufrag":
            fragment.ufrag = value
        elif key == "candidate":
            fragment.candidates.append(Candidate(line[2:], mid, index))
        elif key == "end-of-candidates":
            fragment.complete = True
    if len(fragment.candidates) > LARGEST_COUNT:
        raise FragmentError(f"{len(fragment.candidates)} candidates are more than a fragment has")
    return fragment
