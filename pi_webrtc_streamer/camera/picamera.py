# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures from a Raspberry Pi camera, through picamera2."""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from ..runtime.owning import Owned
from ..settings.schema import Setting, SettingsError, Value
from .geometry import Geometry
from .picamera_buffer import exposed_at, read_clocks, split_yuv420, to_full_range
from .picamera_devices import acquire, find_camera, load_picamera2
from .pixel_map import Steps
from .source import LONGEST_WAIT, Picture, Plane, SourceError

logger = logging.getLogger(__name__)

# The sensor, the picture being encoded, one that is complete, and one to spare.
BUFFERS = 4
RATE_CONTROL = "FrameDurationLimits"  # what the framerate parameter sets
# A camera that was unplugged, or whose link hangs, just delivers no more.
PATIENCE = 5.0  # seconds without a picture, or PATIENCE_PERIODS at low rates
PATIENCE_PERIODS = 3


class PicameraSource:
    """A camera that libcamera knows, delivering YUV straight from the image processor.

    Mirroring is the sensor's work, and scaling without cropping the image processor's, as far as
    they can; :attr:`steps` says what they do, and what is left for software.
    """

    def __init__(
        self, camera: str, width: int, height: int, framerate: float, geometry: Geometry
    ) -> None:
        picamera2 = load_picamera2()
        known = picamera2.Picamera2.global_camera_info()
        number = find_camera(camera, known)
        with Owned() as owned:
            self._device = owned.take(
                "the camera", lambda: acquire(picamera2, number), lambda device: device.close()
            )
            self._mapped = picamera2.MappedArray
            self._stream, self.steps = self._configure(width, height, framerate, geometry)
            self.description = self._describe(number, (width, height))
            self.hardware_id = f"{self._model} {known[number]['Id']}"
            self._limited_range = self._delivers_limited_range()
            self._paced = RATE_CONTROL in self._device.camera_controls
            self._owned = owned.pop_all()
        self._framerate = framerate
        self._job: Any = None
        self._last = 0.0  # monotonic time of the newest picture
        self._running = False

    @property
    def framerate(self) -> float | None:
        """What was asked for, where the camera can be asked."""
        return self._framerate if self._paced else None

    @property
    def controls(self) -> Mapping[str, tuple[Setting, Value | None]]:
        """The controls that this camera offers."""
        return {
            name: _describe_control(low, high, default)
            for name, (low, high, default) in self._device.camera_controls.items()
            if name != RATE_CONTROL
        }

    def set_control(self, name: str, value: Value) -> None:
        """Set a control of libcamera's; several numbers make a tuple.

        :raises SettingsError: if the camera does not offer it, or the value is out of its range.
        """
        offered = self._device.camera_controls
        if name not in offered or name == RATE_CONTROL:
            raise SettingsError(
                f"this camera does not offer the control {name}; it offers "
                f"{', '.join(sorted(self.controls)) or 'none'}"
            )
        low, high, _ = offered[name]
        numbers = isinstance(value, (int, float)) and isinstance(low, (int, float))
        if numbers and not low <= value <= high:
            raise SettingsError(f"{name} is {value}; this camera takes {low} to {high}")
        try:
            self._device.set_controls({name: tuple(value) if isinstance(value, list) else value})
        except (RuntimeError, TypeError, ValueError) as error:
            raise SettingsError(f"{name} cannot be {value}: {error}") from error

    def set_framerate(self, framerate: float) -> None:
        """Change the rate, as far as the sensor's mode goes.

        :raises SettingsError: if the camera has one rate only.
        """
        try:
            self._device.set_controls({RATE_CONTROL: _durations(framerate)})
        except RuntimeError as error:
            raise SettingsError(f"this camera cannot change its framerate: {error}") from error
        self._framerate = framerate

    def start(self) -> None:
        """Begin to capture."""
        try:
            self._device.start()
        except RuntimeError as error:
            raise SourceError(f"{self.description} does not start: {error}") from error
        self._running = True
        self._last = time.monotonic()

    def stop(self) -> None:
        """End capturing and drop the picture that was waited for."""
        if not self._running:
            return
        self._running = False
        self._drop_job()
        if self._device.is_open:
            # As long as picamera2's event loop runs, stopping is one of its jobs: it would wait for
            # a loop that has died.
            self._device.stop_preview()
            self._device.stop()

    @contextmanager
    def capture(self) -> Iterator[Picture | None]:
        """Wait for the next picture; its buffer goes back to the camera when the context ends."""
        request = self._wait()
        if request is None:
            yield None
            return
        try:
            stamp = exposed_at(request.get_metadata().get("SensorTimestamp"), read_clocks())
            with self._mapped(request, self._stream, reshape=False, write=False) as mapped:
                yield self._picture(mapped.array, stamp)
        finally:
            request.release()

    def close(self) -> None:
        """Give the camera back."""
        try:
            self.stop()
        finally:
            self._owned.close()

    def _wait(self) -> Any:
        if self._job is None:
            self._job = self._device.capture_request(wait=False)
        try:
            request = self._device.wait(self._job, timeout=LONGEST_WAIT)
        except FutureTimeoutError:
            self._see_that_it_delivers()
            return None  # the job goes on waiting
        self._job = None
        self._last = time.monotonic()
        return request

    def _see_that_it_delivers(self) -> None:
        patience = max(PATIENCE, PATIENCE_PERIODS / self._framerate)
        if time.monotonic() - self._last > patience:
            raise SourceError(
                f"{self.description} has delivered no picture for {patience:g} s; "
                "see that its cable is seated"
            )

    def _drop_job(self) -> None:
        """Withdraw a request that was not answered: its picture would be an old one, later."""
        job, self._job = self._job, None
        if job is None:
            return
        self._device.cancel_all_and_flush()
        with suppress(CancelledError, FutureTimeoutError):
            self._device.wait(job, timeout=LONGEST_WAIT).release()  # it was just answered

    def _picture(self, octets: Plane, stamp: int) -> Picture:
        config = self._device.camera_configuration()[self._stream]
        (width, height), stride = config["size"], config["stride"]
        picture = split_yuv420(octets, width, height, stride, stamp)
        return to_full_range(picture) if self._limited_range else picture

    def _configure(
        self, width: int, height: int, framerate: float, geometry: Geometry
    ) -> tuple[str, Steps]:
        libcamera = importlib.import_module("libcamera")
        horizontal, vertical = geometry.mirrored
        scaled = geometry.scaled_size(width, height)
        smaller = scaled != (width, height) and scaled[0] <= width and scaled[1] <= height
        by_processor = geometry.crop is None and smaller
        main = {"size": (width, height), "format": "YUV420"}
        config = self._device.create_video_configuration(
            main=main,
            lores={"size": scaled, "format": "YUV420"} if by_processor else None,
            # JFIF's colours: BT.601 matrix, full range, so that planes go to JPEG as they are.
            colour_space=libcamera.ColorSpace.Sycc(),
            transform=libcamera.Transform(hflip=horizontal, vflip=vertical),
            buffer_count=BUFFERS,
            controls=self._rate_control(framerate),
        )
        try:
            self._device.configure(config)
        except (RuntimeError, ValueError) as error:
            raise SourceError(f"the camera cannot deliver {width}x{height}: {error}") from error
        stream = "lores" if by_processor else "main"
        delivered = self._device.camera_configuration()
        if delivered[stream]["format"] != "YUV420":
            raise SourceError(
                f"the camera delivers {delivered[stream]['format']}, and only YUV420 can be used, "
                "which every Raspberry Pi camera has"
            )
        geometry.check(*delivered["main"]["size"])
        transform = delivered["transform"]
        mirrored = bool(transform.hflip), bool(transform.vflip)
        captured = delivered["main"]["size"]
        remaining = geometry.after_mirroring(mirrored, *captured)
        if by_processor:
            remaining = replace(remaining, size=scaled)
        return stream, Steps(
            by_us=remaining,
            by_source=Geometry(
                size=delivered[stream]["size"],
                flip_horizontal=mirrored[0],
                flip_vertical=mirrored[1],
            ),
            captured=captured,
        )

    def _rate_control(self, framerate: float) -> dict[str, Any]:
        if RATE_CONTROL in self._device.camera_controls:
            return {RATE_CONTROL: _durations(framerate)}
        logger.warning("the camera has a framerate of its own, instead of %g", framerate)
        return {}

    def _delivers_limited_range(self) -> bool:
        """Return whether the camera, asked for full range, does not have it."""
        libcamera = importlib.import_module("libcamera")
        colours = self._device.camera_configuration()["colour_space"]
        return colours is not None and bool(colours.range == libcamera.ColorSpace.Range.Limited)

    def _describe(self, number: int, asked: tuple[int, int]) -> str:
        width, height = self._device.camera_configuration()["main"]["size"]
        if (width, height) != asked:
            logger.warning(
                "camera %d (%s) delivers %dx%d instead of %dx%d",
                number,
                self._model,
                width,
                height,
                *asked,
            )
        return f"camera {number} ({self._model}), {width}x{height}"

    @property
    def _model(self) -> str:
        return str(self._device.camera_properties.get("Model", "camera"))


def _durations(framerate: float) -> tuple[int, int]:
    microseconds = round(1_000_000 / framerate)
    return microseconds, microseconds


def _describe_control(low: Any, high: Any, default: Any) -> tuple[Setting, Value | None]:
    about = Setting(f"libcamera control, {low} to {high}, default {default}", live=True)
    if hasattr(default, "to_tuple"):  # a Rectangle
        default = default.to_tuple()
    if isinstance(default, tuple):
        default = list(default)
    return about, default if isinstance(default, (bool, int, float, str, list)) else None
