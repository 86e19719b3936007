# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the address of a machine looks like in a setting."""

from __future__ import annotations

import re
from ipaddress import ip_address

LARGEST_PORT = 65535

_HOST_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?\.?\Z")


def is_ip_address(text: str) -> bool:
    """Return whether a text is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_host(text: str) -> bool:
    """Return whether a text can be an IP address or the name of a host."""
    return is_ip_address(text) or _HOST_NAME.match(text) is not None
