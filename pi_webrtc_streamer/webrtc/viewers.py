"""All viewers of a bridge, and the streams that they share."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import partial

from ..media.codec import Codec
from ..media.pipeline import MediaPipeline
from .fanout import Fanout
from .sender import Stream, StreamSender, register_extensions
from .viewer import Viewer, ViewerSettings

logger = logging.getLogger(__name__)


class TooManyViewers(Exception):
    """No further viewer is served now."""


class Viewers:
    """Admits viewers and owns them until they are gone; lives in the event loop.

    ``pipelines`` has the media thread of each camera by name.
    """

    def __init__(
        self, pipelines: Mapping[str, MediaPipeline], settings: ViewerSettings, limit: int
    ) -> None:
        register_extensions()
        self._settings = settings
        self._limit = limit
        self._places = 0
        self._viewers: dict[str, Viewer] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._fanouts = {
            (camera, codec): Fanout(pipeline, codec)
            for camera, pipeline in pipelines.items()
            for codec in Codec
        }

    async def admit(self, camera: str, offer: str) -> tuple[Viewer, str]:
        """Answer an offer to watch a camera; returns the viewer and the answer.

        :raises TooManyViewers: if the limit is reached.
        :raises OfferError: if the offer cannot be answered.
        """
        if self._places >= self._limit:
            raise TooManyViewers(f"all {self._limit} places for viewers are taken")
        self._places += 1
        try:
            viewer = Viewer(camera, self._settings, partial(self._join, camera))
            try:
                answer = await viewer.answer(offer)
            except BaseException:
                await viewer.close()
                raise
        except BaseException:
            self._places -= 1
            raise
        self._viewers[viewer.id] = viewer
        self._tasks[viewer.id] = asyncio.create_task(self._serve(viewer))
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

    def counts(self) -> Counter[str]:
        """Return how many viewers each camera has."""
        return Counter(viewer.camera for viewer in self._viewers.values())

    async def _serve(self, viewer: Viewer) -> None:
        why = "its task was cancelled"
        try:
            why = await viewer.watch()
        finally:
            try:
                await viewer.close()
            except Exception:
                logger.exception("a viewer of %s did not close cleanly", viewer.camera)
            del self._viewers[viewer.id], self._tasks[viewer.id]
            self._places -= 1
            logger.info("viewer of %s gone: %s", viewer.camera, why)

    def _join(
        self, camera: str, codec: Codec, sender: StreamSender
    ) -> AbstractContextManager[Stream]:
        """Let a sender into the stream of its camera in the codec that was negotiated."""
        return self._fanouts[camera, codec].join(sender)
