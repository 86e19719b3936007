# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whether the process holds more memory than it should. Pure."""

from __future__ import annotations

ENOUGH_LESS = 0.95  # of the limit: from here on it is well again, and not at each swing


class MemoryWatch:
    """Compares resident memory with a limit in MB (10**6 bytes, as in the line of statistics)."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self.warning = ""  # while there is too much

    def look(self, resident: int) -> str | None:
        """Take the resident memory in bytes; return what to log, where that changes anything."""
        used = resident / 1e6
        before = self.warning
        if used > (ENOUGH_LESS * self._limit if before else self._limit):
            self.warning = (
                f"{used:.0f} MB of memory are in use, more than {self._limit:g} MB (memory_warning)"
            )
            return None if before else self.warning
        self.warning = ""
        return f"{used:.0f} MB of memory are in use, as few as should be" if before else None
