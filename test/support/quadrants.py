# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A picture of four colours, and whether it arrived as it was."""

import numpy as np

TOP_LEFT, TOP_RIGHT = (220, 40, 40), (40, 190, 60)
BOTTOM_LEFT, BOTTOM_RIGHT = (40, 60, 210), (230, 220, 50)
COLOURS = np.array([TOP_LEFT, TOP_RIGHT, BOTTOM_LEFT, BOTTOM_RIGHT])
TOLERANCE = 14  # of each channel


def quadrants(width: int, height: int) -> np.ndarray:
    """Return the picture: (height, width, RGB), 8 bits."""
    rgb = np.empty((height, width, 3), np.uint8)
    for number, colour in enumerate(COLOURS):
        rows, columns = divmod(number, 2)
        top, left = rows * (height // 2), columns * (width // 2)
        bottom, right = (height // 2, height)[rows], (width // 2, width)[columns]
        rgb[top:bottom, left:right] = colour
    return rgb


def colours_of(rgb: np.ndarray) -> np.ndarray:
    """Return the mean colour in the middle of each quadrant: (4, RGB)."""
    height, width, _ = rgb.shape
    means = []
    for number in range(4):
        rows, columns = divmod(number, 2)
        top, left = rows * height // 2, columns * width // 2
        middle = rgb[
            top + height // 8 : top + 3 * height // 8, left + width // 8 : left + 3 * width // 8
        ]
        means.append(middle.mean(axis=(0, 1)))
    return np.array(means)


def assert_quadrants(rgb: np.ndarray) -> None:
    """See that a picture, (height, width, RGB), shows the four colours, each in its place."""
    seen = colours_of(rgb)
    assert np.abs(seen - COLOURS).max() <= TOLERANCE, f"seen: {seen.round().tolist()}"
