"""All viewers of a bridge, and the streams that they share."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import partial

from ..heap import trim_heap
from ..media.codec import Codec
from ..media.pipeline import MediaPipeline
from .broadcast import Broadcast
from .places import Place, Places
from .sender import Stream, StreamSender, register_extensions
from .settings import ViewerSettings
from .viewer import Viewer

logger = logging.getLogger(__name__)

CONTROL_INTERVAL = 0.25  # seconds
MOST_GONE = 100  # viewers of whom it is remembered why they went


class Viewers:
    """Admits viewers and owns them until they are gone; lives in the event loop.

    ``pipelines`` has the media thread of each camera by name.
    """

    def __init__(
        self, pipelines: Mapping[str, MediaPipeline], settings: ViewerSettings, places: Places
    ) -> None:
        register_extensions()
        self._settings = settings
        self._places = places
        self._viewers: dict[str, Viewer] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._broadcasts = {
            (camera, codec): Broadcast(pipeline, codec, settings.tiers)
            for camera, pipeline in pipelines.items()
            for codec in Codec
        }
        self._control: asyncio.Task[None] | None = None
        self._gone: OrderedDict[str, str] = OrderedDict()
        self.disconnected = 0

    async def admit(self, camera: str, offer: str, address: str) -> tuple[Viewer, str]:
        """Answer an offer to watch a camera; returns the viewer and the answer.

        :raises TooManyViewers: if the limit is reached.
        :raises OfferError: if the offer cannot be answered.
        """
        place = self._places.take(camera, address)
        try:
            viewer = Viewer(camera, self._settings, partial(self._join, camera))
            try:
                answer = await viewer.answer(offer)
            except BaseException:
                await viewer.close()
                raise
        except BaseException:
            place.free()
            raise
        self._viewers[viewer.id] = viewer
        self._tasks[viewer.id] = asyncio.create_task(self._serve(viewer, place))
        if self._control is None:
            self._control = asyncio.create_task(self._control_rates())
        return viewer, answer

    def get(self, camera: str, viewer_id: str) -> Viewer | None:
        """Return a viewer of a camera by its id, or None if it is gone."""
        viewer = self._viewers.get(viewer_id)
        return viewer if viewer is not None and viewer.camera == camera else None

    async def remove(self, viewer: Viewer, why: str) -> None:
        """End a viewer; returns when everything it held is given back."""
        viewer.end(why)
        task = self._tasks.get(viewer.id)
        if task is not None:
            await asyncio.wait([task])

    async def close(self) -> None:
        """End every viewer."""
        for viewer in self._viewers.values():
            viewer.end("the bridge is deactivated")
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()))
        if self._control is not None:
            await asyncio.wait([self._control])

    def counts(self) -> Counter[str]:
        """Return how many viewers each camera has."""
        return Counter(viewer.camera for viewer in self._viewers.values())

    def why_gone(self, viewer_id: str) -> str | None:
        """Say why a viewer is gone, for some time after it went; None if it is unknown."""
        return self._gone.get(viewer_id)

    def describe(self) -> dict[str, object]:
        """Return what ``/stats`` says of streams and viewers."""
        streams: dict[str, list[dict[str, object]]] = {}
        for (camera, _), broadcast in self._broadcasts.items():
            streams.setdefault(camera, []).extend(broadcast.describe())
        viewers = {viewer.id: viewer.describe() for viewer in self._viewers.values()}
        return {"streams": streams, "viewers": viewers, "disconnected": self.disconnected}

    async def _control_rates(self) -> None:
        """Follow the viewers' links while there are viewers."""
        while self._viewers:
            await asyncio.sleep(CONTROL_INTERVAL)
            for broadcast in self._broadcasts.values():
                broadcast.update()
            now = time.monotonic()
            for viewer in self._viewers.values():
                trouble = viewer.trouble(now)
                if trouble is not None:
                    self.disconnected += 1
                    viewer.end(trouble)
        self._control = None
        # The encoders are closed, and glibc would keep what they had.
        trim_heap()

    async def _serve(self, viewer: Viewer, place: Place) -> None:
        why = "its task was cancelled"
        try:
            why = await viewer.watch(place.connected)
        finally:
            try:
                await viewer.close()
            except Exception:
                logger.exception("a viewer of %s did not close cleanly", viewer.camera)
            del self._viewers[viewer.id], self._tasks[viewer.id]
            place.free()
            self._gone[viewer.id] = why
            while len(self._gone) > MOST_GONE:
                self._gone.popitem(last=False)
            logger.info("viewer of %s gone: %s", viewer.camera, why)

    def _join(
        self, camera: str, codec: Codec, sender: StreamSender
    ) -> AbstractContextManager[Stream]:
        """Let a sender into the stream of its camera in the codec that was negotiated."""
        return self._broadcasts[camera, codec].join(sender)
