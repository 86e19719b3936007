# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The camera node's settings."""

import pytest

from pi_webrtc_streamer.settings.camera import CameraSettings
from pi_webrtc_streamer.settings.schema import SettingsError


def test_settings_that_make_no_sense_are_named():
    with pytest.raises(SettingsError, match="rotation is 45; choose 0, 90, 180 or 270"):
        CameraSettings(rotation=45)
    with pytest.raises(SettingsError, match="crop has 3 numbers"):
        CameraSettings(crop=[1, 2, 3])
