"""The bridge as its web pages see it, without ROS: cameras, their media threads, and viewers."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from aiortc import RTCIceServer

from .loop import LoopThread
from .media.codec import StreamSettings
from .media.feed import CameraFeed
from .media.pipeline import MediaPipeline
from .media.tiers import Tier, make_tiers
from .settings.bridge import BridgeSettings
from .webrtc.viewer import ViewerSettings
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
    viewers: Viewers | None = None
    requests: set[asyncio.Task[object]] = field(default_factory=set)
    instance: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def ice_servers(self) -> list[RTCIceServer]:
        """The STUN and TURN servers that were configured."""
        stun = [url for url in self.settings.stun_urls if url]
        turn = [url for url in self.settings.turn_urls if url]
        servers = [RTCIceServer(urls=stun)] if stun else []
        if turn:
            servers.append(
                RTCIceServer(
                    urls=turn,
                    username=self.settings.turn_username,
                    credential=self.settings.turn_password,
                )
            )
        return servers

    @contextmanager
    def active(self, loop: LoopThread) -> Iterator[None]:
        """Serve viewers for the length of a context; entered and left outside the loop."""
        settings = self.settings
        stream = StreamSettings(settings.framerate, settings.h264_encoder)
        tiers = make_tiers(settings.bitrate, settings.lowest_bitrate, settings.tiers)
        with ExitStack() as stack:
            pipelines = {}
            for name, feed in self.feeds.items():
                feed.flush()
                pipeline = MediaPipeline(name, feed.distributor, stream, feed.report_problem)
                stack.callback(pipeline.close)
                pipelines[name] = pipeline
            stack.callback(lambda: loop.run(self._close()))
            loop.run(self._open(pipelines, tiers))
            yield

    async def _open(self, pipelines: Mapping[str, MediaPipeline], tiers: tuple[Tier, ...]) -> None:
        settings = ViewerSettings(self.settings.codecs, self.ice_servers, tiers)
        self.viewers = Viewers(pipelines, settings, self.settings.max_viewers)

    async def _close(self) -> None:
        viewers, self.viewers = self.viewers, None
        for task in self.requests:
            task.cancel()
        if viewers is not None:
            await viewers.close()
