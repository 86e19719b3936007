# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""When a viewer is too slow, or gone without a word; pure, in seconds on the caller's clock."""

from __future__ import annotations

import math

MOST_LAGGING = 10  # pictures in a row that the network did not take
LONGEST_SILENCE = 5.0  # seconds without a sign of life while pictures are sent
# Not every viewer sends RTCP in this time, or ever. Each answers the checks of ICE (RFC 7675).
ASK_AFTER = 1.5  # seconds of silence
ASK_AGAIN = 0.5  # seconds
# After a longer pause of the pictures themselves, silence is counted anew: a receiver to which
# nothing is sent has nothing to report.
PAUSE = 1.0


class ViewerHealth:
    """Watches what is sent to one viewer and what comes back."""

    def __init__(self) -> None:
        self._failure: str | None = None
        self._lagging = 0
        self._last_sent: float | None = None
        self._listening_since: float | None = None
        self._asked = -math.inf

    def fail(self, why: str) -> None:
        """Note that nothing can be sent to it."""
        self._failure = why

    def on_unit(self, sent: bool, now: float) -> None:
        """Note that a picture was sent, or that the network did not take it."""
        self._lagging = 0 if sent else self._lagging + 1
        if sent:
            if self._last_sent is None or now - self._last_sent > PAUSE:
                self._listening_since = now
            self._last_sent = now

    def on_sign(self, now: float) -> None:
        """Note that the viewer has sent RTCP, or has answered."""
        self._listening_since = now

    def must_be_asked(self, now: float) -> bool:
        """Whether the viewer is silent, and is to be asked now for a sign of life."""
        if self._silence < ASK_AFTER or now < self._asked + ASK_AGAIN:
            return False
        self._asked = now
        return True

    def trouble(self, now: float) -> str | None:
        """Say why the viewer should be disconnected, or None if it is well."""
        if self._failure is not None:
            return self._failure
        if self._lagging >= MOST_LAGGING:
            return f"its network did not take {self._lagging} pictures in a row"
        if self._silence > LONGEST_SILENCE:
            return f"nothing was heard from it for {self._silence:.0f} s"
        return None

    @property
    def _silence(self) -> float:
        """For how many seconds pictures were sent and nothing came back."""
        if self._last_sent is None or self._listening_since is None:
            return 0.0
        return self._last_sent - self._listening_since
