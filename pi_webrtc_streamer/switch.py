"""Starts and stops a camera's node from the bridge, through its lifecycle services."""

from __future__ import annotations

import asyncio
from typing import Any

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.client import Client
from rclpy.node import Node
from rclpy.task import Future

from .owning import Owned
from .predecessor import SwitchError

LONGEST_ANSWER = 10.0  # seconds; a camera may take some to open
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

            def client(kind: Any, service: str) -> Client:
                return owned.take(
                    f"a client of {camera}",
                    lambda: node.create_client(kind, f"{camera}/{service}"),
                    node.destroy_client,
                )

            self._get_state = client(GetState, "get_state")
            self._change_state = client(ChangeState, "change_state")
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
                state = (await self._ask(self._get_state, GetState.Request())).current_state
                if state.id == goal:
                    return
                if state.id not in steps:
                    raise SwitchError(
                        f"{self._camera} is {state.label}, and cannot be led from there; "
                        "start its node anew"
                    )
                await self._change(steps[state.id])
        raise SwitchError(f"somebody else changes the state of {self._camera}, too; try again")

    async def _change(self, transition: int) -> None:
        request = ChangeState.Request()
        request.transition.id = transition
        if not (await self._ask(self._change_state, request)).success:
            raise SwitchError(
                f"{self._camera} could not be {NAMES[transition]}; its node's log says why"
            )

    async def _ask(self, client: Client, request: Any) -> Any:
        """Return what a service of the camera's node answers."""
        await self._find(client)
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[None] = loop.create_future()
        future = client.call_async(request)
        # Called in the executor's thread.
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(_set, answered))
        try:
            await asyncio.wait_for(answered, LONGEST_ANSWER)
        except asyncio.TimeoutError:
            raise SwitchError(
                f"the node {self._camera} did not answer {client.srv_name} in "
                f"{LONGEST_ANSWER:g} s; if it was started again just now, try again later"
            ) from None
        finally:
            _forget(client, future)
        return future.result()

    async def _find(self, client: Client) -> None:
        for _ in range(round(LONGEST_LOOK / LOOK_INTERVAL)):
            if client.service_is_ready():
                return
            await asyncio.sleep(LOOK_INTERVAL)
        raise SwitchError(
            f"there is no {client.srv_name}: start the camera's node, in the same ROS_DOMAIN_ID; "
            "who publishes without a lifecycle cannot be started and stopped"
        )


def _set(answered: asyncio.Future[None]) -> None:
    if not answered.done():
        answered.set_result(None)


def _forget(client: Client, future: Future) -> None:
    if not future.done():
        client.remove_pending_request(future)
