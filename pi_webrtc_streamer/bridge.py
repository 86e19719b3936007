"""The bridge as its web pages see it, without ROS: cameras, their media threads, and viewers."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from .loop import LoopThread
from .media.codec import StreamSettings
from .media.feed import CameraFeed
from .media.tiers import make_tiers
from .settings.bridge import BridgeSettings
from .webrtc.late import LateViewers
from .webrtc.settings import IceServer, ViewerSettings

if TYPE_CHECKING:
    from .webrtc.viewers import Viewers


@dataclass
class Bridge:
    """What the HTTP handlers work on, from configure to cleanup.

    ``publisher_types`` returns the message types of a topic's publishers. ``viewers`` is there only
    while the bridge is active. ``requests`` holds the tasks of pictures that are being served by
    HTTP, to be ended when the bridge is deactivated. ``instance`` is new for each configuration, so
    that a page sees a restart.
    """

    settings: BridgeSettings
    feeds: Mapping[str, CameraFeed]
    publisher_types: Callable[[str], Sequence[str]]
    viewers: LateViewers | None = None
    requests: set[asyncio.Task[object]] = field(default_factory=set)
    instance: str = field(default_factory=lambda: secrets.token_hex(8))

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
        with ExitStack() as pipelines:
            for feed in self.feeds.values():
                feed.flush()
            self.viewers = LateViewers(partial(self._make_viewers, pipelines))
            try:
                yield
            finally:
                loop.run(self._close())

    def _make_viewers(self, pipelines: ExitStack) -> Viewers:
        """Start the media threads, to be ended with the stack, and return their viewers."""
        # LateViewers says why not before.
        from .media.pipeline import MediaPipeline
        from .webrtc.places import PlaceLimits, Places
        from .webrtc.viewers import Viewers

        settings = self.settings
        stream = StreamSettings(settings.framerate, settings.h264_encoder, settings.max_pixels)
        tiers = make_tiers(settings.bitrate, settings.lowest_bitrate, settings.tiers)
        by_camera = {}
        for name, feed in self.feeds.items():
            pipeline = MediaPipeline(name, feed.distributor, stream, feed.report_problem)
            pipelines.callback(pipeline.close)
            by_camera[name] = pipeline
        return Viewers(
            by_camera,
            ViewerSettings(settings.codecs, self.ice_servers, tiers, settings.connect_timeout),
            Places(
                PlaceLimits(
                    total=settings.max_viewers,
                    camera=settings.max_viewers_per_camera,
                    address=settings.max_viewers_per_address,
                    connecting=settings.max_connecting,
                )
            ),
        )

    async def _close(self) -> None:
        viewers, self.viewers = self.viewers, None
        for task in self.requests:
            task.cancel()
        if viewers is not None:
            await viewers.close()
