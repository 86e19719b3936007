# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""All viewers of a bridge, and the streams that they share."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import partial

from ..media.codec import Codec
from ..media.frame_counts import FrameCounts
from ..media.pipeline import MediaPipeline
from ..media.stages import StageTimes
from ..media.stream_load import StreamLoad
from ..runtime.async_owning import AsyncOwned, Scope
from ..runtime.faults import faults
from ..runtime.heap import release_heap
from ..runtime.owning import ReleaseError
from .broadcast import Broadcast
from .capabilities import register_extensions
from .owners import Gone, Owners, ended
from .places import Place, PlaceLimits, Places
from .sender import Stream, StreamSender
from .settings import ViewerSettings
from .shared_port import SharedPort
from .viewer import Viewer

logger = logging.getLogger(__name__)

CONTROL_INTERVAL = 0.25  # seconds
ANSWER_TIMEOUT = 10.0  # seconds


class Viewers:
    """Admits viewers and owns them until they are gone; lives in the event loop.

    ``pipelines`` has the media thread of each camera by name. ``port`` is the one UDP port, if that
    is set, of viewers and drivers: these are to be gone before the viewers are closed.
    """

    def __init__(
        self, pipelines: Mapping[str, MediaPipeline], settings: ViewerSettings, places: Places
    ) -> None:
        register_extensions()
        self._settings = settings
        self._places = places
        port, addresses = settings.udp_port, settings.udp_addresses
        self.port = SharedPort(port, addresses, settings.warnings) if port else None
        self._viewers: dict[str, Viewer] = {}
        self._tasks: Owners[tuple[Viewer, str]] = Owners()  # one for each viewer, see _own
        self._owners: dict[str, asyncio.Task[None]] = {}  # the same by the viewer's id
        self._broadcasts: dict[tuple[str, Codec], Broadcast] = {}
        for camera, pipeline in pipelines.items():
            self.add_camera(camera, pipeline)
        self._control: asyncio.Task[None] | None = None
        self._gone = Gone()
        self.disconnected = 0

    async def admit(self, camera: str, offer: str, address: str) -> tuple[Viewer, str]:
        """Answer an offer to watch a camera; returns the viewer and the answer.

        :raises TooManyViewers: if the limit is reached.
        :raises OfferError: if the offer cannot be answered.
        :raises NoAddress: if this machine has none for the viewer.
        :raises AnswerTimeout: if that takes too long.
        """
        own = partial(self._own, camera, offer, address)
        answered = await self._tasks.answer(own, ANSWER_TIMEOUT)
        if self._control is None:
            self._control = asyncio.create_task(self._control_rates())
        return answered

    def add_camera(self, name: str, pipeline: MediaPipeline) -> None:
        """Let a camera be watched."""
        for codec in Codec:
            self._broadcasts[name, codec] = Broadcast(pipeline, codec, self._settings.tiers)

    async def remove_camera(self, name: str) -> None:
        """End the viewers of a camera, which nobody can watch from now on."""
        viewers = [viewer for viewer in self._viewers.values() if viewer.camera == name]
        owners = [self._owners[viewer.id] for viewer in viewers]
        for viewer in viewers:
            viewer.end("the bridge no longer shows the camera")
        await ended(owners)
        for codec in Codec:
            self._broadcasts.pop((name, codec), None)

    def adopt(self, settings: ViewerSettings, limits: PlaceLimits) -> None:
        """Go on with other settings; codecs and ICE servers are for viewers who come."""
        self._settings = settings
        self._places.limits = limits
        for broadcast in self._broadcasts.values():
            broadcast.adopt(settings.tiers)

    @property
    def settings(self) -> ViewerSettings:
        """What is the same for all viewers, and for drivers."""
        return self._settings

    def get(self, camera: str, viewer_id: str) -> Viewer | None:
        """Return a viewer of a camera by its id, or None if it is gone."""
        viewer = self._viewers.get(viewer_id)
        return viewer if viewer is not None and viewer.camera == camera else None

    async def remove(self, viewer: Viewer, why: str) -> None:
        """End a viewer; returns when everything it held is given back."""
        viewer.end(why)
        owner = self._owners.get(viewer.id)
        if owner is not None:
            await ended([owner])

    async def close(self) -> None:
        """End every viewer."""
        if self._control is not None:
            self._control.cancel()
            await ended([self._control])
        for task in self._tasks.tasks - set(self._owners.values()):
            task.cancel()  # its offer has not been answered yet
        for viewer in self._viewers.values():
            viewer.end("the bridge is deactivated")
        await ended(self._tasks.tasks)
        if self.port is not None:
            self.port.close()
        release_heap()

    def counts(self) -> Counter[str]:
        """Return how many viewers each camera has."""
        return Counter(viewer.camera for viewer in self._viewers.values())

    def frame_counts(self, camera: str) -> FrameCounts:
        """Count the pictures of a camera that were sent and dropped so far, in all codecs."""
        counts = [self._broadcasts[camera, codec].counts() for codec in Codec]
        return FrameCounts(*(sum(column) for column in zip(*counts, strict=True)))

    def sent_since(self, camera: str, when: int) -> list[StageTimes]:
        """Return some of the pictures sent since a time, in nanoseconds since the epoch."""
        broadcasts = [self._broadcasts[camera, codec] for codec in Codec]
        return [times for each in broadcasts for times in each.sent_since(when)]

    def why_gone(self, viewer_id: str) -> str | None:
        """Say why a viewer is gone, for some time after it went; None if it is unknown."""
        return self._gone.why(viewer_id)

    def owner(self, viewer: Viewer) -> asyncio.Task[None] | None:
        """Return the task that ends when a viewer has given everything back; None if it has.

        It is to be waited for, and not to be cancelled.
        """
        return self._owners.get(viewer.id)

    def peers(self, camera: str) -> dict[str, dict[str, str]]:
        """Return the states of each viewer's connection to a camera, by the viewer's number."""
        return {
            viewer.number: viewer.states()
            for viewer in self._viewers.values()
            if viewer.camera == camera
        }

    def describe(self) -> dict[str, object]:
        """Return what ``/stats`` says of streams and viewers."""
        streams: dict[str, list[dict[str, object]]] = {}
        traffic: dict[str, dict[str, object]] = {}
        for (camera, codec), broadcast in self._broadcasts.items():
            streams.setdefault(camera, []).extend(broadcast.describe())
            traffic.setdefault(camera, {})[codec.value] = broadcast.traffic._asdict()
        viewers = {viewer.number: viewer.describe() for viewer in self._viewers.values()}
        return {
            "streams": streams,
            "traffic": traffic,
            "viewers": viewers,
            "disconnected": self.disconnected,
        }

    def loads(self) -> dict[str, list[StreamLoad]]:
        """Return what the streams that are open cost, by camera."""
        loads: dict[str, list[StreamLoad]] = {}
        for (camera, _), broadcast in self._broadcasts.items():
            loads.setdefault(camera, []).extend(broadcast.loads())
        return loads

    async def _control_rates(self) -> None:
        """Follow the viewers' links until the last viewer is closed."""
        try:
            while self._tasks.tasks:
                await asyncio.sleep(CONTROL_INTERVAL)
                self._follow_links()
        finally:
            self._control = None
        release_heap()

    def _follow_links(self) -> None:
        # A method of its own, whose variables do not hold the last viewer when memory is released.
        try:
            for broadcast in self._broadcasts.values():
                broadcast.update()
            now = time.monotonic()
            for viewer in self._viewers.values():
                trouble = viewer.trouble(now)
                if trouble is not None:
                    self.disconnected += 1
                    viewer.end(trouble)
        except Exception as error:
            # A fault of ours must not stop the control of the others' rates.
            faults.report(logger, "the viewers' rates could not be controlled", error)

    async def _own(
        self,
        camera: str,
        offer: str,
        address: str,
        answered: asyncio.Future[tuple[Viewer, str]],
    ) -> None:
        """Own all that a viewer holds, from its offer to its end; one task for each viewer."""
        try:
            async with AsyncOwned() as owned:
                place = owned.take(
                    "a viewer's place", partial(self._places.take, camera, address), Place.free
                )
                owned.take_async("what was started for a viewer", Scope, Scope.close)
                viewer = owned.take_async(
                    "a viewer's peer connection",
                    lambda: Viewer(camera, self._settings, partial(self._join, camera), self.port),
                    Viewer.close,
                )
                answer = await viewer.answer(offer)
                owned.take("a viewer's entry", partial(self._enter, viewer), self._leave)
                answered.set_result((viewer, answer))
                await viewer.watch(place.connected)
        except ReleaseError:
            pass  # which has been logged
        except Exception as error:
            if not answered.done():
                raise  # for admit() to say
            faults.report(logger, f"a viewer of {camera} was lost", error)

    def _enter(self, viewer: Viewer) -> Viewer:
        task = asyncio.current_task()
        assert task is not None
        self._viewers[viewer.id] = viewer
        self._owners[viewer.id] = task
        return viewer

    def _leave(self, viewer: Viewer) -> None:
        del self._viewers[viewer.id], self._owners[viewer.id]
        why = viewer.why_gone or "its task was cancelled"
        self._gone.note(viewer.id, why)
        logger.info("viewer of %s gone: %s", viewer.camera, why)

    def _join(
        self, camera: str, codec: Codec, sender: StreamSender
    ) -> AbstractContextManager[Stream]:
        """Let a sender into the stream of its camera in the codec that was negotiated."""
        return self._broadcasts[camera, codec].join(sender)
