# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Calibrations as messages: sensor_msgs/CameraInfo."""

from __future__ import annotations

from sensor_msgs.msg import CameraInfo, RegionOfInterest

from .calibration import Calibration, Region


def to_message(calibration: Calibration) -> CameraInfo:
    """Return a calibration as a message, without a header."""
    info = CameraInfo(
        width=calibration.width,
        height=calibration.height,
        distortion_model=calibration.distortion_model,
    )
    info.d, info.k = list(calibration.d), list(calibration.k)
    info.r, info.p = list(calibration.r), list(calibration.p)
    info.binning_x, info.binning_y = calibration.binning
    info.roi = RegionOfInterest(**calibration.roi._asdict())
    return info


def uncalibrated(width: int, height: int) -> CameraInfo:
    """Return what ROS has for a camera of which nothing is known: zeros, and no model."""
    return CameraInfo(width=width, height=height)


def from_message(info: CameraInfo) -> Calibration:
    """Return what a message says, which may be anything: see :meth:`~.Calibration.check`."""
    roi = info.roi
    return Calibration(
        width=info.width,
        height=info.height,
        distortion_model=info.distortion_model,
        d=tuple(map(float, info.d)),
        k=tuple(map(float, info.k)),
        r=tuple(map(float, info.r)),
        p=tuple(map(float, info.p)),
        binning=(info.binning_x, info.binning_y),
        roi=Region(roi.x_offset, roi.y_offset, roi.height, roi.width, roi.do_rectify),
    )
