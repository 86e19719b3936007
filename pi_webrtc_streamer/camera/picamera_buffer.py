# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a buffer of libcamera's holds: planes, their range, and when they were exposed."""

from __future__ import annotations

import time
from dataclasses import replace
from operator import itemgetter
from typing import NamedTuple

from ..media.video_range import FULL_CHROMA, FULL_LUMA
from .source import Picture, Plane

READINGS = 3  # of the clocks, which take 1 µs each


def to_full_range(picture: Picture) -> Picture:
    """Return a picture of limited range with the full range that JPEG has."""
    return replace(
        picture,
        y=FULL_LUMA[picture.y],
        u=FULL_CHROMA[picture.u],
        v=FULL_CHROMA[picture.v],
    )


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


class Clocks(NamedTuple):
    """What the kernel's clocks say at one moment, in nanoseconds; ``wall`` since the epoch."""

    wall: int
    monotonic: int
    boottime: int


def read_clocks() -> Clocks:
    """Return what the clocks say now.

    They are read one after the other, and a thread may lose its turn in between: of some readings
    the one that took least is returned.
    """
    return min((_reading() for _ in range(READINGS)), key=itemgetter(0))[1]


def _reading() -> tuple[int, Clocks]:
    begun = time.monotonic_ns()
    wall = time.time_ns()
    boottime = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    ended = time.monotonic_ns()
    return ended - begun, Clocks(wall, (begun + ended) // 2, boottime)


def exposed_at(sensor: int | None, now: Clocks) -> int:
    """Return a sensor's time stamp, in nanoseconds since boot, as nanoseconds since the epoch.

    That is the time of the day less what has passed since: so a clock of the day that was set
    meanwhile is right at once. libcamera says that ``SensorTimestamp`` is of CLOCK_BOOTTIME, V4L2
    drivers use CLOCK_MONOTONIC; they differ by the time that the machine slept. The one by which
    the picture was just taken is meant. A camera without time stamps gives None: the picture is as
    old as this call.
    """
    if sensor is None:
        return now.wall
    ages = (now.monotonic - sensor, now.boottime - sensor)
    return now.wall - min((age for age in ages if age >= 0), default=0)
