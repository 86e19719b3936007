# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who sent a request that came through a reverse proxy (X-Forwarded-For)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

# Some proxies add the client's port, which is another one each time.
_WITH_PORT = re.compile(r"\[(?P<ipv6>[^\]]*)\](:\d+)?|(?P<ipv4>[\d.]+):\d+", re.ASCII)


class TrustedProxies:
    """The proxies whose word on their clients is taken."""

    def __init__(self, networks: Iterable[str]) -> None:
        """Take addresses (``192.0.2.7``) and networks (``10.0.0.0/8``).

        :raises ValueError: if one is neither.
        """
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(text) for text in networks]

    def trust(self, address: str) -> bool:
        """Return whether an address is a trusted proxy's."""
        try:
            ip = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        return any(ip in network for network in self._networks)

    def client(self, peer: str, forwarded_for: Sequence[str]) -> str:
        """Return the client's address: the last one in the chain that is not a trusted proxy.

        Each proxy appends whom it got the request from; what stands before, anybody may have
        written.
        """
        client = peer
        for address in reversed(forwarded_for):
            if not self.trust(client):
                break
            client = _without_port(address.strip())
        return client


def _without_port(address: str) -> str:
    match = _WITH_PORT.fullmatch(address)
    return address if match is None else match["ipv6"] or match["ipv4"] or address
