# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What takes messages for a test's feed."""

import pytest

from pi_webrtc_streamer.media.intake import Intake
from pi_webrtc_streamer.ros.cv_convert import to_bgr


@pytest.fixture
def intake(feed):
    intake = Intake(feed, to_bgr)
    yield intake
    intake.close()
