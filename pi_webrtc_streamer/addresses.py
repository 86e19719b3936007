"""What an address of a machine looks like, and whom it stands for."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address

HOST_BITS = 64  # of an IPv6 address, which every machine chooses itself, and changes (RFC 8981)

LARGEST_PORT = 65535

_HOST_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?\.?\Z")


def is_host(text: str) -> bool:
    """Return whether a text can be an IP address or the name of a host."""
    try:
        ip_address(text)
    except ValueError:
        return _HOST_NAME.match(text) is not None
    return True


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
