# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whether those who are served keep their frame rate while others behave badly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from support.abuse import AT_ONCE, IN_A_ROW, many_at_once, many_in_a_row

from .figures import Part
from .processes import HD, streamer, wait_for
from .viewers import crowd, rates

VIEWERS = 2
QUIET = 10.0  # seconds
KEPT = 0.98  # of the frame rate: frames are counted over seconds


def run(progress: Callable[[str], None]) -> Iterator[Part]:
    """Count the frames of the slowest viewer; the crowd runs on the same cores."""
    part = Part(f"Frame rates while others behave badly: {VIEWERS} viewers, {HD}, H.264")
    with streamer() as running, crowd("whep", running.url) as viewers:
        viewers.watch(VIEWERS)
        conditions: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
            "nobody": lambda: asyncio.sleep(QUIET),
            f"{AT_ONCE} connections at once, half never connect and half send a byte at a time": (
                lambda: many_at_once(running.url)
            ),
            f"{IN_A_ROW} connections in a row, every fourth a session": (
                lambda: many_in_a_row(running.url, IN_A_ROW)
            ),
        }
        for name, behave_badly in conditions.items():
            progress(f"abuse: {name}")
            # Those who never connect are given up after a while.
            wait_for(lambda: running.viewers() == VIEWERS, "nobody else is there", running.bridge)
            before = viewers.count()
            asyncio.run(behave_badly())
            after = viewers.count()
            slowest = min(rates(before, after))
            part.add_at_least(name, slowest, "fps", KEPT * HD.framerate)
            part.details[name] = {"seconds": after[0].at - before[0].at}
    yield part
