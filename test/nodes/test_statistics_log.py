# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The lines of statistics in the logs of real nodes."""

import pytest

from pi_webrtc_streamer.telemetry.statistics import read_line
from support.cameras import get_json
from support.program import Program, free_port, node
from support.waiting import until
from support.whep import watching

OFTEN = "statistics_interval:=0.2"


def lines(program: Program) -> list[dict[str, float]]:
    """Return what the lines of statistics in a program's output say."""
    return [values for line in program.output.splitlines() if (values := read_line(line))]


@pytest.mark.parametrize("direct", ["auto", "off"])
async def test_both_nodes_say_what_happens_to_pictures(direct):
    port = free_port()
    with (
        node("camera_node", "source:=pattern", "width:=320", "height:=240", OFTEN) as camera,
        node("bridge_node", f"port:={port}", f"direct:={direct}", OFTEN) as bridge,
    ):
        url = f"http://127.0.0.1:{port}/"
        bridge.wait_for_output("viewers=0")
        async with watching(url) as viewer:
            await viewer.next_frame()

            def with_pictures() -> dict[str, float] | None:
                said = lines(bridge)[-1]
                return said if said["camera.received"] and said["camera.sent"] else None

            said = await until(with_pictures, "a line with pictures")
            assert said["viewers"] == said["camera.viewers"] == 1
            assert 0 < said["camera.encoded_ms"] <= said["camera.total_ms"]
            assert said["memory_mb"] > 10
            said = await until(
                lambda: next((said for said in lines(camera) if said["published"]), None),
                "a line with pictures that were handed over",
            )
            assert said["captured"] >= said["published"]
            assert ("jpeg_ms" in said) == (direct == "off")
            assert said["dropped"] == 0
        await until(lambda: lines(bridge)[-1]["viewers"] == 0, "a line without the viewer")
        _, stats = await get_json(f"{url}stats")
        assert stats["memory"]["resident"] > stats["memory"]["heap"] > 1_000_000
        assert stats["memory"]["python_blocks"] > 10_000
        assert stats["held"]["threads"] > 0
        assert stats["frames"]["camera"]["overwritten"] >= 0


def test_no_line_where_none_is_wanted():
    with node("bridge_node", f"port:={free_port()}", "statistics_interval:=0.0") as bridge:
        bridge.wait_for_output("active")
        assert bridge.end() == 0
        assert lines(bridge) == []
    with node("camera_node", "source:=pattern", "statistics_interval:=0.0") as camera:
        camera.wait_for_output("active")
        assert camera.end() == 0
        assert lines(camera) == []
