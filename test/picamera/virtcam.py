# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a computer lacks, so that the unmodified picamera2 can drive libcamera's virtual cameras.

Imported before the first camera is opened. Everything else is picamera2's own and libcamera's own:
requests, buffers, controls, metadata, the event loop.
"""

from __future__ import annotations

import collections
import importlib
import importlib.util
import mmap
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import libcamera
import numpy as np

from pi_webrtc_streamer.camera.picamera_devices import load_picamera2

load_picamera2()  # without kms++ and PiDNG, which the tree does not have
dmaallocator: Any = importlib.import_module("picamera2.allocators.dmaallocator")
picamera2: Any = importlib.import_module("picamera2.picamera2")
Picamera2 = picamera2.Picamera2


@dataclass
class Abilities:
    """What the cameras can do, read when one is configured; the virtual ones can do neither.

    With ``mirrors`` they deliver their pictures mirrored, as a Raspberry Pi's sensors do. With
    ``yuv420``, they deliver that besides the virtual pipeline's only format, NV12.
    """

    mirrors: bool = True
    yuv420: bool = True


abilities = Abilities()

FRAMES = "frames"  # the model, in virtual.yaml, of the camera that shows JPEG files


# ---- Buffers: memfds, where a Raspberry Pi has dma-bufs


class _MemoryFile:
    def __init__(self, name: str, size: int) -> None:
        self._fd = os.memfd_create(name)
        os.ftruncate(self._fd, size)

    def get(self) -> int:
        return self._fd


class _MemoryHeap:
    def alloc(self, name: str, size: int) -> _MemoryFile:
        return _MemoryFile(name, size)

    def close(self) -> None:
        pass


class _NoSync:
    """Memory that needs no synchronisation between processor and camera."""

    def __init__(self, allocator: Any, buffer: Any, write: bool) -> None:
        self._memory = allocator.mapped_buffers[buffer]

    def __enter__(self) -> mmap.mmap:
        return self._memory

    def __exit__(self, *exception: object) -> None:
        pass

    def get_buffer(self) -> mmap.mmap:
        return self._memory


@dataclass(frozen=True)
class _Stream:
    """How a stream was configured, and what is left to do to its pictures."""

    width: int
    height: int
    planar: bool
    horizontal: bool
    vertical: bool

    def finish(self, memory: mmap.mmap) -> None:
        """Make of NV12 what was asked for, in place."""
        octets = np.frombuffer(memory, np.uint8)
        luma = octets[: self.width * self.height].reshape(self.height, self.width)
        chroma = octets[self.width * self.height :].reshape(self.height // 2, self.width // 2, 2)
        steps = (-1 if self.vertical else 1), (-1 if self.horizontal else 1)
        for plane in (luma, chroma):
            plane[:] = plane[:: steps[0], :: steps[1]].copy()
        if self.planar:
            chroma.reshape(2, -1)[:] = chroma.reshape(-1, 2).T.copy()


class MemoryAllocator(dmaallocator.DmaAllocator):
    """picamera2's own allocator and its rules of release, on memory files.

    Like the real one it cannot unmap a buffer of which somebody still holds a view.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sync = _NoSync
        self._streams: list[_Stream] = []  # as configured last
        self._of_buffer: dict[Any, _Stream] = {}

    def note(self, stream: _Stream) -> None:
        self._streams.append(stream)

    def allocate(self, libcamera_config: Any, use_case: object) -> None:
        self.libcamera_fds = []
        self.cleanup()
        self._close_files()
        self._of_buffer = {}
        for config, stream in zip(libcamera_config, self._streams, strict=True):
            buffers = [self._buffer(config) for _ in range(config.buffer_count)]
            self.frame_buffers[config.stream] = buffers
            self._of_buffer.update(dict.fromkeys(buffers, stream))
        self._streams = []

    def acquire(self, buffers: dict[Any, Any]) -> None:
        """Called once for every completed picture, before anybody sees it."""
        super().acquire(buffers)
        for buffer in buffers.values():
            self._of_buffer[buffer].finish(self.mapped_buffers[buffer])

    def _buffer(self, config: Any) -> Any:
        """Make a buffer of the two planes that the virtual pipeline wants."""
        fd = self.dmaHeap.alloc("picture", config.frame_size).get()
        self.open_fds.append(fd)
        luma = config.stride * config.size.height
        planes = []
        for offset, length in ((0, luma), (luma, config.frame_size - luma)):
            plane = libcamera.FrameBuffer.Plane()
            plane.fd, plane.offset, plane.length = fd, offset, length
            planes.append(plane)
        buffer = libcamera.FrameBuffer(planes)
        key = buffer.planes[0].fd
        self.libcamera_fds.append(key)
        self.mapped_buffers_used[key] = False
        self.mapped_buffers[buffer] = mmap.mmap(fd, config.frame_size)
        return buffer

    def _close_files(self) -> None:
        for fd in self.open_fds:
            os.close(fd)
        self.open_fds, self.frame_buffers = [], {}


dmaallocator.DmaHeap = _MemoryHeap
picamera2.DmaAllocator = MemoryAllocator


# ---- Configuration


def _get_raw_modes(self: Any) -> list[dict[str, Any]]:
    """Take the modes from the viewfinder: the virtual pipeline has no raw pictures."""
    configuration = self.camera.generate_configuration([libcamera.StreamRole.Viewfinder])
    formats = configuration.at(0).formats
    return [
        {"format": str(pixels), "size": (size.width, size.height)}
        for pixels in formats.pixel_formats
        for size in formats.sizes(pixels)
    ]


_update_camera_config = Picamera2._update_camera_config


def _update_with_abilities(self: Any, camera_config: dict[str, Any], libcamera_config: Any) -> None:
    """Say in the configuration what is really done.

    The virtual pipeline accepts every transform and does none. It calls all colours Rec. 709 of
    limited range: its bars are, but its pictures from JPEG files stay as they are in the files.
    """
    streams = [name for name in ("main", "lores") if camera_config[name] is not None]
    planar = [camera_config[name]["format"] == "YUV420" and abilities.yuv420 for name in streams]
    _update_camera_config(self, camera_config, libcamera_config)
    if not abilities.mirrors:
        camera_config["transform"] = libcamera.Transform()
    if self.camera.properties.get(libcamera.properties.Model) == FRAMES:
        camera_config["colour_space"] = libcamera.ColorSpace.Sycc()
    transform = camera_config["transform"]
    for name, is_planar in zip(streams, planar, strict=True):
        width, height = camera_config[name]["size"]
        if is_planar:
            camera_config[name]["format"] = "YUV420"  # of the same size in bytes
        self.allocator.note(
            _Stream(width, height, is_planar, bool(transform.hflip), bool(transform.vflip))
        )


Picamera2._get_raw_modes = _get_raw_modes
Picamera2._update_camera_config = _update_with_abilities


# ---- Pace: the virtual pipeline fills a buffer the moment that it is queued


class _Pacer:
    """Feeds a camera one request a period, as FrameDurationLimits says."""

    def __init__(self) -> None:
        self.period = 1 / 30
        self.stalled = False
        self._requests: collections.deque[Any] = collections.deque()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, camera: Any) -> None:
        self._requests.clear()
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, args=(camera,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._requests.clear()

    def put(self, request: Any) -> None:
        self._requests.append(request)

    def _run(self, camera: Any) -> None:
        due = time.monotonic()
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            due = max(due, time.monotonic() - self.period) + self.period
            # No free buffer: the picture is lost, as on the real thing.
            if self._requests and not self.stalled:
                _queue_request(camera, self._requests.popleft())

    def apply(self, controls: dict[Any, Any]) -> None:
        limits = {control.name: value for control, value in controls.items()}.get(
            "FrameDurationLimits"
        )
        if limits:
            self.period = limits[0] / 1e6


_pacers: dict[str, _Pacer] = collections.defaultdict(_Pacer)  # by the camera's id
_queue_request: Callable[..., Any] = libcamera.Camera.queue_request
_start: Callable[..., Any] = libcamera.Camera.start
_stop: Callable[..., Any] = libcamera.Camera.stop
_get_libcamera_controls = picamera2.Controls.get_libcamera_controls


def stall(camera: str, stalled: bool) -> None:
    """Let a camera deliver nothing from now on, as when its link hangs, or deliver again."""
    _pacers[camera].stalled = stalled


def _start_paced(self: Any, controls: dict[Any, Any] | None = None) -> None:
    _start(self, controls or {})
    _pacers[self.id].apply(controls or {})
    _pacers[self.id].start(self)


def _stop_paced(self: Any) -> None:
    _pacers[self.id].stop()
    _stop(self)


def _queue_paced(self: Any, request: Any) -> None:
    _pacers[self.id].put(request)


def _controls_to_pacer(self: Any) -> dict[Any, Any]:
    controls: dict[Any, Any] = _get_libcamera_controls(self)
    if self._picam2.camera is not None:
        _pacers[self._picam2.camera.id].apply(controls)
    return controls


libcamera.Camera.queue_request = _queue_paced
libcamera.Camera.start = _start_paced
libcamera.Camera.stop = _stop_paced
picamera2.Controls.get_libcamera_controls = _controls_to_pacer
