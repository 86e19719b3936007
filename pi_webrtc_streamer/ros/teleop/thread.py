# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The thread from which commands are published: whatever else stands still, this goes on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from ...runtime.faults import faults
from ...runtime.owning import Owned, end_thread

logger = logging.getLogger(__name__)

RETRY = 0.05  # seconds, after a step that failed


class DriveThread:
    """Calls ``step`` when it is due, and at once when it is woken, until :meth:`close`.

    It returns in how many seconds it is due again. The last thing the thread does is to call it
    once more.
    """

    def __init__(self, step: Callable[[], float]) -> None:
        self._step = step
        self._woken = threading.Event()
        self._closing = False
        thread = threading.Thread(target=self._run, name="teleop", daemon=True)
        with Owned() as owned:
            owned.take("the thread of teleoperation", thread.start, lambda _: self._end(thread))
            self._owned = owned.pop_all()

    def wake(self) -> None:
        """Have the next step done at once; from any thread."""
        self._woken.set()

    def close(self) -> None:
        """End the thread; safe to call twice."""
        self._owned.close()

    def _end(self, thread: threading.Thread) -> None:
        self._closing = True
        self._woken.set()
        end_thread(thread)

    def _run(self) -> None:
        due = time.monotonic()
        last = False
        while not last:
            last = self._closing  # what is to be published last may have come since the last step
            period = self._do_step()
            # After a pause of the whole machine, steps are not made up for.
            due = max(due + period, time.monotonic())
            if self._woken.wait(due - time.monotonic()):
                self._woken.clear()
                due = time.monotonic()

    def _do_step(self) -> float:
        try:
            return self._step()
        except Exception as error:
            faults.report(logger, "a step of teleoperation failed", error)
            return RETRY
