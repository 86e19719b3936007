# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How a V4L2 device means the colours of its pictures. Pure.

A driver leaves most of it at "default", which videodev2.h defines by the colour space. FFmpeg does
not ask for it.
"""

from __future__ import annotations

import struct

from av.video.reformatter import Colorspace

from .conversion import Untagged
from .v4l2_formats import CAPTURE, Ask

# struct v4l2_format with its struct v4l2_pix_format: type; width, height, pixelformat, field,
# bytesperline, sizeimage, colorspace, priv, flags, ycbcr_enc, quantization, xfer_func.
PIX_FORMAT = struct.Struct("=I4x12I152x")
GET_FORMAT = 3 << 30 | PIX_FORMAT.size << 16 | ord("V") << 8 | 4
EXTENDED = 0xFEEDCAFE  # V4L2_PIX_FMT_PRIV_MAGIC: what stands behind priv is meant
JPEG = 7  # of enum v4l2_colorspace
FULL_RANGE = 1  # of enum v4l2_quantization; 0 is the default, 2 limited
# By enum v4l2_colorspace (V4L2_MAP_YCBCR_ENC_DEFAULT): all others have BT.601.
_OF_COLOUR_SPACE = {
    2: Colorspace.SMPTE240M,
    3: Colorspace.ITU709,
    10: Colorspace.BT2020,
    12: Colorspace.ITU709,
}
# By enum v4l2_ycbcr_encoding; 0 is the default.
_OF_ENCODING = {
    1: Colorspace.ITU601,
    2: Colorspace.ITU709,
    3: Colorspace.ITU601,
    4: Colorspace.ITU709,
    5: Colorspace.ITU601,
    6: Colorspace.BT2020,
    7: Colorspace.BT2020,
    8: Colorspace.SMPTE240M,
}


def read_colours(ask: Ask) -> Untagged:
    """Ask a device how the pictures are meant that it delivers now; most webcams: BT.601."""
    try:
        answer = ask(GET_FORMAT, PIX_FORMAT.pack(CAPTURE, *[0] * 12))
    except OSError:
        return Untagged(Colorspace.ITU601)
    _, *_, colour_space, priv, _, encoding, quantization, _ = PIX_FORMAT.unpack(answer)
    if priv != EXTENDED:
        encoding = quantization = 0
    by_default = _OF_COLOUR_SPACE.get(colour_space, Colorspace.ITU601)
    matrix = _OF_ENCODING.get(encoding, by_default)
    full = quantization == FULL_RANGE or (not quantization and colour_space == JPEG)
    return Untagged(matrix, full)
