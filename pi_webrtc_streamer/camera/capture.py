# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The capture thread: from a source to whoever takes its pictures."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextvars import copy_context

from ..runtime.back_off import BackOff
from ..runtime.faults import faults
from ..runtime.owning import Owned, end_thread
from .source import Picture, Source, SourceError

logger = logging.getLogger(__name__)

RETRY_AFTER = 1.0  # seconds before the first attempt to bring a source back
LONGEST_RETRY = 8.0  # seconds between later ones, which come ever less often


class CaptureThread:
    """Captures from construction to :meth:`close`, and brings a source that fails back.

    ``reopen`` is called, in this thread, to replace a source that has failed; it gets an event that
    says that nobody waits for it any more. ``consume`` gets every picture, which is only lent to it
    for the call. ``failure`` says why there is no source now, ``reopened`` how often it was
    replaced, and ``last_failure`` why the last time.
    """

    def __init__(
        self,
        source: Source,
        reopen: Callable[[threading.Event], Source],
        consume: Callable[[Picture], object],
    ) -> None:
        self._source = source
        self._reopen = reopen
        self._consume = consume
        self.failure = ""
        self.reopened = 0
        self.last_failure = ""
        self._retry = BackOff(RETRY_AFTER, LONGEST_RETRY)
        self._stopping = threading.Event()
        self._renewing = threading.Event()
        context = copy_context()  # knows whose camera it is
        thread = threading.Thread(
            target=context.run, args=(self._run,), name="capture", daemon=True
        )
        with Owned() as owned:
            owned.take("a running source", source.start, lambda _: self._source.stop())
            owned.take("the capture thread", thread.start, lambda _: self._end(thread))
            self._owned = owned.pop_all()

    def renew(self) -> None:
        """Have the source replaced although it is well: the settings have changed."""
        self._renewing.set()

    def close(self) -> None:
        """End the thread and stop the source; safe to call twice."""
        self._owned.close()

    def _end(self, thread: threading.Thread) -> None:
        self._stopping.set()
        end_thread(thread)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                if self._renewing.is_set():
                    self._renewing.clear()
                    self._replace()
                self._capture()
            except SourceError as error:
                logger.error("%s; trying again", error)
                self.failure = self.last_failure = str(error)
                self._bring_back()
            except Exception as error:
                # A fault of ours must not stop the camera; it is said, with its trace.
                faults.report(logger, "a picture was dropped", error)
                self._stopping.wait(RETRY_AFTER)

    def _capture(self) -> None:
        with self._source.capture() as picture:
            if picture is not None:
                self._retry.reset()
                self._consume(picture)

    def _replace(self) -> None:
        self._source = self._reopen(self._stopping)
        self._source.start()

    def _bring_back(self) -> None:
        while not self._stopping.wait(self._retry.next()):
            try:
                self._replace()
            except SourceError as error:
                logger.debug("not yet: %s", error)
                self.failure = str(error)
            except Exception as error:
                # The thread must not end: nothing else would bring the source back.
                faults.report(logger, "the source cannot be brought back", error)
            else:
                self.failure = ""
                self.reopened += 1
                logger.info("capturing again: %s", self._source.description)
                return
