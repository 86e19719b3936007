# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What aiortc is to offer and to answer, of codecs, header extensions and feedback."""

from __future__ import annotations

from typing import Any

from aiortc import RTCRtpSender
from aiortc.codecs import CODECS, HEADER_EXTENSIONS
from aiortc.rtcrtpparameters import RTCRtcpFeedback, RTCRtpHeaderExtensionParameters

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
PLAYOUT_DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"


def register_extensions() -> None:
    """Let aiortc negotiate what it does not know: playout-delay and requests by FIR."""
    known = {extension.uri for extension in HEADER_EXTENSIONS["video"]}
    if PLAYOUT_DELAY not in known:
        free = max(extension.id for kind in HEADER_EXTENSIONS.values() for extension in kind) + 1
        HEADER_EXTENSIONS["video"].append(
            RTCRtpHeaderExtensionParameters(id=free, uri=PLAYOUT_DELAY)
        )
    fir = RTCRtcpFeedback(type="ccm", parameter="fir")
    for codec in CODECS["video"]:
        if codec.rtcpFeedback and fir not in codec.rtcpFeedback:
            codec.rtcpFeedback.append(fir)


def sending_preferences(codecs: list[str]) -> list[Any]:
    """Return aiortc's capabilities for these codecs in this order, retransmission with them."""
    capabilities = RTCRtpSender.getCapabilities("video").codecs
    preferred = [
        capability
        for codec in codecs
        for capability in capabilities
        if capability.mimeType.lower() == f"video/{codec}"
    ]
    return preferred + [each for each in capabilities if each.mimeType.lower() == "video/rtx"]
