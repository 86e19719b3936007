# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which camera is meant."""

import pytest

from pi_webrtc_streamer.camera.picamera_devices import find_camera
from pi_webrtc_streamer.camera.source import SourceError

CAMERAS = [
    {"Num": 0, "Id": "/base/axi/pcie@1000120000/rp1/i2c@88000/imx219@10", "Model": "imx219"},
    {"Num": 1, "Id": "/base/axi/pcie@1000120000/rp1/i2c@80000/imx708@1a", "Model": "imx708"},
]


def test_cameras_are_found_by_number_id_and_part_of_it():
    assert find_camera("1", CAMERAS) == 1
    assert find_camera(CAMERAS[1]["Id"], CAMERAS) == 1
    assert find_camera("imx219", CAMERAS) == 0
    with pytest.raises(SourceError, match=r"no camera answers.*rpicam-hello"):
        find_camera("0", [])
    with pytest.raises(SourceError, match='camera "2" is not there; there are 0: /base'):
        find_camera("2", CAMERAS)
    with pytest.raises(SourceError, match="could be more than one"):
        find_camera("rp1", CAMERAS)
