# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The bridge as its web pages see it, without ROS: cameras, their media threads, and viewers."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from .media.codec import StreamSettings
from .media.feed import CameraFeed
from .media.tiers import make_tiers
from .media.timeline import Timeline
from .runtime.loop import LoopThread
from .runtime.owning import LONGEST_RELEASE, Owned, OwnedByName
from .settings.bridge import BridgeSettings
from .webrtc.late import LateViewers
from .webrtc.places import PlaceLimits
from .webrtc.settings import IceServer, ViewerSettings

if TYPE_CHECKING:
    from .media.pipeline import MediaPipeline
    from .teleop.dead_man import Sight
    from .teleop.driving import Driving
    from .webrtc.controllers import Controllers
    from .webrtc.viewers import Viewers


@dataclass
class Bridge:
    """What the HTTP handlers work on, from configure to cleanup.

    ``publisher_types`` returns the message types of a topic's publishers. ``viewers`` is there only
    while the bridge is active, and ``timelines``, by camera, once somebody has watched: they are
    replaced as a whole. ``driving`` is there if it is enabled, and ``controllers`` while it is
    active, too. ``warnings`` has what ``/health`` warns of, by subject; any thread may set one.
    ``requests`` holds the tasks of pictures that are being served by HTTP, with the camera, to be
    ended when that goes or the bridge is deactivated. ``refused`` counts the requests that were not
    admitted. ``on_settings`` are called when there are other settings. ``instance`` is new for each
    configuration, so that a page sees a restart.
    """

    settings: BridgeSettings
    feeds: Mapping[str, CameraFeed]
    publisher_types: Callable[[str], Sequence[str]]
    viewers: LateViewers | None = None
    timelines: Mapping[str, Timeline] = field(default_factory=dict)
    warnings: dict[str, str] = field(default_factory=dict)
    requests: dict[asyncio.Task[object], str] = field(default_factory=dict)
    refused: int = 0
    instance: str = field(default_factory=lambda: secrets.token_hex(8))
    on_settings: set[Callable[[], object]] = field(default_factory=set)
    driving: Driving | None = None
    controllers: Controllers | None = None
    _pipelines: OwnedByName = field(default_factory=OwnedByName)

    def __post_init__(self) -> None:
        if self.settings.teleop.enabled:
            self.driving = self._make_driving()

    @property
    def ice_servers(self) -> list[IceServer]:
        """The STUN and TURN servers that were configured."""
        stun = [url for url in self.settings.stun_urls if url]
        turn = [url for url in self.settings.turn_urls if url]
        servers = [IceServer(urls=stun)] if stun else []
        if turn:
            servers.append(
                IceServer(
                    urls=turn,
                    username=self.settings.turn_username,
                    credential=self.settings.turn_password,
                )
            )
        return servers

    @contextmanager
    def active(self, loop: LoopThread) -> Iterator[None]:
        """Serve viewers for the length of a context; entered and left outside the loop."""
        with Owned() as owned:
            owned.at_end("the flush of the cameras", self._flush)
            self._pipelines = owned.enter("the media threads", OwnedByName())
            owned.at_end("the pictures served by HTTP", lambda: loop.run(self._end_requests()))
            self.viewers = owned.take(
                "the viewers",
                lambda: LateViewers(self._make_viewers),
                lambda viewers: loop.run(self._close(viewers)),
            )
            if self.driving is not None:
                self.controllers = owned.take(
                    "the drivers",
                    partial(self._make_controllers, self.driving, self.viewers),
                    lambda controllers: loop.run(self._close_controllers(controllers)),
                )
            yield

    def _make_controllers(self, driving: Driving, viewers: LateViewers) -> Controllers:
        from .webrtc.controllers import Controllers

        return Controllers(driving, viewers)

    async def _close_controllers(self, controllers: Controllers) -> None:
        self.controllers = None
        await controllers.close()

    def _make_driving(self) -> Driving:
        # Nothing of it is loaded where nobody is to drive.
        from .teleop.dead_man import Sight
        from .teleop.driving import Driving
        from .teleop.head import Head

        limits = self.settings.teleop.head_limits
        head = None if limits is None else Head(limits)
        return Driving(self.settings.teleop.limits, partial(self._find_sight, Sight), head)

    def _find_sight(self, make: type[Sight], camera: int, picture: int) -> Sight | None:
        """Return the picture of a camera, by its place in the list, with an RTP timestamp."""
        names = list(self.feeds)
        timeline = self.timelines.get(names[camera]) if camera < len(names) else None
        capture = timeline.captured(picture) if timeline is not None else None
        if timeline is None or capture is None:
            return None
        return make(capture.captured, timeline.period or 0.0, capture.certain)

    def add_camera(self, feed: CameraFeed, loop: LoopThread) -> None:
        """Show one more camera, outside the loop; active or not."""
        loop.run(self._add_camera(feed))

    def remove_camera(self, name: str, loop: LoopThread) -> None:
        """Show a camera no more, outside the loop: whoever watches it is told that it is gone."""
        loop.run(self._remove_camera(name))
        self._pipelines.give_back(name)

    def order_cameras(self, names: Sequence[str]) -> None:
        """Show the cameras in this order; those that it does not name come last."""
        known = [name for name in names if name in self.feeds]
        self.feeds = {name: self.feeds[name] for name in dict.fromkeys([*known, *self.feeds])}

    async def _add_camera(self, feed: CameraFeed) -> None:
        if self.viewers is not None and self.viewers.are_loaded:
            self.viewers.add_camera(feed.name, self._start_pipeline(feed))
        self.feeds = {**self.feeds, feed.name: feed}

    async def _remove_camera(self, name: str) -> None:
        feed = self.feeds[name]
        self.feeds = {other: each for other, each in self.feeds.items() if other != name}
        self.timelines = {other: each for other, each in self.timelines.items() if other != name}
        await self._end_requests(name)
        if self.viewers is not None:
            await self.viewers.remove_camera(name)
        feed.flush()

    def _flush(self) -> None:
        for feed in self.feeds.values():
            feed.flush()

    def _make_viewers(self) -> Viewers:
        """Start the media threads, and return their viewers."""
        # LateViewers says why not before.
        from .webrtc.places import Places
        from .webrtc.viewers import Viewers

        with Owned() as undo:
            undo.at_end("the media threads of a start that failed", self._pipelines.close)
            pipelines = {name: self._start_pipeline(feed) for name, feed in self.feeds.items()}
            viewers = Viewers(pipelines, self._viewer_settings(), Places(self._place_limits()))
            undo.pop_all()
            return viewers

    def _start_pipeline(self, feed: CameraFeed) -> MediaPipeline:
        """Start a camera's media thread, to be ended with the camera."""
        from .media.pipeline import MediaPipeline

        settings, name = self.settings, feed.name
        stream = StreamSettings(
            settings.framerate,
            settings.h264_encoder,
            settings.encoder_threads,
            settings.max_pixels,
            settings.mtu,
        )
        with Owned() as owned:
            pipeline = owned.take(
                f"the media thread of {name}",
                partial(
                    MediaPipeline, name, feed.pictures.distributor, stream, feed.report_problem
                ),
                MediaPipeline.close,
            )
            self._pipelines.keep(name, owned)
        self.timelines = {**self.timelines, name: pipeline.timeline}
        return pipeline

    def _viewer_settings(self) -> ViewerSettings:
        settings = self.settings
        return ViewerSettings(
            settings.codecs,
            self.ice_servers,
            make_tiers(settings.bitrate, settings.lowest_bitrate, settings.tiers),
            settings.connect_timeout,
            self.warnings,
            settings.udp_port,
            [address for address in settings.udp_addresses if address],
        )

    def _place_limits(self) -> PlaceLimits:
        settings = self.settings
        return PlaceLimits(
            total=settings.max_viewers,
            camera=settings.max_viewers_per_camera,
            address=settings.max_viewers_per_address,
            connecting=settings.max_connecting,
        )

    def adopt(self, settings: BridgeSettings) -> None:
        """Go on with other settings, of which only live ones differ; in the event loop."""
        self.settings = settings
        if self.viewers is not None:
            self.viewers.adopt(self._viewer_settings(), self._place_limits())
        for tell in self.on_settings:
            tell()

    async def _close(self, viewers: LateViewers) -> None:
        self.viewers = None  # from here on, requests are told that the bridge is inactive
        self.timelines = {}
        await viewers.close()

    async def _end_requests(self, camera: str | None = None) -> None:
        """End what is served of one camera, or all."""
        tasks = [task for task, name in self.requests.items() if camera in (None, name)]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=LONGEST_RELEASE)
