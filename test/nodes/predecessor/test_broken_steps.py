# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Each step of serving a viewer that came by signalling is broken, one at a time."""

import pytest

from pi_webrtc_streamer.webrtc import viewers as viewers_module
from support.broken_steps import Condition, either, held_for_nobody
from support.faults import step_broken, steps_recorded
from support.leaks import all_given_back
from support.nodes import Publisher, grey_jpeg, make_bridge, running
from support.predecessor.clients import Client, connected
from support.program import free_port
from support.waiting import until


@pytest.fixture
def bridge(node, monkeypatch):
    # So that the task that controls the rates soon sees that it has nothing to do.
    monkeypatch.setattr(viewers_module, "CONTROL_INTERVAL", 0.02)
    bridge = make_bridge(camera__signalling_port=free_port())
    with running(bridge), Publisher(node, grey_jpeg(320, 240)):
        yield bridge


@pytest.mark.slow
async def test_each_step_of_a_socket(bridge):
    before = await held_for_nobody(bridge)
    with steps_recorded() as steps:
        await call_and_leave(bridge, lambda: False)
        await all_given_back(before, bridge, "after a client")
    assert ("taken", "a socket's viewer") in steps
    for step in [step for step in steps if "socket" in step[1] or "signalling" in step[1]]:
        with step_broken(step) as broken:
            await call_and_leave(bridge, lambda broken=broken: broken)
            await until(lambda broken=broken: broken, f"{step}")
        await all_given_back(before, bridge, f"after {step} was broken")
    await call_and_leave(bridge, lambda: False)


async def call_and_leave(bridge, broken: Condition) -> None:
    """Watch by the predecessor's signalling until a picture comes or something breaks."""

    async def see(client: Client) -> None:
        await client.watch()
        await client.next_frame()

    port = bridge._predecessor.state.ports["camera"]
    async with connected("go", port) as client:
        await either(see(client), broken)
