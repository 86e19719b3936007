# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Every key that the predecessor's config.toml may have, with what it takes and its default.

Sections and keys are written here in lower case and with ``_``; files may have ``-`` as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from ...settings.addresses import LARGEST_PORT, is_host
from ...settings.bridge import BridgeSettings
from ...settings.camera import LARGEST_SIDE
from ...settings.schema import settings_of

SMALLEST_SIDE = 16  # pixels
# A bitrate below this is meant in kbit/s: so few bits make no picture.
FIRST_BITRATE_IN_BITS = 20_000
MOST_KILOBITS, LEAST_BITS, MOST_BITS = FIRST_BITRATE_IN_BITS - 1, 50_000, 100_000_000
DEFAULT_BITRATE = 2_000_000  # bit/s
CROP = ("x", "y", "width", "height")
GO_FLIP, RUST_FLIP = "vertical-flip", "rotate-180"  # where a camera's section says nothing

_STUN_SERVER = re.compile(r"(stuns?:(//)?)?[^\s:/?#@]+(:\d{1,5})?\Z")


@dataclass(frozen=True)
class Key:
    """A key that means something here: its types, what it takes, and its default."""

    kinds: tuple[type, ...]
    expected: str
    default: Any = None  # None: where the key is missing, something else decides
    valid: Callable[[Any], bool] = lambda value: True


@dataclass(frozen=True)
class Meaningless:
    """A key or section that has no meaning here; ``why`` is a sentence, without its full stop."""

    why: str


Keys: TypeAlias = Mapping[str, "Key | Meaningless"]


def _truth(default: bool | None) -> Key:
    return Key((bool,), "true or false", default)


def _whole(low: int, high: int, default: int | None = None) -> Key:
    return Key(
        (int,),
        f"a whole number from {low} to {high}",
        default,
        lambda number: low <= number <= high,
    )


def _number(low: float, high: float, default: float | None = None) -> Key:
    return Key(
        (int, float),
        f"a number from {low:.9g} to {high:.9g}",
        default,
        lambda number: low <= number <= high,
    )


def _side(off: str, default: int | None, least: float = 0) -> Key:
    return Key(
        (int,),
        f"a whole number from {SMALLEST_SIDE} to {LARGEST_SIDE}, or {off}",
        default,
        lambda side: least <= side <= 0 or SMALLEST_SIDE <= side <= LARGEST_SIDE,
    )


def _text(default: str, expected: str, valid: Callable[[str], bool] = lambda text: True) -> Key:
    return Key((str,), expected, default, lambda text: not text or valid(text))


def _as_of_bridge(name: str) -> float:
    """Return the default of a setting that the bridge has as well."""
    default: float = settings_of(BridgeSettings)[name][1]
    return default


def _choice(*choices: str, empty: str) -> Key:
    expected = f"{', '.join(choices)}, or nothing ({empty})"
    return Key((str,), expected, None, lambda text: text.lower() in ("", *choices))


def _bitrate(default: int | None) -> Key:
    return Key(
        (int,),
        f"bit/s, a whole number from {LEAST_BITS} to {MOST_BITS}, or kbit/s, one from 50 to "
        f"{MOST_KILOBITS}, or 0 (as if it were missing)",
        default,
        lambda rate: rate == 0 or 50 <= rate <= MOST_KILOBITS or LEAST_BITS <= rate <= MOST_BITS,
    )


_ADDRESS = "an IP address or the name of a host"
_ENCODER = "encoders are set for the least delay"
_KEYFRAMES = "there is a key frame whenever a viewer needs one"
_CODEC = _choice("h264", "vp8", empty="another section says it")

CAMERA: Keys = {
    "device": _text("", 'text: a libcamera id, or "/dev/video0"'),
    "width": _side("0 or less (the camera is off)", 640, least=float("-inf")),
    "height": _whole(SMALLEST_SIDE, LARGEST_SIDE, 480),
    "target_width": _side("0 (not scaled)", 0),
    "target_height": _side("0 (not scaled)", 0),
    "scaling_enabled": _truth(False),
    "fps": _number(0.1, 240, 30),
    "webrtc_port": _whole(0, LARGEST_PORT),
    "flip_method": _choice(
        "vertical-flip",
        "horizontal-flip",
        "rotate-90",
        "rotate-180",
        "rotate-270",
        empty="not flipped",
    ),
    "crop": Key((dict,), "{ x, y, width, height }", (0, 0, 0, 0)),
}
CROP_SIDE = _whole(0, LARGEST_SIDE, 0)

SECTIONS: Mapping[str, Keys] = {
    "server": {
        "web_port": _whole(1, LARGEST_PORT, 8080),
        "bind_ip": _text("0.0.0.0", _ADDRESS, is_host),
        "pi_ip": _text("", f'{_ADDRESS}, or "" (it is found out)', is_host),
    },
    "video": {
        "codec": _CODEC,
        "encoder_preset": Meaningless(_ENCODER),
        "keyframe_interval": Meaningless(_KEYFRAMES),
        "cpu_used": Meaningless(_ENCODER),
        "bitrate": _bitrate(None),
    },
    "encoding": {
        "codec": _CODEC,
        "bitrate": _bitrate(None),
        "keyframe_interval": Meaningless(_KEYFRAMES),
        "cpu_used": Meaningless(_ENCODER),
    },
    "webrtc": {
        "enabled": _truth(True),
        "stun_server": _text(
            "",
            'a STUN server such as "stun:stun.example.org:3478", or "" (none)',
            lambda text: _STUN_SERVER.match(text) is not None,
        ),
        "max_clients": _whole(1, 1000, 4),
        "bitrate": _bitrate(DEFAULT_BITRATE),
        "mtu": _whole(512, 8900, 1200),
        "timeout": _whole(1000, 120_000, 10_000),
        "latency": Meaningless("it is always the least, as nothing waits for a picture"),
        "queue_buffers": Meaningless("a newer picture replaces one that nobody has taken"),
        "webrtc_port_1": _whole(0, LARGEST_PORT),
        "webrtc_port_2": _whole(0, LARGEST_PORT),
        "data_channels": Meaningless("pictures need no data channel"),
        "codec": _CODEC,
    },
    "logging": {
        "stats_log_interval_seconds": _number(0, 86_400, _as_of_bridge("statistics_interval"))
    },
    "limits": {"max_memory_usage_mb": _number(0, 1_000_000, 0)},
    "debug": {
        "enable_memory_monitoring": _truth(True),
        "memory_check_interval_seconds": _number(1, 86_400, _as_of_bridge("memory_check_interval")),
    },
    "timeouts": {"shutdown_timeout_seconds": _number(0.1, 600, _as_of_bridge("shutdown_timeout"))},
}

# What other keys of a section are, where they are not unknown.
OTHER_KEYS = {"timeouts": Meaningless("every wait has a limit of its own")}

_SENSOR = Meaningless("in a ROS system each sensor has a node of its own")
SECTIONS_WITHOUT_MEANING = (
    (re.compile(r"buffers"), Meaningless("no pictures are queued")),
    (re.compile(r"app"), Meaningless("ROS nodes have names and parameters instead")),
    (re.compile(r"zeromq"), Meaningless("other programs take the pictures from ROS topics")),
    (re.compile(r"lidar(_?\d+|_\w+)?"), _SENSOR),
    (re.compile(r"imu(_?\d+|_\w+)?"), _SENSOR),
    (
        re.compile(r"mjpeg_rtp(_?\d+)?"),
        Meaningless("/cameras/<camera>/stream.mjpg and ROS topics have the JPEG"),
    ),
)
