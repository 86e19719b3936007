# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures to JPEG, straight from the YUV planes."""

from __future__ import annotations

import numpy as np
import simplejpeg

from .source import Picture


def encode_jpeg(picture: Picture, quality: int) -> bytes:
    """Return the picture as a JFIF file; quality from 1 to 100."""
    y = picture.y
    if picture.width % 2 or picture.height % 2:
        # libjpeg-turbo reads two by two of luma for one of chroma: there must be more to read.
        y = np.pad(y, ((0, picture.height % 2), (0, picture.width % 2)), "edge")
        y = y[: picture.height, : picture.width]
    data: bytes = simplejpeg.encode_jpeg_yuv_planes(
        y, picture.u, picture.v, quality=quality, fastdct=True
    )
    return data
