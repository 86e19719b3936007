"""Pictures from a Raspberry Pi camera, through picamera2."""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

from ..settings.schema import Setting, SettingsError, Value
from .geometry import Geometry
from .source import LONGEST_WAIT, Picture, Plane, SourceError

logger = logging.getLogger(__name__)

# The sensor, the picture being encoded, one that is complete, and one to spare.
BUFFERS = 4
OWN_CONTROLS = frozenset({"FrameDurationLimits"})  # what the framerate parameter sets


class PicameraSource:
    """A camera that libcamera knows, delivering YUV straight from the image processor.

    Mirroring is the sensor's work, and scaling without cropping the image processor's; what is left
    of the geometry for software is in :attr:`remaining`.
    """

    def __init__(
        self, camera: str, width: int, height: int, framerate: float, geometry: Geometry
    ) -> None:
        picamera2 = load_picamera2()
        number = find_camera(camera, picamera2.Picamera2.global_camera_info())
        with ExitStack() as stack:
            self._device = _acquire(picamera2, number)
            stack.callback(self._device.close)
            self._mapped = picamera2.MappedArray
            self._stream, self.remaining = self._configure(width, height, framerate, geometry)
            self.description = self._describe(number, (width, height))
            self._closing = stack.pop_all()
        self._job: Any = None
        self._running = False

    @property
    def controls(self) -> Mapping[str, tuple[Setting, Value | None]]:
        """The controls that this camera offers."""
        return {
            name: _describe_control(low, high, default)
            for name, (low, high, default) in self._device.camera_controls.items()
            if name not in OWN_CONTROLS
        }

    def set_control(self, name: str, value: Value) -> None:
        """Set a control of libcamera's; several numbers make a tuple.

        :raises SettingsError: if the camera does not offer it, or the value is out of its range.
        """
        offered = self._device.camera_controls
        if name not in offered or name in OWN_CONTROLS:
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
        """Change the rate, as far as the sensor's mode goes."""
        self._device.set_controls({"FrameDurationLimits": _durations(framerate)})

    def start(self) -> None:
        """Begin to capture."""
        try:
            self._device.start()
        except RuntimeError as error:
            raise SourceError(f"{self.description} does not start: {error}") from error
        self._running = True

    def stop(self) -> None:
        """End capturing and drop the picture that was waited for."""
        if self._running:
            self._running = False
            self._device.stop()

    @contextmanager
    def capture(self) -> Iterator[Picture | None]:
        """Wait for the next picture; its buffer goes back to the camera when the context ends."""
        request = self._wait()
        if request is None:
            yield None
            return
        try:
            stamp = acquisition_time(request.get_metadata().get("SensorTimestamp"))
            with self._mapped(request, self._stream, reshape=False, write=False) as mapped:
                yield self._picture(mapped.array, stamp)
        finally:
            request.release()

    def close(self) -> None:
        """Give the camera back."""
        self.stop()
        self._closing.close()

    def _wait(self) -> Any:
        if self._job is None:
            self._job = self._device.capture_request(wait=False)
        try:
            request = self._device.wait(self._job, timeout=LONGEST_WAIT)
        except FutureTimeoutError:
            return None  # the job goes on waiting
        self._job = None
        return request

    def _picture(self, octets: Plane, stamp: int) -> Picture:
        config = self._device.camera_configuration()[self._stream]
        (width, height), stride = config["size"], config["stride"]
        return split_yuv420(octets, width, height, stride, stamp)

    def _configure(
        self, width: int, height: int, framerate: float, geometry: Geometry
    ) -> tuple[str, Geometry]:
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
            controls={"FrameDurationLimits": _durations(framerate)},
        )
        try:
            self._device.configure(config)
        except (RuntimeError, ValueError) as error:
            raise SourceError(f"the camera cannot deliver {width}x{height}: {error}") from error
        remaining = geometry.after_mirroring(*self._device.camera_configuration()["main"]["size"])
        if by_processor:
            return "lores", Geometry(size=scaled, rotation=remaining.rotation)
        return "main", remaining

    def _describe(self, number: int, asked: tuple[int, int]) -> str:
        model = self._device.camera_properties.get("Model", "camera")
        width, height = self._device.camera_configuration()["main"]["size"]
        if (width, height) != asked:
            logger.warning(
                "camera %d (%s) delivers %dx%d instead of %dx%d",
                number,
                model,
                width,
                height,
                *asked,
            )
        return f"camera {number} ({model}), {width}x{height}"


def load_picamera2() -> ModuleType:
    """Import picamera2.

    :raises SourceError: if it is not there, saying how to get it.
    """
    try:
        return importlib.import_module("picamera2")
    except ImportError as error:
        raise SourceError(
            f"picamera2 cannot be imported ({error}); on a Raspberry Pi: "
            "sudo apt install python3-picamera2"
        ) from error


def find_camera(camera: str, known: list[dict[str, Any]]) -> int:
    """Return the number of the camera with this number, libcamera id, or part of an id.

    :raises SourceError: if there is none, or more than one.
    """
    if not known:
        raise SourceError(
            "no camera answers; see that its cable is seated and that rpicam-hello "
            "--list-cameras shows it"
        )
    listing = ", ".join(f"{info['Num']}: {info['Id']}" for info in known)
    if camera.isdecimal():
        found = [info for info in known if info["Num"] == int(camera)]
    else:
        exact = [info for info in known if info["Id"] == camera]
        found = exact or [info for info in known if camera and camera in info["Id"]]
    if len(found) != 1:
        what = "is not there" if not found else "could be more than one"
        raise SourceError(f'camera "{camera}" {what}; there are {listing}')
    number: int = found[0]["Num"]
    return number


def split_yuv420(octets: Plane, width: int, height: int, stride: int, stamp: int) -> Picture:
    """Return the planes of a YUV420 buffer, in place: rows of luma, then of half as wide chroma."""
    flat = octets.reshape(-1)
    luma = stride * height
    chroma = stride // 2 * (height // 2)

    def plane(offset: int, rows: int, row_size: int, columns: int) -> Plane:
        return flat[offset : offset + rows * row_size].reshape(rows, row_size)[:, :columns]

    return Picture(
        y=plane(0, height, stride, width),
        u=plane(luma, height // 2, stride // 2, width // 2),
        v=plane(luma + chroma, height // 2, stride // 2, width // 2),
        stamp=stamp,
    )


def acquisition_time(sensor_timestamp: int | None) -> int:
    """Return a sensor's time stamp, in nanoseconds since boot, as nanoseconds since the epoch.

    libcamera says CLOCK_BOOTTIME, drivers use CLOCK_MONOTONIC; they differ by the time that the
    machine slept. The one by which the picture was just taken is meant. A camera without time
    stamps gives None: the picture is as old as this call.
    """
    now = time.time_ns()
    if sensor_timestamp is None:
        return now
    ages = [
        time.clock_gettime_ns(clock) - sensor_timestamp
        for clock in (time.CLOCK_MONOTONIC, time.CLOCK_BOOTTIME)
    ]
    return now - min((age for age in ages if age >= 0), default=0)


def _acquire(picamera2: ModuleType, number: int) -> Any:
    try:
        return picamera2.Picamera2(number)
    except RuntimeError as error:
        raise SourceError(
            f"camera {number} cannot be opened: {error}; another program may be using it"
        ) from error


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
