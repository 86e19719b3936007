# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""V4L2 devices of this machine, asked by ioctl."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .v4l2_formats import Ask

# What to do where a device is there and may not be opened.
MAY_NOT = "sudo usermod -aG video $USER lets you, after you have logged in again"
DEVICES = Path("/dev")
BY_ID = Path("/dev/v4l/by-id")


@contextmanager
def asking(device: str) -> Iterator[Ask]:
    """Open a device for questions; this disturbs nobody who captures from it.

    :raises OSError: if it cannot be opened.
    """
    file = os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield lambda request, question: fcntl.ioctl(file, request, question)
    finally:
        os.close(file)


def devices(folder: Path = DEVICES) -> list[str]:
    """Return the video devices that there are, in the order of their numbers."""
    found = (path for path in folder.glob("video*") if path.name[len("video") :].isdecimal())
    return [str(path) for path in sorted(found, key=lambda path: int(path.name[len("video") :]))]


def lasting_name(device: str, folder: Path = BY_ID) -> str:
    """Return the name by which udev has a device after each start; its own if it has none."""
    target = Path(device).resolve()
    for link in sorted(folder.glob("*")):
        if link.resolve() == target:
            return str(link)
    return device
