# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""From the limited range of video to the full range of JPEG (ITU-R BT.601, JFIF)."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Table: TypeAlias = npt.NDArray[np.uint8]


def _full_range(zero: int, span: int, full_zero: int) -> Table:
    """Return the table from video range, ``span`` steps around or above ``zero``, to JPEG's."""
    full = full_zero + (np.arange(256) - zero) * (255 / span)
    table: Table = np.clip(np.rint(full), 0, 255).astype(np.uint8)
    return table


# Index with a limited-range sample: black is 16 and white 235, chroma 16 to 240 around 128.
FULL_LUMA = _full_range(16, 219, 0)
FULL_CHROMA = _full_range(128, 224, 128)
