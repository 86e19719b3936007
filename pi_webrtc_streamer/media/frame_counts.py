# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What became of a camera's pictures, in numbers."""

from __future__ import annotations

from typing import NamedTuple


class FrameCounts(NamedTuple):
    """Pictures of one camera, counted from some moment on; the later count minus the earlier one
    is what happened between.

    ``sent`` counts a picture once for each WebRTC viewer. ``dropped`` counts whatever made way for
    something newer: pictures that nobody had taken yet, that were not encoded, or that a viewer's
    network did not take.
    """

    received: int = 0
    sent: int = 0
    dropped: int = 0

    def since(self, before: FrameCounts) -> FrameCounts:
        """Return what was added since an earlier count."""
        return FrameCounts(*(now - then for now, then in zip(self, before, strict=True)))


class StreamCounts(NamedTuple):
    """What became of the pictures of one codec and tier.

    ``skipped`` were not encoded since the loop was not done with the last one; ``failed`` are those
    with which an encoder failed; ``withheld`` are those that would have waited before the links.
    """

    encoded: int = 0
    skipped: int = 0
    failed: int = 0
    withheld: int = 0

    def plus(self, other: StreamCounts) -> StreamCounts:
        """Return the sum of each number."""
        return StreamCounts(*(mine + its for mine, its in zip(self, other, strict=True)))
