# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Buffers as libcamera fills them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.camera.picamera_buffer import split_yuv420


@given(st.integers(1, 64), st.integers(1, 64), st.integers(0, 16))
def test_yuv420_planes_are_split_in_place(half_width, half_height, padding):
    width, height, stride = 2 * half_width, 2 * half_height, 2 * (half_width + padding)
    octets = np.arange(stride * height * 3 // 2, dtype=np.uint64).astype(np.uint8)
    picture = split_yuv420(octets, width, height, stride, stamp=5)
    assert picture.y.shape == (height, width)
    assert picture.u.shape == picture.v.shape == (half_height, half_width)
    assert np.shares_memory(picture.y, octets)
    assert picture.u[0, 0] == octets[stride * height]
    assert picture.v[0, 0] == octets[stride * height * 5 // 4]
