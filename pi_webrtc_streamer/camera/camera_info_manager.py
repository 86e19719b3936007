# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which CameraInfo goes with a picture, and new calibrations: as ROS's camera_info_manager does it.

docs/calibration.md says it from the outside.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from sensor_msgs.msg import CameraInfo
from sensor_msgs.srv import SetCameraInfo

from .calibration import Calibration, CalibrationError
from .calibration_file import load_calibration, save_calibration
from .calibration_geometry import mapped
from .calibration_url import DEFAULT_URL, path_of
from .camera_info import from_message, to_message, uncalibrated
from .pixel_map import PixelMap, Size, Steps
from .source import Picture

logger = logging.getLogger(__name__)

WHAT_TO_DO = "docs/calibration.md says how to calibrate"
OTHER_NAME = (
    'the calibration %s is for the camera "%s", and this one is called "%s": if it is this '
    "camera's, change camera_name in the file or the parameter camera_name; else calibrate this one"
)
MIRRORED = (
    "the pictures are mirrored by the parameter flip, and mirrored pictures cannot be calibrated: "
    "set flip to none or both, calibrate, and set it back"
)
NOT_MIRRORED = (
    "it has a negative focal length, as mirrored pictures have, and these are not mirrored"
)


@dataclass(frozen=True, eq=False)
class Kept:
    """A calibration, and where it is kept; None: there is none, and one may be put there."""

    path: Path
    calibration: Calibration | None


@dataclass(frozen=True, eq=False)
class _Answer:
    """The message for pictures of one kind, and what it was made from."""

    kept: Kept
    delivered: tuple[Steps, Size]
    pixels: PixelMap
    message: CameraInfo


class CameraInfoManager:
    """Holds a camera's calibration.

    :meth:`of` is called in the capture thread, all else in the executor's; what they share is
    replaced as a whole.
    """

    def __init__(self, camera_name: str, url: str) -> None:
        """Load the calibration.

        :raises CalibrationError: if the URL or its file cannot be used; that there is no file is no
            error.
        """
        self._camera_name = camera_name
        self._answer: _Answer | None = None
        self.use(self.find(url))

    def find(self, url: str) -> Kept:
        """Return what there is where a URL points, for :meth:`use`; nothing changes yet.

        :raises CalibrationError: if the URL or its file cannot be used.
        """
        path = path_of(url, self._camera_name)
        found = load_calibration(path)
        if found is None:
            expected = logging.INFO if url in ("", DEFAULT_URL) else logging.WARNING
            logger.log(
                expected,
                "camera_info is uncalibrated: there is no calibration %s; %s",
                path,
                WHAT_TO_DO,
            )
            return Kept(path, None)
        for remark in found.remarks:
            logger.warning("the calibration %s: %s", path, remark)
        if found.camera_name not in ("", self._camera_name):
            logger.warning(OTHER_NAME, path, found.camera_name, self._camera_name)
        return Kept(path, found.calibration)

    def use(self, kept: Kept) -> None:
        """Publish a calibration from the next picture on, and save new ones in its place."""
        self._kept = kept
        if kept.calibration is not None:
            logger.info("camera_info is calibrated by %s", kept.path)

    def of(self, picture: Picture, steps: Steps) -> CameraInfo:
        """Return the message for a picture, without a header; the next call may return it again.

        ``picture`` is as it was delivered, before our own part of the steps.

        :raises SourceError: if it is smaller than the steps need it.
        """
        answer, kept = self._answer, self._kept
        delivered = steps, (picture.width, picture.height)
        if answer is None or answer.kept is not kept or answer.delivered != delivered:
            pixels = steps.pixel_map(*delivered[1])
            answer = _Answer(kept, delivered, pixels, _message(kept, pixels))
            self._answer = answer
        return answer.message

    def set_camera_info(
        self, request: SetCameraInfo.Request, response: SetCameraInfo.Response
    ) -> SetCameraInfo.Response:
        """Save a calibration and publish it from now on, or say why not; cameracalibrator asks."""
        try:
            calibration = from_message(request.camera_info)
            self._check(calibration)
            load_calibration(self._kept.path)  # nothing else may be there meanwhile
            save_calibration(self._kept.path, self._camera_name, calibration)
        except CalibrationError as error:
            logger.warning("set_camera_info is refused: %s", error)
            response.success, response.status_message = False, str(error)
            return response
        self.use(Kept(self._kept.path, calibration))
        response.success, response.status_message = True, f"saved as {self._kept.path}"
        return response

    def _check(self, calibration: Calibration) -> None:
        """See that a calibration can be published with the pictures that there are.

        :raises CalibrationError: if not.
        """
        calibration.check()
        if self._answer is None:
            raise CalibrationError("no picture was captured yet, for which it could be")
        pixels = self._answer.pixels
        fitted(calibration, pixels)
        if calibration.picture_size == pixels.after and pixels.is_mirrored:
            # It was made from what is published, as if that came from a camera as it is.
            raise CalibrationError(MIRRORED)


def fitted(calibration: Calibration, pixels: PixelMap) -> Calibration:
    """Return a calibration as one of the published pictures.

    Its size says what it is for: published pictures, or captured ones, which are never mirrored.

    :raises CalibrationError: if it is for neither, or cannot be changed as the pictures are.
    """
    size = calibration.picture_size
    if size == pixels.after and calibration.is_mirrored == pixels.is_mirrored:
        return calibration
    if size == pixels.before and not calibration.is_mirrored:
        return mapped(calibration, pixels)
    if size in (pixels.before, pixels.after):
        raise CalibrationError(MIRRORED if pixels.is_mirrored else NOT_MIRRORED)
    raise CalibrationError(
        f"it is for pictures of {_by(size)}, and they are captured with {_by(pixels.before)} "
        f"and published with {_by(pixels.after)}"
    )


def _message(kept: Kept, pixels: PixelMap) -> CameraInfo:
    if kept.calibration is not None:
        try:
            return to_message(fitted(kept.calibration, pixels))
        except CalibrationError as error:
            logger.warning(
                "camera_info is uncalibrated, for the calibration %s does not fit: %s; %s",
                kept.path,
                error,
                WHAT_TO_DO,
            )
    return uncalibrated(*pixels.after)


def _by(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
