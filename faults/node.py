# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A node as it is started on a robot, whose event loop stands still and whose clock is set when a
signal tells it to: SIGUSR1 and SIGUSR2.

    python -m faults.node bridge|camera [ROS's arguments]
"""

from __future__ import annotations

import signal
import sys
import time
from types import FrameType
from typing import Any

STALL = 2.0  # seconds
STEP = 3600.0  # seconds

_time, _time_ns = time.time, time.time_ns


def main() -> None:
    """Run the node that is named."""
    which = sys.argv.pop(1)
    from pi_webrtc_streamer import programs
    from pi_webrtc_streamer.runtime import loop

    loops: list[Any] = []
    make = loop.LoopThread.__init__

    def remember(thread: loop.LoopThread, name: str) -> None:
        make(thread, name)
        loops.append(thread.loop)

    def stall(number: int, frame: FrameType | None) -> None:
        for each in loops:
            each.call_soon_threadsafe(time.sleep, STALL)

    def set_clock(number: int, frame: FrameType | None) -> None:
        time.time = lambda: _time() + STEP
        time.time_ns = lambda: _time_ns() + int(STEP * 1e9)

    loop.LoopThread.__init__ = remember  # type: ignore[method-assign]
    signal.signal(signal.SIGUSR1, stall)
    signal.signal(signal.SIGUSR2, set_clock)
    getattr(programs, f"{which}_node")()


if __name__ == "__main__":
    main()
