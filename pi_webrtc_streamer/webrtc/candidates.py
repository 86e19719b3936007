# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which of a viewer's ICE candidates are taken (RFC 8839, 5.1).

To every candidate the bridge sends a few checks, wherever it points: an offer with thousands, or
with somebody else's addresses, would make it a port scanner or an amplifier. What is left out
costs an honest viewer nothing: its own first check shows its address anyhow.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

MOST_CANDIDATES = 32  # of one viewer, in its offer and later
LOWEST_PORT = 1024  # below are services; no browser receives there
HIGHEST_PORT = 65_535
FEWEST_WORDS = 8  # foundation component transport priority address port "typ" type


class CandidateError(ValueError):
    """A line is no candidate."""


class CandidateFilter:
    """Takes up to :data:`MOST_CANDIDATES` different candidates of one viewer."""

    def __init__(self) -> None:
        self._taken: set[tuple[str, int]] = set()

    def takes(self, line: str) -> bool:
        """Whether a candidate (``candidate:...``) is one to send checks to.

        It must be UDP, for RTP and RTCP together, and have the unicast address of another machine:
        no name, since looking one up takes seconds.

        :raises CandidateError: if it is none.
        """
        words = line.split()
        if len(words) < FEWEST_WORDS or not words[0].startswith("candidate:"):
            raise CandidateError(f'"{line[:80]}" is no candidate')
        component, transport, address, port = words[1], words[2], words[4], words[5]
        if component != "1" or transport.lower() != "udp" or not is_other_machine(address):
            return False
        if not (port.isascii() and port.isdigit() and len(port) <= 5):
            raise CandidateError(f'"{line[:80]}" is no candidate: its port is no number')
        if not LOWEST_PORT <= int(port) <= HIGHEST_PORT:
            return False
        place = address, int(port)
        if place not in self._taken and len(self._taken) >= MOST_CANDIDATES:
            return False
        self._taken.add(place)
        return True


def is_other_machine(text: str) -> bool:
    """Whether a text is the unicast address of another machine, or may be."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        if address.ipv4_mapped is not None:
            address = address.ipv4_mapped
    reserved = isinstance(address, IPv4Address) and address.is_reserved  # 255.255.255.255, too
    return not (address.is_loopback or address.is_multicast or address.is_unspecified or reserved)
