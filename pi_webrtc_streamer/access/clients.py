# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whom an address stands for."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

HOST_BITS = 64  # of an IPv6 address, which every machine chooses itself, and changes (RFC 8981)


def client_of(address: str) -> str:
    """Return what all addresses of one client have in common.

    That is an IPv4 address, or an IPv6 network; but for link-local addresses, since all machines
    nearby have one network. What is no address stands for itself.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    if parsed.is_link_local or parsed.is_loopback:
        return str(parsed)
    return str(IPv6Address(int(parsed) >> HOST_BITS << HOST_BITS)) + f"/{128 - HOST_BITS}"
