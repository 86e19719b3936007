# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The Go streamer's dialect: an object with a type and data."""

from __future__ import annotations

import json

from .messages import (
    Event,
    Malformed,
    NoObject,
    Ping,
    Refused,
    read_candidate,
    read_object,
    read_offer,
)

PATH = "/ws"
KEY = "type"


class Go:
    """``{"type": "offer" | "ice-candidate" | "ping", "data": {...}}``; malformed JSON closes."""

    def read(self, text: str) -> Event:
        """Return what a message says."""
        try:
            content = read_object(text)
        except NoObject as error:
            return Malformed(str(error))
        kind, data = content.get(KEY), content.get("data")
        if kind == "offer":
            return read_offer(data, "data")
        if kind == "ice-candidate":
            return read_candidate(data, "data")
        if kind == "ping":
            return Ping()
        return Refused("its type is none of offer, ice-candidate, ping")

    def answer(self, sdp: str) -> str:
        """Write an answer."""
        return _message("answer", {"type": "answer", "sdp": sdp})

    def candidate(self, line: str, index: int) -> str:
        """Write a candidate."""
        place = {"sdpMid": "", "sdpMLineIndex": index, "usernameFragment": None}
        return _message("ice-candidate", {"candidate": line, **place})

    def error(self, text: str) -> str:
        """Write an error."""
        return _message("error", {"message": f"Error handling message: {text}"})

    def pong(self) -> str:
        """Write the answer to a ping."""
        return json.dumps({"type": "pong"})


def _message(kind: str, data: dict[str, object]) -> str:
    return json.dumps({"type": kind, "data": data})
