# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a visitor may do."""

from __future__ import annotations

from enum import IntEnum


class Role(IntEnum):
    """A higher role includes the lower one."""

    VIEW = 1  # see pictures and state
    DRIVE = 2  # change something as well

    def __str__(self) -> str:
        return self.name.lower()
