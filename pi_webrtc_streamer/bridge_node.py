"""The bridge node: takes the cameras' pictures and shows them to browsers."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from importlib.util import find_spec

import ifaddr
from rclpy.impl.implementation_singleton import rclpy_implementation

from .bridge import Bridge
from .cv_convert import to_bgr
from .lifecycle import OwningNode, SetupError
from .loop import LoopThread
from .media.feed import COMPRESSED_IMAGE, IMAGE, CameraFeed
from .media.raw_feed import RawFeed
from .owning import Owned
from .roslog import logging_to
from .settings.bridge import BridgeSettings
from .settings.parameters import NodeParameters
from .settings.schema import Setting, SettingsError, Value
from .topic import OnDemandSubscription
from .web.server import PortError, WebServer

RCLError = rclpy_implementation.RCLError
LOG_LEVELS = {
    **{
        f"pi_webrtc_streamer.{part}": logging.INFO
        for part in ("media", "webrtc", "web", "owning", "loop", "topic")
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
            BridgeSettings,
            is_configured=lambda: self.state_label not in ("unconfigured", "configuring"),
        )
        self._subscriptions_by_camera: dict[str, OnDemandSubscription] = {}
        self.url = ""

    def configure(self, owned: Owned) -> None:
        """Start the event loop and listen; pages say that the bridge is inactive."""
        owned.enter("the log", logging_to(self.get_logger(), LOG_LEVELS))
        _require_codecs()
        settings = self._read_settings()
        self._bridge = Bridge(settings, self._make_feeds(settings), self._publisher_types)
        self._loop = owned.take(
            "the event loop", partial(LoopThread, "bridge-loop"), LoopThread.close
        )
        server = owned.take(
            "the HTTP server",
            lambda: WebServer(self._bridge),
            lambda server: self._loop.run(server.stop()),
        )
        try:
            port = self._loop.run(server.start(settings.host, settings.port))
        except (PortError, TimeoutError) as error:
            raise SetupError(str(error)) from error
        self.url = page_url(settings.host, port)
        self.get_logger().info(f"page: {self.url} ({', '.join(settings.cameras)})")

    def activate(self, owned: Owned) -> None:
        """Take pictures and serve viewers; a topic is subscribed to while somebody watches."""
        owned.at_end("the table of subscriptions", self._subscriptions_by_camera.clear)
        for name, feed in self._bridge.feeds.items():
            raw_feed = owned.take(
                f"the raw pictures of {name}", partial(RawFeed, feed, to_bgr), RawFeed.close
            )
            receivers = {COMPRESSED_IMAGE: feed.accept, IMAGE: raw_feed.accept}
            self._subscriptions_by_camera[name] = owned.take(
                f"the subscription of {name}",
                partial(OnDemandSubscription, self, feed.topic, receivers, feed.report_misfit),
                OnDemandSubscription.close,
            )
        owned.enter("the active bridge", self._bridge.active(self._loop))

    def _read_settings(self) -> BridgeSettings:
        try:
            for name in self._node_parameters.value("cameras"):
                about = Setting(
                    f"Topic of camera {name} (sensor_msgs/CompressedImage or sensor_msgs/Image)"
                )
                self._node_parameters.declare(
                    f"{name}.topic", about, f"{name}/image_raw/compressed"
                )
            return self._node_parameters.read()
        except SettingsError as error:
            raise SetupError(str(error)) from error

    def _make_feeds(self, settings: BridgeSettings) -> dict[str, CameraFeed]:
        feeds = {}
        for name in settings.cameras:
            topic = self._resolve_topic(f"{name}.topic")
            feeds[name] = CameraFeed(
                name,
                topic,
                on_demand=partial(self._demand, name),
                max_pixels=settings.max_pixels,
            )
        return feeds

    def _resolve_topic(self, parameter: str) -> str:
        topic = self._node_parameters.value(parameter)
        try:
            resolved: str = self.resolve_topic_name(topic)
        except (RCLError, ValueError) as error:
            raise SetupError(
                f'{parameter} is "{topic}", which is no topic name: use letters, digits, _ and /'
            ) from error
        return resolved

    def _demand(self, camera: str, wanted: bool) -> None:
        subscription = self._subscriptions_by_camera.get(camera)
        if subscription is not None:
            subscription.demand(wanted)

    def _publisher_types(self, topic: str) -> list[str]:
        return [info.topic_type for info in self.get_publishers_info_by_topic(topic)]


def _require_codecs() -> None:
    """Miss now, rather than at the first viewer, what is imported for it (webrtc/late.py)."""
    for package in ("aiortc", "av"):
        if find_spec(package) is None:
            raise SetupError(f"the Python package {package} is missing (pip install {package})")


def page_url(host: str, port: int) -> str:
    """Return the address to type into a browser; for every interface, that of the first one."""
    if host in ("0.0.0.0", "::", ""):
        addresses = [ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips if ip.is_IPv4]
        host = next((str(ip) for ip in addresses if ip != "127.0.0.1"), "127.0.0.1")
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
