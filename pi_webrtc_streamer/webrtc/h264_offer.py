# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which H.264 of an offer can be served (RFC 6184, 8.1 and 8.2.2). Pure.

The encoder makes Constrained Baseline, which every decoder of Main and High plays, too, and packets
of packetization-mode 1. aiortc negotiates Baseline alone. So another profile is called Baseline for
it, and gets its own name again in the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FMTP, RTPMAP = "a=fmtp:", "a=rtpmap:"
BASELINE = 0x42
# Profiles whose decoders play Constrained Baseline: Baseline, Main, Extended, High, and the higher
# ones of High (ITU-T H.264, A.2 and 7.4.2.1.1).
PROFILES = {BASELINE, 0x4D, 0x58, 0x64, 0x6E, 0x7A, 0xF4}
FOR_AIORTC = "profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1"


@dataclass(frozen=True)
class Format:
    """A payload type of H.264, with the parameters that are offered for it."""

    payload_type: str
    parameters: Mapping[str, str]

    @property
    def mode(self) -> str | None:
        """The packetization-mode; None if nothing is said, as by GStreamer, which takes both."""
        return self.parameters.get("packetization-mode")

    @property
    def profile(self) -> int | None:
        """The profile (profile_idc); that of Baseline if nothing is said, None if it is none."""
        text = self.parameters.get("profile-level-id", "42e01f")
        try:
            return int(text[:2], 16) if len(text) == 6 and int(text, 16) >= 0 else None
        except ValueError:
            return None

    @property
    def why_not(self) -> str:
        """Why it cannot be served; empty if it can."""
        if self.mode not in (None, "1"):
            return f"with packetization-mode={self.mode}"
        if self.profile not in PROFILES:
            return f"with profile-level-id={self.parameters.get('profile-level-id')}"
        return ""

    @property
    def is_known_to_aiortc(self) -> bool:
        """Whether aiortc takes it as it is."""
        return self.mode == "1" and self.profile == BASELINE

    @property
    def answered(self) -> str:
        """What the answer says of it: mode 1, and the profile and level that were offered."""
        said = [f"level-asymmetry-allowed={self.parameters.get('level-asymmetry-allowed', '1')}"]
        said.append("packetization-mode=1")
        if "profile-level-id" in self.parameters:
            said.append(f"profile-level-id={self.parameters['profile-level-id']}")
        return ";".join(said)


def formats(section: list[str]) -> list[Format]:
    """Return the payload types of H.264 in a media section, in the offer's order."""
    types = [
        line[len(RTPMAP) :].split(" ")[0]
        for line in section
        if line.startswith(RTPMAP) and line.lower().partition(" ")[2].startswith("h264/90000")
    ]
    return [Format(each, _parameters(section, each)) for each in types]


def _parameters(section: list[str], payload_type: str) -> dict[str, str]:
    parameters = {}
    for line in section:
        if line.startswith(f"{FMTP}{payload_type} "):
            for pair in line.partition(" ")[2].split(";"):
                name, equals, value = pair.strip().partition("=")
                if equals:
                    parameters[name.strip().lower()] = value.strip()
    return parameters


def renamed(section: list[str]) -> tuple[list[str], Format | None]:
    """Call the first H.264 that can be served what aiortc knows, unless it knows one of them.

    Returns the section, and what was renamed in it.
    """
    offered = formats(section)
    if any(each.is_known_to_aiortc for each in offered):
        return section, None
    served = next((each for each in offered if not each.why_not), None)
    if served is None:
        return section, None
    number = served.payload_type
    result = []
    for line in section:
        if line.startswith(f"{FMTP}{number} "):
            continue
        result.append(line)
        if line.startswith(f"{RTPMAP}{number} "):
            result.append(f"{FMTP}{number} {FOR_AIORTC}")
    return result, served


def with_own_name(section: list[str], renamed: Format) -> list[str]:
    """Return a section of the answer in which a payload type has the name that was offered."""
    begin = f"{FMTP}{renamed.payload_type} "
    return [f"{begin}{renamed.answered}" if line.startswith(begin) else line for line in section]


def why_none(sections: list[list[str]]) -> str:
    """Say why no H.264 of an offer can be served; empty if one can, or there is none."""
    offered = [each for section in sections for each in formats(section)]
    if not offered or not all(each.why_not for each in offered):
        return ""
    reasons = sorted({each.why_not for each in offered})
    return (
        f"H.264 is offered {' and '.join(reasons)} alone; offer it with packetization-mode=1 and "
        "profile-level-id=42e01f, 4d001f or 64001f, or offer VP8"
    )
