# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Calibrations as messages."""

from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.camera.calibration import Calibration, Region
from pi_webrtc_streamer.camera.camera_info import from_message, to_message, uncalibrated

numbers = st.floats(allow_nan=False)
sizes = st.integers(0, 2**32 - 1)


@given(
    st.builds(
        Calibration,
        width=sizes,
        height=sizes,
        distortion_model=st.text(st.characters(codec="utf-8"), max_size=8),
        d=st.lists(numbers, max_size=14).map(tuple),
        k=st.tuples(*[numbers] * 9),
        r=st.tuples(*[numbers] * 9),
        p=st.tuples(*[numbers] * 12),
        binning=st.tuples(sizes, sizes),
        roi=st.builds(Region, sizes, sizes, sizes, sizes, st.booleans()),
    )
)
def test_nothing_is_lost(calibration):
    assert from_message(to_message(calibration)) == calibration


def test_uncalibrated_is_the_size_alone():
    unknown = from_message(uncalibrated(640, 480))
    assert unknown == Calibration(640, 480, "", (), (0.0,) * 9, (0.0,) * 9, (0.0,) * 12)
