# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The Rust streamer's dialect: an object whose only key says what it is."""

from __future__ import annotations

import json

from .messages import Event, Ignored, NoObject, read_candidate, read_object, read_offer

KEYS = ("offer", "iceCandidate")


class Rust:
    """``{"offer": {"type", "sdp"}}``, ``{"iceCandidate": {...}}``; anything else is ignored."""

    def read(self, text: str) -> Event:
        """Return what a message says."""
        try:
            content = read_object(text)
        except NoObject:
            return Ignored()
        if "offer" in content:
            return read_offer(content["offer"], "offer")
        if "iceCandidate" in content:
            return read_candidate(content["iceCandidate"], "iceCandidate")
        return Ignored()

    def answer(self, sdp: str) -> str:
        """Write an answer."""
        return json.dumps({"answer": {"type": "answer", "sdp": sdp}})

    def candidate(self, line: str, index: int) -> str:
        """Write a candidate."""
        return json.dumps({"iceCandidate": {"candidate": line, "sdpMLineIndex": index}})

    def error(self, text: str) -> str:
        """Write an error, as a still older streamer in Python did."""
        return json.dumps({"error": text})

    def pong(self) -> str:
        """Write the answer to a ping, which nobody sends here."""
        return json.dumps({"pong": {}})
