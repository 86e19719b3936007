# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A bridge's state with everything in it, and what is said of it to Prometheus."""

from collections.abc import Iterator

from prometheus_client import Metric

from pi_webrtc_streamer.telemetry.metrics import families, process_families
from pi_webrtc_streamer.telemetry.state import BridgeState

CAMERAS = [{"name": "front", "state": "live", "way": "dds", "age": 0.02}]
FRAMES = {"received": 100, "rejected": 1, "overwritten": 2}
STREAM = {
    "codec": "h264",
    "tier": "half",
    "viewers": 1,
    "bitrate": 800_000,
    "encoded": 99,
    "skipped": 1,
    "withheld": 2,
    "failed": 0,
    "stages": {"decoded": {"p50": 1.5, "p95": 2.5}, "total": {"p50": 12.0, "p95": 20.0}},
}
TRAFFIC = {"frames": 99, "dropped": 1, "packets": 300, "lost": 3, "bytes": 300_000}
VIEWER = {
    "camera": "front",
    "state": "connected",
    "loss": 0.01,
    "round_trip": 0.02,
    "capacity": 1_000_000,
    "probed": False,
    "repeats": True,
}
DRIVING = {"state": "armed", "stopped": False, "driver": {"number": 1}, "subscribers": 2}
PROCESS = {
    "memory": {"resident": 10**8, "python_blocks": 10**5, "heap": 10**7},
    "held": dict.fromkeys(
        (
            "frames",
            "pictures",
            "encoders",
            "peers",
            "threads",
            "descriptors",
            "sockets",
            "tasks",
        ),
        1,
    ),
}


def busy_state(viewers: int = 1) -> BridgeState:
    """Return the state of a bridge that does everything that it can do, for so many viewers."""
    stats = {
        "errors": 0,
        "frames": {"front": FRAMES},
        "streams": {"front": [STREAM]},
        "traffic": {"front": {"h264": TRAFFIC}},
        "viewers": {str(number): VIEWER for number in range(viewers)},
        "disconnected": 0,
        "drivers": [{"connected": True}],
    }
    return BridgeState(True, 0, CAMERAS, stats, DRIVING)


def every_family() -> Iterator[Metric]:
    """Yield all metrics of the bridge's own, each with a sample."""
    yield from families(busy_state())
    yield from process_families(**PROCESS)
