# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the predecessor's clients send, and what its users wrote."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from pi_webrtc_streamer.predecessor.config.translate import translate
from pi_webrtc_streamer.predecessor.settings import PredecessorSettings, settings_of_camera
from pi_webrtc_streamer.predecessor.web.dialects import GO, RUST, dialect_of_message
from pi_webrtc_streamer.predecessor.web.messages import Malformed, Offer, Refused, candidates_of
from pi_webrtc_streamer.ros.parameters import convert
from pi_webrtc_streamer.settings.camera import CameraSettings
from pi_webrtc_streamer.settings.schema import ConfigError, check, settings_of
from pi_webrtc_streamer.webrtc.candidates import CandidateError, CandidateFilter
from pi_webrtc_streamer.webrtc.trickle import Fragment


def signalling(data: bytes) -> None:
    """Read a message of the predecessor's clients in both dialects, and answer with what it has."""
    text = data.decode("utf-8", "replace")
    assert dialect_of_message(text) in (RUST, GO, None)
    for dialect in (RUST, GO):
        event = dialect.read(text)
        if isinstance(event, Offer):
            assert json.loads(dialect.answer(event.sdp))
            candidates_of(event.sdp)
        elif isinstance(event, Fragment):
            for candidate in event.candidates:
                dialect.candidate(candidate.line, 0).encode()
                with suppress(CandidateError):
                    CandidateFilter().takes(candidate.line)
        elif isinstance(event, (Refused, Malformed)):
            dialect.error(event.why).encode()


def config_toml(data: bytes) -> None:
    """Translate a config.toml of the predecessor's, and read the settings that come of it."""
    with suppress(ConfigError):
        nodes = translate(data.decode("utf-8", "replace"), "config.toml").nodes
        bridge = nodes.pop("bridge")
        for name in bridge["cameras"]:
            _read(CameraSettings, {}, nodes.pop(name))
            _read(PredecessorSettings, settings_of_camera(name), bridge)
        assert not nodes


def _read(schema: type, further: dict[str, Any], given: dict[str, Any]) -> None:
    """See that a node takes what is given, but for what belongs to other cameras."""
    known = settings_of(schema) | further
    values = {}
    for name, value in given.items():
        if name in known:
            about, default = known[name]
            values[name] = convert(name, value, default)
            check(name, values[name], about)
        else:
            assert name.endswith(".signalling_port"), name
    schema(**{name: value for name, value in values.items() if name not in further})


def messages() -> list[bytes]:
    """Return messages of the predecessor's clients, in both dialects."""
    description = {"type": "offer", "sdp": "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n"}
    candidate = {
        "candidate": "candidate:1 1 udp 2122260223 192.0.2.7 61764 typ host",
        "sdpMid": "0",
        "sdpMLineIndex": 0,
        "usernameFragment": "EsAw",
    }
    messages: list[object] = [
        {"offer": description},
        {"iceCandidate": candidate},
        {"type": "offer", "data": description},
        {"type": "ice-candidate", "data": candidate},
        {"type": "ping"},
    ]
    return [json.dumps(message).encode() for message in messages]


def tomls() -> list[bytes]:
    """Return the predecessor's configuration files."""
    folder = Path(__file__).parents[1] / "test" / "support" / "predecessor"
    return [path.read_bytes() for path in sorted(folder.glob("*.toml"))]
