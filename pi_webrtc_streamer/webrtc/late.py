# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Viewers whose code is loaded when somebody comes to watch.

aiortc, PyAV and FFmpeg, cryptography and libsrtp take 36 MB and half a second. A robot that nobody
watches does without.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ..media.frame_counts import FrameCounts
from ..media.stages import StageTimes
from ..media.stream_load import StreamLoad
from ..runtime.heap import settle_heap
from ..runtime.owning import LONGEST_RELEASE
from .errors import TooManyViewers
from .settings import ViewerSettings

if TYPE_CHECKING:
    from ..media.pipeline import MediaPipeline
    from .places import PlaceLimits
    from .viewer import Viewer
    from .viewers import Viewers

logger = logging.getLogger(__name__)

CODE = f"{__package__}.viewers"


class LateViewers:
    """Stands for :class:`Viewers`, which ``make`` returns, and makes them for the first offer.

    ``make`` is called in the event loop, when the module :data:`CODE` has been imported.
    """

    def __init__(self, make: Callable[[], Viewers]) -> None:
        self._make = make
        self._viewers: Viewers | None = None
        self._loading: asyncio.Future[object] | None = None
        self._closed = False

    def prepare(self) -> None:
        """Load the code in the background: somebody will soon watch."""
        if self._viewers is None:
            self._load()

    def _load(self) -> asyncio.Future[object]:
        # In another thread: the loop goes on to serve pictures and the bridge's state.
        if self._loading is None:
            loop = asyncio.get_running_loop()
            self._loading = loop.run_in_executor(None, _load_code)
            self._loading.add_done_callback(self._loaded)
        return self._loading

    def _loaded(self, loading: asyncio.Future[object]) -> None:
        if not loading.cancelled() and loading.exception() is not None:
            logger.error("what viewers need cannot be loaded", exc_info=loading.exception())
            self._loading = None  # the next one tries again

    async def admit(self, camera: str, offer: str, address: str) -> tuple[Viewer, str]:
        """Answer an offer from an address to watch a camera; returns the viewer and the answer.

        :raises TooManyViewers: if the limit is reached.
        :raises OfferError: if the offer cannot be answered.
        :raises AnswerTimeout: if that takes too long.
        """
        return await (await self.loaded()).admit(camera, offer, address)

    async def loaded(self) -> Viewers:
        """Return the viewers that this stands for.

        :raises TooManyViewers: if they have been closed.
        """
        if self._viewers is None:
            await asyncio.shield(self._load())
        if self._closed:
            raise TooManyViewers("the bridge has been deactivated")
        if self._viewers is None:  # another offer may have been faster
            self._viewers = self._make()
        return self._viewers

    @property
    def are_loaded(self) -> bool:
        """Whether there are viewers' threads, or were."""
        return self._viewers is not None

    def add_camera(self, name: str, pipeline: MediaPipeline) -> None:
        """Let a camera be watched; only if they are loaded."""
        assert self._viewers is not None
        self._viewers.add_camera(name, pipeline)

    async def remove_camera(self, name: str) -> None:
        """End the viewers of a camera, which nobody can watch from now on."""
        if self._viewers is not None:
            await self._viewers.remove_camera(name)

    def adopt(self, settings: ViewerSettings, limits: PlaceLimits) -> None:
        """Go on with other settings."""
        if self._viewers is not None:
            self._viewers.adopt(settings, limits)

    def get(self, camera: str, viewer_id: str) -> Viewer | None:
        """Return a viewer of a camera by its id, or None if it is gone."""
        return self._viewers.get(camera, viewer_id) if self._viewers is not None else None

    async def remove(self, viewer: Viewer, why: str) -> None:
        """End a viewer; returns when everything it held is given back."""
        if self._viewers is not None:
            await self._viewers.remove(viewer, why)

    async def close(self) -> None:
        """End every viewer; whoever still waits to be one is refused."""
        self._closed = True
        if self._loading is not None:
            await asyncio.wait([self._loading], timeout=LONGEST_RELEASE)
        if self._viewers is not None:
            await self._viewers.close()

    def counts(self) -> Mapping[str, int]:
        """Return how many viewers each camera has."""
        return self._viewers.counts() if self._viewers is not None else {}

    def frame_counts(self, camera: str) -> FrameCounts:
        """Count the pictures of a camera that were sent and dropped so far, in all codecs."""
        return self._viewers.frame_counts(camera) if self._viewers is not None else FrameCounts()

    def sent_since(self, camera: str, when: int) -> list[StageTimes]:
        """Return some of the pictures sent since a time, in nanoseconds since the epoch."""
        return self._viewers.sent_since(camera, when) if self._viewers is not None else []

    def why_gone(self, viewer_id: str) -> str | None:
        """Say why a viewer is gone, for some time after it went; None if it is unknown."""
        return self._viewers.why_gone(viewer_id) if self._viewers is not None else None

    def owner(self, viewer: Viewer) -> asyncio.Task[None] | None:
        """Return the task that ends when a viewer has given everything back; None if it has."""
        return self._viewers.owner(viewer) if self._viewers is not None else None

    def peers(self, camera: str) -> Mapping[str, Mapping[str, str]]:
        """Return the states of each viewer's connection to a camera, by the viewer's number."""
        return self._viewers.peers(camera) if self._viewers is not None else {}

    def loads(self) -> Mapping[str, list[StreamLoad]]:
        """Return what the streams that are open cost, by camera."""
        return self._viewers.loads() if self._viewers is not None else {}

    @property
    def disconnected(self) -> int:
        """How many viewers were let go since their links were beyond help."""
        return self._viewers.disconnected if self._viewers is not None else 0

    def describe(self) -> dict[str, object]:
        """Return what ``/stats`` says of streams and viewers."""
        if self._viewers is None:
            return {"streams": {}, "traffic": {}, "viewers": {}, "disconnected": 0}
        return self._viewers.describe()


def _load_code() -> None:
    if CODE not in sys.modules:
        importlib.import_module(CODE)
        settle_heap()
