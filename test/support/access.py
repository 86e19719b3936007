# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""An entrance with two tokens, and who comes to it."""

import pytest

from pi_webrtc_streamer.access.entrance import Entrance, Refusal, Visit
from pi_webrtc_streamer.access.hosts import KnownHosts
from pi_webrtc_streamer.access.roles import Role
from pi_webrtc_streamer.access.tokens import Tokens

VIEW, DRIVE = "watch-only-0123", "drive-too-4567"
ADDRESS = "192.0.2.7"
KNOWN = KnownHosts(["localhost", "robot", "robot.local"])
TOKENS = Tokens({Role.VIEW: VIEW, Role.DRIVE: DRIVE})


def guarded() -> Entrance:
    return Entrance(TOKENS, KNOWN, local=False)


def visit(method: str = "GET", host: str | None = "robot:8080", **rest) -> Visit:
    return Visit(method, rest.pop("address", ADDRESS), host, **rest)


def refusal(entrance: Entrance, visit: Visit, now: float = 0.0) -> int:
    with pytest.raises(Refusal) as refused:
        entrance.admit(visit, now)
    return refused.value.status
