# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Stop: a latch that anybody may set, and that moves nothing when it is reset.

It is a soft stop, and no emergency stop (ISO 13850): it works as long as this program does.
"""

from __future__ import annotations

QUIET = 0.5  # seconds that nobody may ask for motion, or for the stop, before it is reset


class ResetRefused(Exception):
    """The stop stays; the text says what to do first."""


class StopLatch:
    """Stopped until it is reset."""

    def __init__(self) -> None:
        self.by = ""  # who has stopped; "" while nobody has
        self._busy: float | None = None  # when an input was last not neutral
        self._pressed: float | None = None

    @property
    def stopped(self) -> bool:
        """Whether somebody has stopped, and nobody reset it."""
        return bool(self.by)

    def press(self, by: str, now: float) -> None:
        """Stop; the first who did is named."""
        self.by = self.by or by
        self._pressed = now

    def note_input(self, now: float) -> None:
        """Note that an operator's inputs are not neutral."""
        self._busy = now

    def reset(self, now: float) -> None:
        """Let go.

        :raises ResetRefused: while somebody presses the stop, or any input.
        """
        if self._pressed is not None and now - self._pressed < QUIET:
            raise ResetRefused("Stop is still pressed: let it go first")
        if self._busy is not None and now - self._busy < QUIET:
            raise ResetRefused("an input is not neutral: let keys and sticks go first")
        self.by = ""
