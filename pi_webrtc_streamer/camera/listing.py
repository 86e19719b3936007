# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which cameras there are, ready to be pasted: what ``--list-cameras`` of the command prints."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from .picamera_devices import acquire, load_picamera2
from .source import SourceError
from .v4l2_choice import choose, nearest, shown
from .v4l2_device import MAY_NOT, asking, devices, lasting_name
from .v4l2_formats import Ask, Format, read_formats
from .v4l2_identity import (
    CAPABILITY,
    QUERY_CAPABILITY,
    describe,
    is_camera,
    is_multiplanar_camera,
)

WIDTH, HEIGHT, FRAMERATE = 1280, 720, 30.0  # what is offered, or what is nearest to it
NO_MODES = "it does not tell the modes of its sensor"
NO_CAMERA = (
    "no camera was found. Plug one in, see that lsusb shows it (USB) or rpicam-hello "
    "--list-cameras (ribbon cable), or show a test pattern: --source pattern"
)


class Listing(NamedTuple):
    """Cameras, each as several lines, and what there is to say of those that are left out."""

    cameras: list[str]
    remarks: list[str]


def list_cameras() -> Listing:
    """Look for every camera of this machine that can be a source."""
    v4l2, picamera2 = list_v4l2(devices()), list_picamera2()
    return Listing(v4l2.cameras + picamera2.cameras, v4l2.remarks + picamera2.remarks)


def list_v4l2(
    names: Sequence[str],
    open_device: Callable[[str], AbstractContextManager[Ask]] = asking,
    lasting: Callable[[str], str] = lasting_name,
) -> Listing:
    """Ask V4L2 devices what they are; those that are no cameras are left out."""
    listing = Listing([], [] if names else ["there is no /dev/video*"])
    for name in names:
        try:
            with open_device(name) as ask:
                capability = ask(QUERY_CAPABILITY, bytes(CAPABILITY.size))
                formats = read_formats(ask) if is_camera(capability) else []
        except PermissionError:
            listing.remarks.append(f"{name} may not be opened: {MAY_NOT}")
            continue
        except OSError as error:
            listing.remarks.append(f"{name} cannot be asked: {error.strerror}")
            continue
        what = describe(capability)
        if shown(formats):
            listing.cameras.append(_v4l2_camera(name, lasting(name), what, formats))
        elif formats:
            has = ", ".join(form.fourcc for form in formats)
            listing.remarks.append(f"{name}, {what}, has nothing that can be shown, only {has}")
        elif is_multiplanar_camera(capability):
            listing.remarks.append(f"{name}, {what}, has several planes, which FFmpeg cannot read")
    return listing


def _v4l2_camera(name: str, lasting: str, what: str, formats: list[Format]) -> str:
    known = shown(formats)
    lines = [lasting if lasting == name else f"{lasting}  ({name})", f"  {what}"]
    for form in known:
        sizes = "; ".join(f"{size} {size.rates}" for size in form.sizes)
        lines.append(f"  {form.fourcc}: {sizes or 'it does not tell its sizes'}")
    if others := [form.fourcc for form in formats if form not in known]:
        lines.append(f"  cannot be shown: {', '.join(others)}")
    return "\n".join([*lines, f"  {_v4l2_command(lasting, known)}"])


def _v4l2_command(name: str, formats: list[Format]) -> str:
    """Return the command that shows a camera, at the size nearest to the usual one."""
    width, height = next(iter(nearest(formats, WIDTH, HEIGHT)), (WIDTH, HEIGHT))
    has = choose(formats, width, height, FRAMERATE).framerate
    return _command("v4l2", name, width, height, min(has or FRAMERATE, FRAMERATE))


def _command(source: str, camera: str, width: int, height: int, framerate: float) -> str:
    return (
        f"pi-webrtc-streamer --source {source} --camera {camera} "
        f"--width {width} --height {height} --framerate {framerate:.4g}"
    )


def list_picamera2() -> Listing:
    """Ask picamera2 for the cameras on ribbon cables; each that is free is opened for a moment."""
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:ERROR")
    logging.getLogger("picamera2").setLevel(logging.ERROR)
    try:
        picamera2 = load_picamera2()
    except SourceError as error:
        return Listing([], [f"cameras on a ribbon cable are not looked for: {error}"])
    known: list[dict[str, Any]] = picamera2.Picamera2.global_camera_info()
    listing = Listing([], [] if known else ["picamera2 knows no camera"])
    for number, info in enumerate(known):
        if "/usb" not in info["Id"]:  # V4L2 knows those better
            modes = _sensor_modes(picamera2, number)
            listing.cameras.append(describe_picamera2(number, info, modes))
    return listing


def _sensor_modes(picamera2: Any, number: int) -> list[dict[str, Any]] | str:
    """Return the modes of a camera's sensor, or why they cannot be told."""
    try:
        camera = acquire(picamera2, number)
    except SourceError as error:
        return str(error)
    try:
        modes: list[dict[str, Any]] = camera.sensor_modes
        return modes
    except (AttributeError, KeyError, RuntimeError):  # of one without raw pictures
        return NO_MODES
    finally:
        camera.close()


def describe_picamera2(number: int, info: dict[str, Any], modes: list[dict[str, Any]] | str) -> str:
    """Return the lines on a camera, by its ``global_camera_info`` and ``sensor_modes``.

    Where the modes are not known, it is said why.
    """
    why = modes if isinstance(modes, str) else NO_MODES
    known = [mode for mode in modes if "size" in mode] if isinstance(modes, list) else []
    told = [f"{mode['size'][0]}x{mode['size'][1]} at up to {mode['fps']:.4g}" for mode in known]
    sensor = f"its sensor: {'; '.join(dict.fromkeys(told))} (others are scaled)" if told else why
    framerate = min(FRAMERATE, max((mode["fps"] for mode in known), default=FRAMERATE))
    lines = [
        info["Id"],
        f"  {info.get('Model', 'camera')}, number {number}",
        f"  {sensor}",
        f"  {_command('picamera2', info['Id'], WIDTH, HEIGHT, framerate)}",
    ]
    return "\n".join(lines)
