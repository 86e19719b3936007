# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The bridge node: takes the cameras' pictures and shows them to browsers."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from types import MappingProxyType

from aiohttp.web import Application
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.logging import get_logger

from .access.tokens import TokenError
from .bridge import Bridge
from .direct.inlet import Inlet
from .direct.messages import socket_name
from .media.discovery import Discovery
from .media.feed import COMPRESSED_IMAGE, IMAGE, CameraFeed
from .media.intake import Intake
from .predecessor.ports import PredecessorPorts
from .predecessor.settings import PredecessorSettings as Settings
from .predecessor.settings import settings_of_camera
from .ros.callbacks import call_every
from .ros.cv_convert import to_bgr
from .ros.lean import imported_when_used
from .ros.lifecycle import OwningNode, SetupError
from .ros.log import logging_to
from .ros.parameters import NodeParameters
from .ros.subscription import OnDemandSubscription
from .runtime.loop import LoopThread
from .runtime.owning import Owned, OwnedByName
from .runtime.status import Status
from .settings.schema import SettingsError, Value
from .telemetry.counts import resident_memory
from .telemetry.diagnosis.bridge import ServerFacts
from .telemetry.diagnosis.looking import BridgeDiagnosis, NodeDiagnosis
from .telemetry.memory_watch import MemoryWatch
from .telemetry.reporting import logging_statistics
from .web.access import Access, make_access
from .web.ports import PortError, listen, require_udp
from .web.server import WebServer, make_app
from .web.tls import TlsError

RCLError = rclpy_implementation.RCLError
DISCOVER_EVERY = 1.0  # seconds
LOG_LEVELS = {
    **{
        f"pi_webrtc_streamer.{part}": logging.INFO
        for part in (
            *("access", "direct", "link", "media", "predecessor", "ros", "runtime", "teleop"),
            *("telemetry", "web", "webrtc"),
        )
    },
    **dict.fromkeys(("aiohttp", "aioice", "aiortc", "asyncio", "libav"), logging.WARNING),
}


class BridgeNode(OwningNode):
    """Owns, when configured, the event loop and the HTTP port; when active, subscriptions, media
    threads and viewers.
    """

    def __init__(
        self, node_name: str = "bridge", overrides: Mapping[str, Value] | None = None
    ) -> None:
        super().__init__(node_name, overrides)
        self._node_parameters = NodeParameters(
            self,
            Settings,
            is_configured=lambda: self.state_label not in ("unconfigured", "configuring"),
            on_live=self._change,
        )
        self._subscriptions_by_camera: dict[str, OnDemandSubscription] = {}
        self._discovery: Discovery | None = None
        self._found: dict[str, str] = {}  # topics of cameras that were discovered, by name
        self._received = OwnedByName()  # what receives the pictures of each camera
        self.url = ""  # of the page
        self.link = ""  # the same with a token, where one was made for it
        self._diagnosis = NodeDiagnosis()
        self.report_diagnostics(self._node_parameters.value("diagnostic_period"), self._judge)

    def configure(self, owned: Owned) -> None:
        """Start the event loop and listen; pages say that the bridge is inactive."""
        owned.enter("the log", logging_to(self.get_logger(), LOG_LEVELS))
        _require_codecs()
        settings, feeds = self._read_settings()
        self._bridge = Bridge(settings, feeds, self._publisher_types)
        self._predecessor = PredecessorPorts(self, owned, settings)
        try:
            listener = owned.take(
                "the port", partial(listen, settings.host, settings.port), socket.socket.close
            )
            require_udp(settings.udp_port, "udp_port")
            self._predecessor.listen()
            access = self._make_access(settings, listener)
        except (PortError, TokenError, TlsError) as error:
            raise SetupError(str(error)) from error
        self._loop = owned.take(
            "the event loop", partial(LoopThread, "bridge-loop"), LoopThread.close
        )
        foreign = self._predecessor.interface(self._bridge)
        serve = partial(self._serve, owned, access)
        server = serve("the HTTP server", make_app(self._bridge, access, foreign), listener)
        self._diagnose(owned, partial(server.facts, self._bridge, access))
        self._predecessor.serve(self._bridge, access, serve)
        self._watch_memory(owned, settings)
        self.url, self.link = access.url, access.link
        self.get_logger().info(f"page: {self.url} ({', '.join(settings.cameras)})")
        if self.link != self.url:
            # Not by the node's own logger: what that says, every ROS node can read (/rosout).
            get_logger("pi_webrtc_streamer").info(
                f"page, with the token that was made for this start: {self.link}"
            )

    def activate(self, owned: Owned) -> None:
        """Take pictures and serve viewers; a topic is subscribed to while somebody watches."""
        owned.at_end("the table of subscriptions", self._subscriptions_by_camera.clear)
        self._received = owned.enter("what receives pictures", OwnedByName())
        for feed in self._bridge.feeds.values():
            self._receive(feed)
        owned.enter("the active bridge", self._bridge.active(self._loop))
        owned.at_end("the cameras that were found", self._forget_found)
        call_every(DISCOVER_EVERY, self._discover, owned, "the look for cameras", self)
        owned.enter("the statistics", logging_statistics(self._bridge, self._loop))
        if self._bridge.driving is not None:
            # Which nobody else loads; some of its messages have arrays, and are not used.
            with imported_when_used("numpy"):
                from .ros.teleop.parts import driving_parts
            parts = driving_parts(self, self._bridge.driving, self._bridge.settings.teleop)
            owned.enter("teleoperation", parts)

    def _receive(self, feed: CameraFeed) -> None:
        """Take a camera's pictures while somebody watches, until the camera goes."""
        name = feed.name
        with Owned() as owned:
            intake = owned.take(
                f"the intake of {name}", partial(Intake, feed, to_bgr), Intake.close
            )
            receivers = {COMPRESSED_IMAGE: intake.take_compressed, IMAGE: intake.take_image}
            self._subscriptions_by_camera[name] = owned.take(
                f"the subscription of {name}",
                partial(
                    OnDemandSubscription,
                    self,
                    feed.topic,
                    receivers,
                    feed.report_misfit,
                    feed.report_loss,
                ),
                OnDemandSubscription.close,
            )
            if self._bridge.settings.direct == "auto":
                domain = self.context.get_domain_id()
                address = socket_name(domain, os.geteuid(), feed.topic)
                owned.take(f"the inlet of {name}", partial(Inlet, feed, address), Inlet.close)
            self._received.keep(name, owned)

    def _change(self, changes: dict[str, Value]) -> None:
        """Let settings take effect that can while the node runs.

        :raises SettingsError: if they do not go together with the others; nothing has changed then.
        """
        settings = self._node_parameters.changed(changes)
        topics = self._topics(settings, changes)
        self._loop.loop.call_soon_threadsafe(self._bridge.adopt, settings)
        if "topic_patterns" in changes:
            self._discovery = None
        self._configured_topics = topics
        self._follow_cameras({**topics, **self._found})

    def _discover(self) -> None:
        """Show cameras of other nodes that have come, and no more those that have gone."""
        settings = self._bridge.settings
        if not settings.discovers:
            found = {}
            self._discovery = None
        else:
            self._discovery = self._discovery or Discovery(settings.topic_patterns)
            published = {
                topic: types
                for topic, types in self.get_topic_names_and_types()
                if {COMPRESSED_IMAGE, IMAGE}.intersection(types) and self.count_publishers(topic)
            }
            found = self._discovery.look(published, self._configured_topics, time.monotonic())
        if found != self._found:
            self._found = found
            self._follow_cameras({**self._configured_topics, **found})

    def _forget_found(self) -> None:
        """Show only the cameras that were configured, when the bridge is active no more."""
        for name in self._found:
            self._remove_camera(name)
        self._found, self._discovery = {}, None

    def _follow_cameras(self, topics: Mapping[str, str]) -> None:
        """Show these cameras, in this order; those that stay do not notice."""
        for name, feed in list(self._bridge.feeds.items()):
            if topics.get(name) != feed.topic:
                self._remove_camera(name)
        for name, topic in topics.items():
            if name not in self._bridge.feeds:
                self._add_camera(name, topic)
        self._bridge.order_cameras(list(topics))

    def _add_camera(self, name: str, topic: str) -> None:
        feed = self._make_feed(name, topic, self._bridge.settings.max_pixels)
        self._bridge.add_camera(feed, self._loop)
        if self.state_label in ("active", "activating"):
            self._receive(feed)
        self.get_logger().info(f"camera {name}: {topic}")

    def _remove_camera(self, name: str) -> None:
        self._bridge.remove_camera(name, self._loop)
        self._subscriptions_by_camera.pop(name, None)
        self._received.give_back(name)
        self.get_logger().info(f"camera {name} is shown no more")

    def _serve(
        self,
        owned: Owned,
        access: Access,
        what: str,
        app: Application,
        listener: socket.socket,
    ) -> WebServer:
        server = owned.take(
            what,
            partial(WebServer, app, self._bridge.settings, access.tls),
            lambda server: self._loop.run(server.stop()),
        )
        try:
            self._loop.run(server.start(listener))
        except TimeoutError as error:
            raise SetupError(str(error)) from error
        return server

    def _diagnose(self, owned: Owned, read_server: Callable[[], ServerFacts]) -> None:
        """Let the parts of the bridge be judged as long as it is configured."""

        def begin() -> None:
            now = time.monotonic()
            self._diagnosis.configured = BridgeDiagnosis(self._bridge, self._loop, read_server, now)

        owned.take("the diagnosis", begin, lambda _: setattr(self._diagnosis, "configured", None))

    def _judge(self) -> list[Status]:
        return self._diagnosis.judge(self.state_label, self.last_failure, time.monotonic())

    def _read_settings(self) -> tuple[Settings, dict[str, CameraFeed]]:
        try:
            for camera in self._node_parameters.value("cameras"):
                self._declare_camera(camera)
            settings = self._node_parameters.read()
            self._configured_topics = self._topics(settings)
            return settings, self._make_feeds(settings)
        except SettingsError as error:
            raise SetupError(str(error)) from error

    def _make_access(self, settings: Settings, listener: socket.socket) -> Access:
        logger = self.get_logger()
        address, port, *_ = listener.getsockname()

        def warn(text: str) -> None:
            logger.warning(text)
            self._bridge.warnings["access"] = text

        return make_access(settings, (address, port), logger.info, warn)

    def _watch_memory(self, owned: Owned, settings: Settings) -> None:
        """Warn, in the log and in ``/health``, while the process holds more than it should."""
        if not settings.memory_warning:
            return
        watch = MemoryWatch(settings.memory_warning)

        def look() -> None:
            news = watch.look(resident_memory())
            if watch.warning:
                self._bridge.warnings["memory"] = watch.warning
            else:
                self._bridge.warnings.pop("memory", None)
            if news is not None and watch.warning:
                self.get_logger().warning(news)
            elif news is not None:
                self.get_logger().info(news)

        call_every(settings.memory_check_interval, look, owned, "the look at the memory", self)

    def _make_feeds(self, settings: Settings) -> dict[str, CameraFeed]:
        return {
            name: self._make_feed(name, topic, settings.max_pixels)
            for name, topic in self._configured_topics.items()
        }

    def _make_feed(self, name: str, topic: str, max_pixels: int) -> CameraFeed:
        return CameraFeed(
            name,
            topic,
            on_demand=partial(self._demand, name),
            max_pixels=max_pixels,
            stamps_behind=self._stamps_behind,
        )

    def _topics(
        self, settings: Settings, changes: Mapping[str, Value] = MappingProxyType({})
    ) -> dict[str, str]:
        """Return the topic of each camera, as parameters have it or are about to.

        :raises SettingsError: if one is no topic name.
        """
        topics = {}
        for name in settings.cameras:
            self._declare_camera(name)
            parameter = f"{name}.topic"
            topic = changes.get(parameter, self._node_parameters.value(parameter))
            topics[name] = self._resolve_topic(parameter, topic)
        return topics

    def _declare_camera(self, name: str) -> None:
        for parameter, (about, default) in settings_of_camera(name).items():
            self._node_parameters.declare(parameter, about, default)

    def _resolve_topic(self, parameter: str, topic: str) -> str:
        try:
            resolved: str = self.resolve_topic_name(topic)
        except (RCLError, ValueError) as error:
            raise SettingsError(
                f'{parameter} is "{topic}", which is no topic name: use letters, digits, _ and /'
            ) from error
        return resolved

    def _stamps_behind(self) -> int | None:
        """Return by how many ns simulated time is behind this machine; None without /clock."""
        clock = self.get_clock()
        if not clock.ros_time_is_active:
            return 0
        simulated = clock.now().nanoseconds
        return time.time_ns() - simulated if simulated else None

    def _demand(self, camera: str, audience: int) -> None:
        subscription = self._subscriptions_by_camera.get(camera)
        if subscription is not None:
            subscription.demand(audience)

    def _publisher_types(self, topic: str) -> list[str]:
        return [info.topic_type for info in self.get_publishers_info_by_topic(topic)]


def _require_codecs() -> None:
    """Miss now, rather than at the first viewer, what is imported for it (webrtc/late.py)."""
    for package in ("aiortc", "av"):
        if find_spec(package) is None:
            raise SetupError(f"the Python package {package} is missing (pip install {package})")
