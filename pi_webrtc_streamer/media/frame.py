# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A picture as it came from the topic, held once and shared by reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from . import live
from .stages import StageTimes

if TYPE_CHECKING:
    from .planes import Lease


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


@dataclass(frozen=True, eq=False)
class PlanarFrame:
    """One picture that was never JPEG: its planes, YUV 4:2:0, BT.601, full range.

    ``data`` has the rows of y, u and v one after the other, without gaps, in a packet that is
    lent: what is decoded of it is a view of it. ``width`` and ``height`` are
    those of y, in pixels, and u and v have half of it, rounded up. ``times`` is as above.
    """

    data: Lease
    times: StageTimes
    width: int
    height: int

    def __post_init__(self) -> None:
        live.frames.add(self)


Frame: TypeAlias = JpegFrame | PlanarFrame


def live_frames() -> int:
    """Count the frames that anybody in this process still holds."""
    return len(live.frames)
