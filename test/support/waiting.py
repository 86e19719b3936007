# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Waiting for something to become true; giving up is a failure, being slow is none."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

GIVE_UP_AFTER = 30.0  # seconds

Result = TypeVar("Result")


def wait_for(
    condition: Callable[[], Result], what: str, give_up_after: float = GIVE_UP_AFTER
) -> Result:
    """Wait until a condition holds, and return what it gave."""
    deadline = time.monotonic() + give_up_after
    while not (result := condition()):
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.02)
    return result


async def until(condition: Callable[[], Result], what: str) -> Result:
    """Wait, in an event loop, until a condition holds, and return what it gave."""
    deadline = time.monotonic() + GIVE_UP_AFTER
    while not (result := condition()):
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        await asyncio.sleep(0.02)
    return result
