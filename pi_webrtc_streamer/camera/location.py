# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Paths and URLs of videos, and how they may be shown. Pure."""

from __future__ import annotations

import re
from urllib.parse import unquote

HIDDEN = "..."
_USER_INFO = re.compile(r"^([\w+.-]+://)[^/?#]*@")  # user and password (RFC 3986, 3.2.1)
# The same with a / or # that should have been escaped: what follows the colon is no port.
_BROKEN_USER_INFO = re.compile(r"^([\w+.-]+://)[^/?#@:\[]*:(?!\d+([/?#]|$)).*@")
_AUTHORITY = re.compile(r"^[\w+.-]+://[^/?#]*")
# In queries as a rule; some cameras want user=...&password=... in the path.
_PAIR = re.compile(r"([^?&;=#/]+)=([^&#]*)")
# What the names of secrets contain, or are: loginpas, pwd, access_token, X-Amz-Signature.
_SECRET = re.compile(
    r"pass|pwd|psw|token|secret|auth|cred|key|sig|session|jwt|user|usr|login|^(pw|pin|sid|code)$",
    re.IGNORECASE,
)


def is_url(location: str) -> bool:
    """Whether it is a URL, and not the path of a file."""
    return "://" in location


def without_password(location: str) -> str:
    """Return a path or URL as it may be shown: every ROS node can read it (``/diagnostics``).

    The user and password are left out, and the values of what is named like a secret are hidden.
    """
    shown = _BROKEN_USER_INFO.sub(r"\1", _USER_INFO.sub(r"\1", location))
    if (authority := _AUTHORITY.match(shown)) is None:
        return shown
    return authority[0] + _without_secrets(shown[authority.end() :])


def _without_secrets(text: str) -> str:
    return _PAIR.sub(_hide, text)


def _hide(pair: re.Match[str]) -> str:
    name, value = pair.groups()
    if value and _SECRET.search(unquote(name)):
        return f"{name}={HIDDEN}"
    return f"{name}={_without_secrets(value)}"  # as in a=1;token=2
