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
from .runtime.owning import LONGEST_RELEASE, Owned
from .settings.bridge import BridgeSettings
from .webrtc.late import LateViewers
from .webrtc.places import PlaceLimits
from .webrtc.settings import IceServer, ViewerSettings

if TYPE_CHECKING:
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
    ``requests`` holds the tasks of pictures that are being served by HTTP, to be ended when the
    bridge is deactivated. ``refused`` counts the requests that were not admitted. ``on_settings``
    are called when there are other settings. ``instance`` is new for each configuration, so that a
    page sees a restart.
    """

    settings: BridgeSettings
    feeds: Mapping[str, CameraFeed]
    publisher_types: Callable[[str], Sequence[str]]
    viewers: LateViewers | None = None
    timelines: Mapping[str, Timeline] = field(default_factory=dict)
    warnings: dict[str, str] = field(default_factory=dict)
    requests: set[asyncio.Task[object]] = field(default_factory=set)
    refused: int = 0
    instance: str = field(default_factory=lambda: secrets.token_hex(8))
    on_settings: set[Callable[[], object]] = field(default_factory=set)
    driving: Driving | None = None
    controllers: Controllers | None = None

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
            for feed in self.feeds.values():
                owned.at_end("the flush of a camera", feed.flush)
            pipelines = owned.enter("the media threads", Owned())
            owned.at_end("the pictures served by HTTP", lambda: loop.run(self._end_requests()))
            self.viewers = owned.take(
                "the viewers",
                lambda: LateViewers(partial(self._make_viewers, pipelines)),
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
        names = self.settings.cameras
        timeline = self.timelines.get(names[camera]) if camera < len(names) else None
        capture = timeline.captured(picture) if timeline is not None else None
        if timeline is None or capture is None:
            return None
        return make(capture.captured, timeline.period or 0.0, capture.certain)

    def _make_viewers(self, pipelines: Owned) -> Viewers:
        """Start the media threads, to be ended with the stack, and return their viewers."""
        # LateViewers says why not before.
        from .media.pipeline import MediaPipeline
        from .webrtc.places import Places
        from .webrtc.viewers import Viewers

        settings = self.settings
        stream = StreamSettings(
            settings.framerate,
            settings.h264_encoder,
            settings.encoder_threads,
            settings.max_pixels,
            settings.mtu,
        )
        with Owned() as undo:
            undo.at_end("the media threads of a start that failed", pipelines.close)
            by_camera = {
                name: pipelines.take(
                    f"the media thread of {name}",
                    partial(MediaPipeline, name, feed.distributor, stream, feed.report_problem),
                    MediaPipeline.close,
                )
                for name, feed in self.feeds.items()
            }
            viewers = Viewers(by_camera, self._viewer_settings(), Places(self._place_limits()))
            self.timelines = {name: each.timeline for name, each in by_camera.items()}
            undo.pop_all()
            return viewers

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

    async def _end_requests(self) -> None:
        for task in self.requests:
            task.cancel()
        if self.requests:
            await asyncio.wait(self.requests, timeout=LONGEST_RELEASE)
