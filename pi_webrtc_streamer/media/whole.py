# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whether pictures are whole, for who passes them on without decoding them."""

from __future__ import annotations

import threading
from collections import deque
from statistics import median
from weakref import ReferenceType, ref

from .frame import JpegFrame
from .jpeg import MAX_PIXELS

KNOWN = 8  # whole pictures by whose size others are judged
# Of one camera, a picture of so much less data than those before may have lost a part. Looking at
# each would take as long as decoding them all: a tenth of a core.
SUSPICIOUS = 0.8


class WholePictures:
    """Tells the whole pictures of one camera from those that have lost a part; any thread may ask.

    ``snapshot.jpg`` and ``stream.mjpg`` are to show what the video shows, which has no such
    pictures. Each one is decoded once, however many ask.
    """

    def __init__(self, max_pixels: int = MAX_PIXELS) -> None:
        self._max_pixels = max_pixels
        self._asking = threading.Lock()
        self._sizes: deque[int] = deque(maxlen=KNOWN)
        self._last: tuple[ReferenceType[JpegFrame] | None, str] = None, ""

    def is_suspicious(self, frame: JpegFrame) -> bool:
        """Whether a picture should be looked at; that takes no time."""
        size, known = len(frame.data), tuple(self._sizes)
        if len(known) < KNOWN or size < SUSPICIOUS * median(known):
            return True
        self._sizes.append(size)
        return False

    def find_flaw(self, frame: JpegFrame) -> str:
        """Return why a picture cannot be shown, or ""; takes as long as decoding it."""
        # Not before somebody asks: most bridges serve video, and JPEG to nobody.
        from .decoder import DecodeError, check_jpeg

        with self._asking:
            reference, flaw = self._last
            if reference is not None and reference() is frame:
                return flaw
            try:
                check_jpeg(frame.data, self._max_pixels)
            except DecodeError as error:
                flaw = str(error)
            else:
                flaw = ""
                self._sizes.append(len(frame.data))
            self._last = ref(frame), flaw
            return flaw
