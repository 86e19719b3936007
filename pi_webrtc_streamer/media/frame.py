# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A picture as it came from the topic, held once and shared by reference."""

from __future__ import annotations

from dataclasses import dataclass

from . import live
from .stages import StageTimes


@dataclass(frozen=True, eq=False)
class JpegFrame:
    """One JPEG picture; every consumer holds a view of the same buffer.

    ``data`` is a read-only view into the message's bytes; ``times`` says when it was captured,
    published and received. ``width`` and ``height``, in pixels, are the JPEG's.
    """

    data: memoryview
    times: StageTimes
    width: int
    height: int

    def __post_init__(self) -> None:
        live.frames.add(self)


def live_frames() -> int:
    """Count the frames that anybody in this process still holds."""
    return len(live.frames)
