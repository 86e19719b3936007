# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""cv_bridge, for the encodings of pictures that it alone knows: Bayer patterns above all."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from ..media.cdr import Image, ImageError

if TYPE_CHECKING:
    from sensor_msgs.msg import Image as ImageMessage

    from ..media.raw_image import Pixels

WAY_OUT = "let its publisher send rgb8, bgr8 or mono8, or a compressed topic"


# OpenCV names a pattern by its second row. Not every cv_bridge knows all four.
_BAYER = {
    "bayer_rggb8": "COLOR_BayerBG2BGR",
    "bayer_bggr8": "COLOR_BayerRG2BGR",
    "bayer_gbrg8": "COLOR_BayerGR2BGR",
    "bayer_grbg8": "COLOR_BayerGB2BGR",
}


def to_bgr(image: Image) -> Pixels:
    """Convert a picture with cv_bridge, which is loaded when it is first needed, and OpenCV by it.

    :raises ImageError: if cv_bridge cannot be loaded or does not know the encoding.
    """
    try:
        import cv2
        from cv_bridge import CvBridge

        bridge = CvBridge()
    except (ImportError, AttributeError) as error:  # numpy 2 under an OpenCV for 1 raises both
        raise ImageError(
            f'its encoding "{image.encoding}" needs cv_bridge, which cannot be loaded ({error}): '
            f"install it (apt install ros-$ROS_DISTRO-cv-bridge), or {WAY_OUT}"
        ) from error
    try:
        if image.encoding in _BAYER:
            mosaic = bridge.imgmsg_to_cv2(_message(image._replace(encoding="mono8")))
            demosaiced: Pixels = cv2.cvtColor(mosaic, getattr(cv2, _BAYER[image.encoding]))
            return demosaiced
        pixels: Pixels = bridge.imgmsg_to_cv2(_message(image), "bgr8")
    except Exception as error:  # CvBridgeError, KeyError, cv2.error: as its version has it
        raise ImageError(
            f'its encoding "{image.encoding}" is none that this cv_bridge can convert: {WAY_OUT}'
        ) from error
    return pixels


def _message(image: Image) -> ImageMessage:
    # Not before a picture needs it: sensor_msgs.msg loads numpy and 20 MB.
    from sensor_msgs.msg import Image as ImageMessage

    data = array("B")
    data.frombytes(image.data)  # array("B", view) would take byte after byte
    return ImageMessage(
        height=image.height,
        width=image.width,
        encoding=image.encoding,
        is_bigendian=int(image.is_bigendian),
        step=image.step,
        data=data,
    )
