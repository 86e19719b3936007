# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Every picture gets a size that receivers show, and keeps its shape."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pi_webrtc_streamer.media.sizes import (
    ENLARGED_SIDE,
    LONGEST_SIDE,
    SMALL_SIDE,
    SMALLEST_SIDE,
    Size,
    decodable,
    divided,
    enlargement,
    fitted,
    full_size,
)

sides = st.one_of(st.integers(1, 100), st.integers(1, 10_000), st.integers(1, 65_500))


@pytest.mark.parametrize(
    ("camera", "shown"),
    [
        ((4056, 3040), (3544, 2656)),
        ((3040, 4056), (2656, 3544)),
        ((4608, 2592), (4096, 2304)),
        ((4096, 2304), (4096, 2304)),
        ((8192, 8192), (3072, 3072)),
        ((9152, 6944), (3520, 2670)),
        ((8688, 512), (8688, 512)),
        ((8704, 512), (8688, 512)),
        ((8000, 16), (8688, 18)),
        ((1920, 1080), (1920, 1080)),
        ((641, 481), (640, 480)),
        ((8, 8), (240, 240)),
        ((16, 12), (320, 240)),
        ((32, 24), (320, 240)),
        ((80, 60), (320, 240)),
        ((9, 7), (324, 252)),
        ((1, 1), (240, 240)),
        ((2048, 64), (4096, 128)),
        ((160, 120), (160, 120)),
    ],
)
def test_sizes_of_real_and_strange_cameras(camera, shown):
    assert full_size(*camera) == shown


@given(sides, sides)
def test_whatever_is_published_is_decoded_in_every_tier(width, height):
    for divisor in (1, 2, 4):
        size = divided(full_size(width, height), divisor)
        assert decodable(size)
        assert all(side % 2 == 0 and side >= SMALLEST_SIDE for side in size)


@example(15_998, 47_832)
@given(st.integers(SMALL_SIDE, 65_500), st.integers(SMALL_SIDE, 65_500))
def test_the_shape_stays_and_no_larger_size_of_it_would_do(width, height):
    size = fitted(width, height)
    long, short = (side // 2 * 2 for side in (max(width, height), min(width, height)))
    longer, shorter = max(size), min(size)
    if shorter > SMALLEST_SIDE:
        assert abs(shorter - longer * short / long) <= 2
    if decodable(Size(width, height)):
        assert size == (width // 2 * 2, height // 2 * 2)
    elif shorter > SMALLEST_SIDE:
        one_more = longer + 2
        across = 2 * round(one_more * short / long / 2)
        assert one_more > LONGEST_SIDE or not decodable(Size(one_more, across))


@given(st.integers(1, SMALL_SIDE - 1), st.integers(1, 1000))
def test_small_pictures_are_enlarged_by_an_even_factor(side, other):
    factor = enlargement(side, other)
    assert factor >= 2
    assert factor % 2 == 0
    assert factor == enlargement(other, side)
    if side == other:
        assert side * factor >= ENLARGED_SIDE


def test_what_is_not_small_stays_as_it_is():
    assert enlargement(SMALL_SIDE, SMALL_SIDE) == 1
    assert enlargement(SMALL_SIDE - 1, 10_000) == 2
