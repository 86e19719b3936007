"""Pictures to JPEG, straight from the YUV planes."""

from __future__ import annotations

import simplejpeg

from .source import Picture


def encode_jpeg(picture: Picture, quality: int) -> bytes:
    """Return the picture as a JFIF file; quality from 1 to 100."""
    data: bytes = simplejpeg.encode_jpeg_yuv_planes(
        picture.y, picture.u, picture.v, quality=quality, fastdct=True
    )
    return data
