# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A lent picture's planes, copied before the loan ends."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.camera.planes import copy_planes
from pi_webrtc_streamer.camera.source import Picture
from pi_webrtc_streamer.direct.slots import picture_bytes

SIDES = st.integers(1, 40)


@given(SIDES, SIDES, st.integers(0, 7), st.booleans(), st.booleans())
def test_rows_follow_each_other_however_they_were_lent(width, height, gap, mirrored, upside_down):
    """A camera's rows have gaps between them, and what is mirrored runs backwards."""

    def lent(rows: int, columns: int) -> np.ndarray:
        buffer = np.arange(rows * (columns + gap), dtype=np.uint32).astype(np.uint8)
        plane = buffer.reshape(rows, columns + gap)[:, :columns]
        return plane[:: -1 if upside_down else 1, :: -1 if mirrored else 1]

    chroma = (height + 1) // 2, (width + 1) // 2
    picture = Picture(lent(height, width), lent(*chroma), lent(*chroma), stamp=1)
    place = bytearray(picture_bytes(width, height))
    copy_planes(picture, memoryview(place))
    assert bytes(place) == picture.y.tobytes() + picture.u.tobytes() + picture.v.tobytes()
