# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What viewers were sent, in numbers that only grow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Traffic(NamedTuple):
    """What one viewer or several were sent, counted from some moment on.

    ``frames`` were sent, and ``dropped`` were not, since the network did not take them in time.
    ``packets`` were made of all these, without those that were sent again; ``lost`` are the ones
    that receivers say they miss (RFC 3550, 6.4.1). ``bytes`` are payloads, padding, and what was
    sent again.
    """

    frames: int = 0
    dropped: int = 0
    packets: int = 0
    lost: int = 0
    bytes: int = 0


def lost_so_far(before: int, told: int, sent: int) -> int:
    """Return how many packets a receiver has lost, given its last figure, what it tells now, and
    how many it was sent.

    What it tells may fall, when packets come twice or late, and may be anything at all.
    """
    return max(before, min(told, sent))


def total(traffic: Iterable[Traffic]) -> Traffic:
    """Return the sum of each number."""
    return Traffic(*map(sum, zip(Traffic(), *traffic, strict=True)))
