# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A topic of which DDS loses nearly everything: large pictures, uncompressed and best effort."""

import asyncio
from pathlib import Path

import pytest

from pi_webrtc_streamer.ros.loss import BUFFER
from support.cameras import camera_state, reaches
from support.diagnostics import Monitor
from support.nodes import TOPIC, make_bridge, running
from support.publishing import publishing
from support.waiting import until
from support.whep import watching

LARGE_BUFFER = int(Path("/proc/sys/net/core/rmem_default").read_text()) >= BUFFER


RAW_BY_UDP = {"options": ("--raw",), "FASTDDS_BUILTIN_TRANSPORTS": "UDPv4"}
RELIABLE_BY_UDP = {**RAW_BY_UDP, "options": ("--raw", "--reliable")}


@pytest.mark.skipif(LARGE_BUFFER, reason="the socket buffers here are too large to lose anything")
async def test_what_is_lost_is_said_with_what_helps_and_that_it_does(node):
    bridge = make_bridge(diagnostic_period=0.2)
    with running(bridge), Monitor(node) as monitor:
        async with watching(bridge.url) as viewer:
            with publishing(TOPIC, "1920x1080", 0.03, **RAW_BY_UDP):
                camera = await until_lossy(bridge.url, True)
                assert "are lost on the way from their node" in camera["loss"]
                assert "uncompressed" in camera["loss"]
                assert "sudo sysctl -w net.core.rmem_default=" in camera["loss"]
                assert "Has the camera stopped?" not in camera["reason"]
                await until(
                    lambda: "are lost" in monitor.newest["bridge: camera camera"].message,
                    "the same in /diagnostics",
                )
            with publishing(TOPIC, "1920x1080", 0.2, **RELIABLE_BY_UDP):
                await until_lossy(bridge.url, False)
                await viewer.next_frame()
                await reaches(bridge.url, "live")


async def until_lossy(url: str, lossy: bool) -> dict:
    """Wait until a camera's pictures are said to be lost, or no more."""
    for _ in range(600):
        camera = await camera_state(url)
        if bool(camera["loss"]) is lossy:
            return camera
        await asyncio.sleep(0.05)
    raise AssertionError(f"never lossy: {lossy}, but {camera}")
