# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What encoding costs, in figures. Pure, and without the codecs: who reports need not load them."""

from __future__ import annotations

from typing import NamedTuple


class StreamLoad(NamedTuple):
    """An open stream since it was opened.

    ``encoder`` is FFmpeg's name of it, empty before the first picture. ``seconds`` is what scaling
    and encoding the ``encoded`` pictures took.
    """

    codec: str
    tier: str
    encoder: str
    viewers: int
    encoded: int
    skipped: int
    failed: int
    seconds: float
