# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The camera node: captures pictures and publishes them as JPEG."""

from __future__ import annotations

import array
import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from rclpy.event_handler import PublisherEventCallbacks, QoSOfferedIncompatibleQoSInfo
from rclpy.lifecycle import LifecyclePublisher
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from sensor_msgs.srv import SetCameraInfo
from std_msgs.msg import Header

from .camera.calibration import CalibrationError
from .camera.camera_info_manager import CameraInfoManager, Kept
from .camera.capture import CaptureThread
from .camera.jpeg_encoder import JpegEncoder
from .camera.opening import geometry_of, open_source, processing
from .camera.pixel_map import Steps
from .camera.planes import copy_planes
from .camera.source import Picture, Source, SourceError
from .camera.still import Once
from .camera.uncompressed import Uncompressor
from .direct.messages import socket_name
from .direct.outlet import Outlet
from .ros.callbacks import call_every, own_group
from .ros.lifecycle import OwningNode, SetupError
from .ros.log import logging_to, working_for
from .ros.parameters import NodeParameters
from .ros.qos import misfit_of_subscriber, newest_only
from .runtime.owning import Owned
from .runtime.status import Status
from .settings.camera import CameraSettings
from .settings.schema import SettingsError, Value
from .telemetry.counts import resident_memory
from .telemetry.diagnosis.capture import CaptureDiagnosis, CaptureFacts, judge_at_rest
from .telemetry.statistics import CaptureStatistics

LOG_LEVELS = {f"pi_webrtc_streamer.{room}": logging.INFO for room in ("camera", "direct")}
CONTROLS = "controls."
GEOMETRY = {"crop", "flip", "output_height", "output_width", "rotation"}
URL = "camera_info_url"


class CameraNode(OwningNode):
    """Owns an open source, publishers and a service when configured; active, a capture thread."""

    def __init__(
        self, node_name: str = "camera", overrides: Mapping[str, Value] | None = None
    ) -> None:
        super().__init__(node_name, overrides)
        self._controls: dict[str, Value] = {}
        self._statistics = CaptureStatistics(time.monotonic())
        self._statistics_log = Owned()
        self._node_parameters = NodeParameters(
            self,
            CameraSettings,
            is_configured=lambda: self.state_label not in ("unconfigured", "configuring"),
            on_live=self._change,
        )
        self._hardware_id = "none"  # known once the source was open
        self.report_diagnostics(self._node_parameters.value("diagnostic_period"), self._judge)

    def configure(self, owned: Owned) -> None:
        """Open the source and create the publishers."""
        owned.enter("the log", logging_to(self.get_logger(), LOG_LEVELS))
        try:
            self._settings = self._node_parameters.read(known_prefixes=(CONTROLS,))
            self._controls.update(self._node_parameters.overrides(CONTROLS))
            # By then, the source may be another one.
            owned.take("the source", self._open, lambda _: self._source.close())
        except (SettingsError, SourceError) as error:
            raise SetupError(str(error)) from error
        jpeg_encoder = self._settings.jpeg_encoder
        self._jpeg_encoder = owned.take(
            "the JPEG encoder", lambda: JpegEncoder(jpeg_encoder), JpegEncoder.close
        )
        self._encode = self._encoder(self._settings)
        self._frame_id = self._settings.frame_of(self.get_name())
        self._declare_controls(self._source)
        self._images = self._publisher(owned, CompressedImage, "~/image_raw/compressed")
        self._raw_images = self._publisher(owned, Image, "~/image_raw")
        self._uncompressed = Once(Uncompressor(self._settings.output_encoding))
        self._infos = self._publisher(owned, CameraInfo, "~/camera_info")
        self._manage_camera_info(owned)
        self.get_logger().info(f"source: {self._source.description}")

    def activate(self, owned: Owned) -> None:
        """Start to capture and publish."""
        self._statistics = CaptureStatistics(time.monotonic())
        owned.at_end("the log of statistics", self._statistics_log.close)
        self._log_statistics()
        name = socket_name(self.context.get_domain_id(), os.geteuid(), self._images.topic_name)
        self._outlet = owned.take("the direct way", partial(Outlet, name), Outlet.close)
        try:
            self._capture = owned.take(
                "the capture",
                partial(CaptureThread, self._source, self._reopen, self._take),
                CaptureThread.close,
            )
        except SourceError as error:
            raise SetupError(str(error)) from error
        self._diagnosis = CaptureDiagnosis(time.monotonic(), self._hardware_id)
        self.get_logger().info(
            f"publishing {self._images.topic_name} ({self._settings.framerate:g} fps asked for)"
        )

    def _open(self, given_up: threading.Event | None = None) -> None:
        """Open the source as the settings have it now, controls included."""
        with Owned() as owned:
            asked = self._settings
            source, steps, settings, stand_in = open_source(asked, given_up)
            owned.at_end("a source that cannot be used", source.close)
            # That may take a while. What has been changed meanwhile holds.
            settings = replace(self._settings, source=settings.source)
            if settings.framerate != asked.framerate:
                source.set_framerate(settings.framerate)
            if settings.source != "picamera2":  # which is opened once more for its geometry
                steps = Steps(by_us=geometry_of(settings))
            self._processing = processing(steps)
            for name, value in self._controls.items():
                try:
                    source.set_control(name, value)
                except SettingsError as error:
                    self.get_logger().warning(f"{CONTROLS}{name} is left out: {error}")
            self._source, self._settings, self._stand_in = source, settings, stand_in
            self._hardware_id = source.hardware_id
            owned.pop_all()

    def _reopen(self, given_up: threading.Event | None = None) -> Source:
        """Replace a source that has failed; in the capture thread, until that is to end."""
        self._source.close()
        self._open(given_up)
        return self._source

    def _publisher(self, owned: Owned, message_type: type, topic: str) -> LifecyclePublisher:
        qos = newest_only(ReliabilityPolicy[self._settings.reliability.upper()])
        return owned.take(
            f"the publisher of {topic}",
            lambda: self.create_lifecycle_publisher(
                message_type,
                topic,
                qos,
                callback_group=own_group(),
                event_callbacks=PublisherEventCallbacks(
                    incompatible_qos=partial(self._warn_of_misfit, topic, qos)
                ),
                qos_overriding_options=QoSOverridingOptions.with_default_policies(),
            ),
            self.destroy_lifecycle_publisher,
        )

    def _warn_of_misfit(
        self, topic: str, offered: QoSProfile, event: QoSOfferedIncompatibleQoSInfo
    ) -> None:
        topic = self.resolve_topic_name(topic)
        infos = self.get_subscriptions_info_by_topic(topic)
        asked = [info.qos_profile for info in infos]
        why = misfit_of_subscriber(event.last_policy_kind, topic, offered, asked)
        self.get_logger().warning(why)

    def _take(self, picture: Picture) -> None:
        """Publish a picture and count it; in the capture thread."""
        with self._statistics.counting():
            self._publish(picture)
        age = time.time_ns() - picture.stamp
        self._statistics.on_handled(age, (picture.width, picture.height))

    def _publish(self, picture: Picture) -> None:
        """Publish a picture; nothing is encoded for nobody."""
        node_time = self._settings.use_node_time
        stamp = self.get_clock().now().nanoseconds if node_time else picture.stamp
        seconds, nanoseconds = divmod(stamp, 1_000_000_000)
        header = Header(frame_id=self._frame_id)
        header.stamp.sec, header.stamp.nanosec = seconds, nanoseconds
        compressed = self._images.get_subscription_count() > 0
        raw = self._raw_images.get_subscription_count() > 0
        steps, transform = self._processing
        direct = self._outlet.wanted
        if compressed or raw or direct:
            begun = time.perf_counter()
            changed = transform(picture)
            if direct:
                fill = partial(copy_planes, changed)
                self._outlet.put(changed.width, changed.height, stamp, fill)
            jpeg_time = self._publish_compressed(changed, header, begun) if compressed else None
            if compressed or direct:
                self._statistics.on_published(jpeg_time)
            if raw:
                self._publish_raw(changed, header)
        info = self._camera_info.of(picture, steps)
        if self._infos.get_subscription_count() > 0:
            info.header = header
            self._infos.publish(info)

    def _publish_compressed(self, picture: Picture, header: Header, begun: float) -> float:
        """Publish a picture as JPEG; returns how many ms that took since it was begun."""
        jpeg = self._encode(picture)
        encoded = time.perf_counter()
        # rclpy copies an array at once, and every other type byte by byte.
        message = CompressedImage(header=header, format="jpeg", data=array.array("B", jpeg))
        self._images.publish(message)
        return 1000 * (encoded - begun)

    def _publish_raw(self, picture: Picture, header: Header) -> None:
        pixels = self._uncompressed(picture)
        message = Image(
            header=header,
            height=pixels.height,
            width=pixels.width,
            encoding=self._settings.output_encoding,
            step=pixels.step,
            data=pixels.data,
        )
        self._raw_images.publish(message)

    def _log_statistics(self) -> None:
        """Log a line of statistics now and then, as the settings have it."""

        def report() -> None:
            self.get_logger().info(self._statistics.line(time.monotonic(), resident_memory()))

        self._statistics_log.close()
        if interval := self._settings.statistics_interval:
            what = "the timer of the statistics"
            call_every(interval, report, self._statistics_log, what, self)

    def _judge(self) -> Sequence[Status]:
        """Say how the camera is, for ``/diagnostics``."""
        if self.state_label != "active":
            return [judge_at_rest(self.state_label, self.last_failure, self._hardware_id)]
        capture, statistics = self._capture, self._statistics
        captured, published, dropped = statistics.counts
        facts = CaptureFacts(
            source=self._source.description,
            expected=self._source.framerate,
            captured=captured,
            published=published,
            dropped=dropped,
            ages=statistics.take_ages(),
            size=statistics.size,
            subscribers=self._images.get_subscription_count(),
            failure=capture.failure,
            reopened=capture.reopened,
            last_failure=capture.last_failure,
            stand_in=self._stand_in,
        )
        return [self._diagnosis.judge(facts, time.monotonic())]

    def _manage_camera_info(self, owned: Owned) -> None:
        """Load the calibration, and take new ones."""
        name = self._settings.camera_name or self.get_name()
        try:
            self._camera_info = CameraInfoManager(name, self._settings.camera_info_url)
        except CalibrationError as error:
            raise SetupError(str(error)) from error
        owned.take(
            "the service set_camera_info",
            lambda: self.create_service(
                SetCameraInfo,
                "~/set_camera_info",
                self._set_camera_info,
                callback_group=own_group(),
            ),
            self.destroy_service,
        )

    def _set_camera_info(
        self, request: SetCameraInfo.Request, response: SetCameraInfo.Response
    ) -> SetCameraInfo.Response:
        with working_for(self.get_logger()):
            return self._camera_info.set_camera_info(request, response)

    def _declare_controls(self, source: Source) -> None:
        """Make the camera's controls parameters of the node."""
        for name, (about, default) in source.controls.items():
            if default is not None:
                self._node_parameters.declare(CONTROLS + name, about, default)

    def _change(self, changes: dict[str, Value]) -> None:
        """Let settings take effect that can while the node runs."""
        with working_for(self.get_logger()):
            self._apply(changes)

    def _apply(self, changes: dict[str, Value]) -> None:
        """Let changes take effect; where one is refused, none of those that can be told does.

        :raises SettingsError: if one cannot be.
        """
        # What "auto" has come to stays.
        wanted = replace(self._node_parameters.changed(changes), source=self._settings.source)
        found = self._find_camera_info(wanted.camera_info_url) if URL in changes else None
        if GEOMETRY & changes.keys():
            self._check_geometry(wanted)
        for name, value in changes.items():
            if name == "framerate":
                self._source.set_framerate(value)
            elif name.startswith(CONTROLS):
                self._source.set_control(name[len(CONTROLS) :], value)
                self._controls[name[len(CONTROLS) :]] = value
        self._settings = wanted
        self._encode = self._encoder(wanted)
        self._frame_id = wanted.frame_of(self.get_name())
        if GEOMETRY & changes.keys():
            self._change_geometry()
        if "statistics_interval" in changes and self.state_label == "active":
            self._log_statistics()
        if found is not None:
            self._camera_info.use(found)

    def _find_camera_info(self, url: str) -> Kept:
        try:
            return self._camera_info.find(url)
        except CalibrationError as error:
            raise SettingsError(str(error)) from error

    def _check_geometry(self, wanted: CameraSettings) -> None:
        size = wanted.width, wanted.height
        if wanted.source != "picamera2" and any(self._statistics.size):
            size = self._statistics.size  # a video has its own
        try:
            geometry_of(wanted).check(*size)
        except SourceError as error:
            raise SettingsError(str(error)) from error

    def _change_geometry(self) -> None:
        """Let pictures be cropped, scaled, mirrored and turned as the settings have it now."""
        if self._settings.source != "picamera2":
            self._processing = processing(Steps(by_us=geometry_of(self._settings)))
        elif self.state_label == "active":  # part of it is for the camera itself to do
            self._capture.renew()
        else:
            self._reopen()

    def _encoder(self, settings: CameraSettings) -> Once[bytes]:
        return Once(partial(self._jpeg_encoder, quality=settings.jpeg_quality))
