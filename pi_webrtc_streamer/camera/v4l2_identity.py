# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which V4L2 device is behind a name such as /dev/video0, which the next start may give another."""

from __future__ import annotations

import fcntl
import struct

# struct v4l2_capability and VIDIOC_QUERYCAP, _IOR('V', 0, struct v4l2_capability), of Linux's
# videodev2.h: driver, card, bus_info, version, capabilities, device_caps, reserved.
CAPABILITY = struct.Struct("=16s32s32sIII12x")
QUERY_CAPABILITY = 2 << 30 | CAPABILITY.size << 16 | ord("V") << 8


def identify(device: str) -> str:
    """Return the card and the bus that it is on; the name itself where the driver does not say."""
    try:
        with open(device, "rb", buffering=0) as file:
            answer = fcntl.ioctl(file, QUERY_CAPABILITY, bytes(CAPABILITY.size))
    except OSError:
        return device
    return describe(answer) or device


def describe(capability: bytes) -> str:
    """Return card and bus of a struct v4l2_capability: ``HD Webcam (usb-0000:01:00.0-1)``."""
    _, card, bus, *_ = CAPABILITY.unpack(capability)
    texts = [text.partition(b"\0")[0].decode(errors="replace").strip() for text in (card, bus)]
    return " ".join(text for text in (texts[0], f"({texts[1]})" if texts[1] else "") if text)
