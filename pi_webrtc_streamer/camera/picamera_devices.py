# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which cameras picamera2 knows, and how one is opened."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from .picamera_parts import without_unused_parts
from .source import SourceError


def load_picamera2() -> ModuleType:
    """Import picamera2.

    :raises SourceError: if it is not there, saying how to get it.
    """
    try:
        with without_unused_parts():
            return importlib.import_module("picamera2")
    except ImportError as error:
        raise SourceError(
            f"picamera2 cannot be imported ({error}); on Raspberry Pi OS: "
            "sudo apt install python3-picamera2; elsewhere: docs/install.md"
        ) from error


def find_camera(camera: str, known: list[dict[str, Any]]) -> int:
    """Return the number of the camera with this number, libcamera id, or part of an id.

    A camera's number is its place in picamera2's list, which is sorted, and not its ``Num``, which
    is its place in libcamera's.

    :raises SourceError: if there is none, or more than one.
    """
    if not known:
        raise SourceError(
            "no camera answers; see that its cable is seated and that rpicam-hello "
            "--list-cameras shows it"
        )
    ids: list[str] = [info["Id"] for info in known]
    if camera.isdecimal():
        found = [number for number in range(len(ids)) if number == int(camera)]
    else:
        exact = [number for number, name in enumerate(ids) if name == camera]
        found = exact or [number for number, name in enumerate(ids) if camera and camera in name]
    if len(found) != 1:
        what = "is not there" if not found else "could be more than one"
        listing = ", ".join(f"{number}: {name}" for number, name in enumerate(ids))
        raise SourceError(f'camera "{camera}" {what}; there are {listing}')
    return found[0]


def acquire(picamera2: ModuleType, number: int) -> Any:
    """Open the camera of this number.

    :raises SourceError: if it cannot be opened.
    """
    try:
        return picamera2.Picamera2(number)
    except RuntimeError as error:
        raise SourceError(
            f"camera {number} cannot be opened: {error}; another program may be using it"
        ) from error
