# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Host and Origin: by which name a visitor calls the bridge, and whose page sends a request.

A browser obeys foreign pages. Two headers that they cannot forge tell: Host (RFC 9110, 7.2), which
is the attacker's name where he lets his own name point to the bridge (DNS rebinding), and Origin
(RFC 6454), which is that of the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address

_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?", re.ASCII)
_ORIGIN = re.compile(r"(https?)://(.+)", re.ASCII)
_DEFAULT_PORTS = {"http": 80, "https": 443}


def split_authority(authority: str) -> tuple[str, int | None]:
    """Return the host, in lower case, and the port, if there is one, of ``host:port``.

    :raises ValueError: if it is not of this form.
    """
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise ValueError("it is not of the form host:port")
    host, port = match.groups()
    return host.lower().rstrip("."), None if port is None else int(port)


def is_origin(text: str) -> bool:
    """Return whether a text is a web origin, such as ``https://example.org:8443``."""
    match = _ORIGIN.fullmatch(text)
    return match is not None and _AUTHORITY.fullmatch(match[2]) is not None


def same_origin(origin: str, authority: str, *, secure: bool) -> bool:
    """Return whether an Origin is that of the address that a request was sent to.

    Over TLS (``secure``) it must be https. Without, it may be: a proxy may have taken TLS off.
    """
    match = _ORIGIN.fullmatch(origin)
    if match is None or (secure and match[1] != "https"):
        return False
    try:
        page, page_port = split_authority(match[2])
        bridge, bridge_port = split_authority(authority)
    except ValueError:
        return False
    default = _DEFAULT_PORTS[match[1]]
    return (page, page_port or default) == (bridge, bridge_port or default)


def machine_names(hostname: str) -> set[str]:
    """Return the names by which a machine's own network knows it, from its host name."""
    short = hostname.partition(".")[0]
    return {name.lower() for name in ("localhost", hostname, short, f"{short}.local") if name}


class KnownHosts:
    """The hosts that the bridge answers for.

    Every address is right: for DNS rebinding it takes a name that the attacker owns.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = {name.lower().rstrip(".") for name in names}

    def knows(self, authority: str) -> bool:
        """Return whether a Host header names one of them, on whatever port."""
        try:
            host, _ = split_authority(authority)
        except ValueError:
            return False
        return host in self._names or _is_address(host.strip("[]"))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
