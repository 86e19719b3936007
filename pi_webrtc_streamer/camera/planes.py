# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A picture's planes, copied to where they stay when its loan has ended."""

from __future__ import annotations

import numpy as np

from .source import Picture


def copy_planes(picture: Picture, place: memoryview) -> None:
    """Write the rows of y, u and v one after the other, without gaps; ``place`` is as large."""
    octets = np.frombuffer(place, np.uint8)
    for plane in (picture.y, picture.u, picture.v):
        octets[: plane.size].reshape(plane.shape)[:] = plane
        octets = octets[plane.size :]
