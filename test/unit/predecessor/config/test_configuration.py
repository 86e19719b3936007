# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What clients are told of the whole configuration."""

import json

from support.predecessor.config_toml import FOLDER, bridge, errors


def told(text: str) -> dict:
    """Return what clients are told of a file (/api/config)."""
    return json.loads(bridge(text)["legacy_config"])


def test_clients_are_told_the_file_in_snake_case():
    go = told((FOLDER / "go.toml").read_text())
    assert go["camera2"]["crop"] == {"x": 64, "y": 32, "width": 480, "height": 400}
    assert (go["webrtc"]["queue_buffers"], go["webrtc"]["codec"]) == (1, "vp8")
    assert go["encoding"] == {
        "codec": "h264",
        "bitrate": 1_500_000,
        "keyframe_interval": 30,
        "cpu_used": 8,
    }
    rust = told((FOLDER / "rust.toml").read_text())
    assert not {name for name in rust if "-" in name or name.startswith("camera_")}
    assert (rust["camera1"]["target_width"], rust["camera1"]["flip_method"]) == (480, "rotate-90")
    assert (rust["camera2"]["flip_method"], rust["camera2"]["webrtc_port"]) == ("rotate-180", 16558)
    assert rust["video"]["encoder_preset"] == "ultrafast"


def test_clients_are_told_what_holds_where_the_file_says_nothing():
    assert told(
        "[camera-1]\ncrop = { x = 16 }\n[WebRTC]\nmtu = 1100\n[webrtc]\ntimeout = 5000"
    ) == {
        "server": {"web_port": 8080, "bind_ip": "0.0.0.0", "pi_ip": ""},
        "camera1": {
            "device": "",
            "width": 640,
            "height": 480,
            "target_width": 0,
            "target_height": 0,
            "scaling_enabled": False,
            "fps": 30,
            "webrtc_port": 5557,
            "flip_method": "rotate-180",
            "crop": {"x": 16, "y": 0, "width": 0, "height": 0},
        },
        "video": {"codec": "h264", "bitrate": 2_000_000},
        "encoding": {"codec": "h264", "bitrate": 2_000_000},
        "webrtc": {
            "enabled": True,
            "stun_server": "",
            "max_clients": 4,
            "bitrate": 2_000_000,
            "mtu": 1100,
            "timeout": 5000,
            "webrtc_port_1": 5557,
            "webrtc_port_2": 0,
            "codec": "h264",
        },
        "logging": {"stats_log_interval_seconds": 60.0},
        "limits": {"max_memory_usage_mb": 0},
        "debug": {"enable_memory_monitoring": True, "memory_check_interval_seconds": 30.0},
        "timeouts": {"shutdown_timeout_seconds": 2.0},
    }
    assert told("")["camera1"]["flip_method"] == "vertical-flip"
    both = told("[camera1]\nfps = 5\n[camera-1]\nfps = 6")
    assert both["camera1"]["fps"] == 5, "that of the section that counts"


def test_what_json_does_not_have_is_left_empty():
    text = (
        f"[Camera-1]\nwidth = 0x{'f' * 5000}\n[app]\nday = 2026-11-22\nfar = [inf, 0x{'f' * 5000}]"
    )
    (error,) = errors(text)
    assert "[Camera-1] width = a value of the type int: expected a whole number" in error
    document = told(text.replace("width", "unknown-key"))
    assert document["camera1"]["unknown_key"] is None
    assert document["app"] == {"day": "2026-11-22", "far": [None, None]}
