# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a buffer of libcamera's holds: planes, their range, and when they were exposed."""

from __future__ import annotations

import time
from dataclasses import replace

from ..media.video_range import FULL_CHROMA, FULL_LUMA
from .source import Picture, Plane


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
