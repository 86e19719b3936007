# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Starts and stops a camera's node from the bridge, through its lifecycle services."""

from __future__ import annotations

import asyncio
from typing import Any

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.client import Client
from rclpy.node import Node

from ..ros.callbacks import own_group
from ..runtime.owning import Owned
from .state import SwitchError

LONGEST_CHANGE = 10.0  # seconds; a camera may take some to open
# A node that was started anew hears nothing for up to 20 s after the one before was killed, until
# DDS sees that. It is asked for its state, which changes nothing, until it hears.
ASK_AGAIN_AFTER = 1.0  # seconds
MOST_QUESTIONS = 5
LOOK_INTERVAL = 0.1  # seconds
LONGEST_LOOK = 2.0  # seconds for DDS to find a node that is there

# What leads from each state of rest towards the goal.
TO_ACTIVE = {
    State.PRIMARY_STATE_UNCONFIGURED: Transition.TRANSITION_CONFIGURE,
    State.PRIMARY_STATE_INACTIVE: Transition.TRANSITION_ACTIVATE,
}
TO_UNCONFIGURED = {
    State.PRIMARY_STATE_ACTIVE: Transition.TRANSITION_DEACTIVATE,
    State.PRIMARY_STATE_INACTIVE: Transition.TRANSITION_CLEANUP,
}
NAMES = {
    Transition.TRANSITION_CONFIGURE: "configured",
    Transition.TRANSITION_ACTIVATE: "activated",
    Transition.TRANSITION_DEACTIVATE: "deactivated",
    Transition.TRANSITION_CLEANUP: "cleaned up",
}


class NodeSwitch:
    """Made and closed in the executor's thread; :meth:`start` and :meth:`stop` are for an event
    loop, and keep neither waiting.
    """

    def __init__(self, node: Node, camera: str) -> None:
        self._camera = camera
        self._changing = asyncio.Lock()  # one after the other
        with Owned() as owned:

            def client(kind: Any, name: str) -> Client:
                return owned.take(
                    f"a client of {camera}",
                    lambda: node.create_client(
                        kind, node.resolve_service_name(name), callback_group=own_group()
                    ),
                    node.destroy_client,
                )

            self._get_state = client(GetState, f"{camera}/get_state")
            self._change_state = client(ChangeState, f"{camera}/change_state")
            self._owned = owned.pop_all()

    def close(self) -> None:
        """Give the clients back."""
        self._owned.close()

    async def start(self) -> None:
        """Configure the node, if need be, and activate it.

        :raises SwitchError: if it does not become active.
        """
        await self._lead(TO_ACTIVE, State.PRIMARY_STATE_ACTIVE)

    async def stop(self) -> None:
        """Deactivate the node, if need be, and clean it up: it gives its device back.

        :raises SwitchError: if it does not.
        """
        await self._lead(TO_UNCONFIGURED, State.PRIMARY_STATE_UNCONFIGURED)

    async def _lead(self, steps: dict[int, int], goal: int) -> None:
        async with self._changing:
            for _ in range(len(steps) + 1):
                state = await self._state()
                if state.id == goal:
                    return
                if state.id not in steps:
                    raise SwitchError(
                        f"{self._camera} is {state.label}, and cannot be led from there; "
                        "start its node anew"
                    )
                await self._change(steps[state.id])
        raise SwitchError(f"somebody else changes the state of {self._camera}, too; try again")

    async def _state(self) -> State:
        await self._find(self._get_state)
        for _ in range(MOST_QUESTIONS):
            response = await _ask(self._get_state, GetState.Request(), ASK_AGAIN_AFTER)
            if response is not None:
                return response.current_state
        raise SwitchError(
            f"the node {self._camera} does not answer {self._get_state.srv_name}; where it has "
            "ended or was started anew just now, try again in 20 s"
        )

    async def _change(self, transition: int) -> None:
        await self._find(self._change_state)
        request = ChangeState.Request()
        request.transition.id = transition
        response = await _ask(self._change_state, request, LONGEST_CHANGE)
        if response is None:
            raise SwitchError(
                f"{self._camera} was not {NAMES[transition]} in {LONGEST_CHANGE:g} s; "
                "its node's log may say why"
            )
        if not response.success:
            raise SwitchError(
                f"{self._camera} could not be {NAMES[transition]}; its node's log says why"
            )

    async def _find(self, client: Client) -> None:
        for _ in range(round(LONGEST_LOOK / LOOK_INTERVAL)):
            if client.service_is_ready():
                return
            await asyncio.sleep(LOOK_INTERVAL)
        raise SwitchError(
            f"there is no {client.srv_name}: start the camera's node, in the same ROS_DOMAIN_ID; "
            "who publishes without a lifecycle cannot be started and stopped"
        )


async def _ask(client: Client, request: Any, patience: float) -> Any:
    """Return what a service answers, None if that takes longer than ``patience`` seconds."""
    loop = asyncio.get_running_loop()
    answered = asyncio.Event()
    future = client.call_async(request)
    # Called in the executor's thread.
    future.add_done_callback(lambda _: loop.call_soon_threadsafe(answered.set))
    try:
        await asyncio.wait_for(answered.wait(), patience)
    except asyncio.TimeoutError:
        return None
    finally:
        if not future.done():
            client.remove_pending_request(future)
    return future.result()
