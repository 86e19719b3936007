"""What the address of a machine looks like in a setting."""

from __future__ import annotations

import re
from ipaddress import ip_address

LARGEST_PORT = 65535

_HOST_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?\.?\Z")


def is_host(text: str) -> bool:
    """Return whether a text can be an IP address or the name of a host."""
    try:
        ip_address(text)
    except ValueError:
        return _HOST_NAME.match(text) is not None
    return True
