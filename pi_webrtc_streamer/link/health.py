"""When a viewer is too slow, or gone without a word; pure, in seconds on the caller's clock."""

from __future__ import annotations

MOST_LAGGING = 10  # pictures in a row that the network did not take
LONGEST_SILENCE = 5.0  # seconds without RTCP while pictures are sent
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

    def on_feedback(self, now: float) -> None:
        """Note that the viewer has sent RTCP."""
        self._listening_since = now

    def trouble(self, now: float) -> str | None:
        """Say why the viewer should be disconnected, or None if it is well."""
        if self._failure is not None:
            return self._failure
        if self._lagging >= MOST_LAGGING:
            return f"its network did not take {self._lagging} pictures in a row"
        if self._last_sent is None or self._listening_since is None:
            return None
        silence = self._last_sent - self._listening_since
        if silence > LONGEST_SILENCE:
            return f"nothing was heard from it for {silence:.0f} s"
        return None
