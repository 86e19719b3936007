# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is behind a name such as /dev/video0: which device, and whether it is a camera.

The next start may give the name to another one.
"""

from __future__ import annotations

import fcntl
import struct

# struct v4l2_capability and VIDIOC_QUERYCAP, _IOR('V', 0, struct v4l2_capability), of Linux's
# videodev2.h: driver, card, bus_info, version, capabilities, device_caps, reserved.
CAPABILITY = struct.Struct("=16s32s32sIII12x")
DEVICE_CAPS = 0x80000000  # device_caps is of this node, capabilities of all nodes of the device
VIDEO_CAPTURE, VIDEO_CAPTURE_MPLANE = 0x1, 0x1000
# Memory to memory (codecs), and what is set up through the media controller (parts of a camera on
# a ribbon cable, which libcamera puts together).
NO_CAMERA = 0x4000 | 0x8000 | 0x20000000
PROCESSORS = ("bcm2835-isp", "pispbe", "rpi-hevc-dec", "rpivid")  # of the Raspberry Pi: drivers
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


def is_camera(capability: bytes) -> bool:
    """Whether a struct v4l2_capability is of a node that pictures come from, as FFmpeg reads them.

    Others have metadata, take pictures, or work on those of others.
    """
    return bool(_flags(capability) & VIDEO_CAPTURE)


def is_multiplanar_camera(capability: bytes) -> bool:
    """Whether it is one of which FFmpeg cannot read the pictures: it knows one plane alone."""
    return _flags(capability) & (VIDEO_CAPTURE | VIDEO_CAPTURE_MPLANE) == VIDEO_CAPTURE_MPLANE


def _flags(capability: bytes) -> int:
    """Return what a camera's node can; nothing if it is none."""
    driver, _, _, _, of_all, of_node = CAPABILITY.unpack(capability)
    flags: int = of_node if of_all & DEVICE_CAPS else of_all
    is_processor = driver.partition(b"\0")[0].decode(errors="replace") in PROCESSORS
    return 0 if is_processor or flags & NO_CAMERA else flags
