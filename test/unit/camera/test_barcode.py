# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The time in a picture."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.camera import barcode


@given(st.integers(0, 2**62), st.integers(512, 2000))
def test_the_barcode_is_read_as_drawn(stamp, width):
    y = np.full((64, width), 77, np.uint8)
    barcode.draw(y, stamp)
    assert barcode.read(y) == stamp // 1_000_000 % 2**32
