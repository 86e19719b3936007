# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What must not leak, counted by weak references: each thing adds itself when it is made."""

from __future__ import annotations

from weakref import WeakSet

frames: WeakSet[object] = WeakSet()  # as they came: JPEG, or planes
pictures: WeakSet[object] = WeakSet()  # decoded
encoders: WeakSet[object] = WeakSet()
peers: WeakSet[object] = WeakSet()  # peer connections


def live_counts() -> dict[str, int]:
    """Count what anybody in this process still holds.

    Peer connections refer to themselves in circles, and stay until Python's collector comes by.
    """
    return {
        "frames": len(frames),
        "pictures": len(pictures),
        "encoders": len(encoders),
        "peers": len(peers),
    }
