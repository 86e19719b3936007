# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Makes JPEG of a topic's uncompressed pictures, so that they go the way of all others."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from ..runtime.faults import faults
from ..runtime.owning import Owned, end_thread
from .cdr import CdrError, Image, ImageError, read_image
from .distributor import Mailbox
from .feed import CameraFeed
from .jpeg import JpegError
from .stages import StageTimes

if TYPE_CHECKING:
    from .raw_image import Pixels

logger = logging.getLogger(__name__)


class _Arrived(NamedTuple):
    message: bytes
    published: int  # nanoseconds since the epoch
    received: int
    audience: int | None


class RawFeed:
    """Compresses one topic's pictures for its feed in a thread of its own, to :meth:`close`.

    That takes some milliseconds, for which the thread that receives the messages of all cameras
    must not wait. The newest picture wins. The thread begins with the first message, and so does
    the loading of what compresses: most topics carry JPEG, and need neither. ``to_bgr`` converts
    encodings that :mod:`.raw_image` does not know itself.
    """

    def __init__(self, feed: CameraFeed, to_bgr: Callable[[Image], Pixels]) -> None:
        self._feed = feed
        self._to_bgr = to_bgr
        self._inbox: Mailbox[_Arrived] = Mailbox()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._owned = Owned()

    def accept(self, message: bytes, published: int = 0, audience: int | None = None) -> None:
        """Take a serialized Image; its picture is published, or noted as no use, a little later.

        ``published`` is when the publisher sent it, in nanoseconds since the epoch; 0: unknown.
        ``audience`` is for whom it was received: nobody else is shown it.
        """
        if self._thread is None:
            thread = threading.Thread(target=self._run, name=f"raw-{self._feed.name}", daemon=True)
            self._owned.take(
                f"the thread {thread.name}", thread.start, lambda _: end_thread(thread)
            )
            self._thread = thread
        self._inbox.put(_Arrived(message, published, time.time_ns(), audience))

    def close(self) -> None:
        """End the thread and drop every picture; safe to call twice."""
        self._closing = True
        self._inbox.nudge()
        self._owned.close()
        self._inbox.take()

    def _run(self) -> None:
        while not self._closing:
            arrived = self._inbox.wait()
            try:
                if arrived is not None:
                    self._publish(arrived)
            except (CdrError, ImageError, JpegError) as error:
                self._feed.report_problem(str(error))
            except Exception as error:
                # A fault of ours must not stop the camera; it is said, with its trace.
                what = f"a picture on {self._feed.topic} could not be compressed"
                faults.report(logger, what, error)
            arrived = None  # not held while waiting

    def _publish(self, arrived: _Arrived) -> None:
        from .raw_image import encode_jpeg

        image = read_image(arrived.message)
        jpeg = encode_jpeg(image, self._to_bgr, self._feed.max_pixels)
        times = StageTimes(image.stamp, arrived.published, arrived.received)
        self._feed.publish(memoryview(jpeg), times, arrived.audience)
