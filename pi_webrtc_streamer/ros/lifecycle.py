# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A lifecycle node that owns what it holds: every transition does all of its work or undoes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from traceback import format_exception

from lifecycle_msgs.srv import ChangeState
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter

from ..runtime.faults import faults
from ..runtime.owning import Owned, ReleaseError
from ..runtime.status import Status
from ..settings.schema import Value
from .callbacks import call_every
from .lean import imported_when_used
from .log import working_for

AUTOSTART_INTERVAL = 5.0  # seconds between attempts


class SetupError(Exception):
    """A node cannot be configured or activated; the text says why and what to do."""


class OwningNode(LifecycleNode):
    """A node whose resources are contexts, given back in reverse order whatever happens.

    A subclass says in :meth:`configure` and :meth:`activate` what it holds in these states, by
    entering each resource on the stack it is given. Deactivating closes the second stack, cleaning
    up the first, and shutdown and error both. rclpy's managed entities are a set without an order
    and are not undone when a later one fails, which is why resources other than publishers are
    owned by stacks here.
    """

    def __init__(self, node_name: str, overrides: Mapping[str, Value] | None = None) -> None:
        super().__init__(
            node_name,
            automatically_declare_parameters_from_overrides=True,
            parameter_overrides=[
                Parameter(name, value=value) for name, value in (overrides or {}).items()
            ],
        )
        self._configured = Owned()
        self._active = Owned()
        self._trying_again = Owned()
        self._reporting = Owned()
        self._last_failure = ""
        self._refuse_impossible_transitions()

    def configure(self, owned: Owned) -> None:
        """Take what the node holds from configure to cleanup.

        :raises SetupError: if it cannot be had; what was taken so far is given back.
        """

    def activate(self, owned: Owned) -> None:
        """Take what the node holds from activate to deactivate.

        :raises SetupError: if it cannot be had; what was taken so far is given back.
        """

    def bring_up(self) -> bool:
        """Configure, and activate; returns whether the node is active then."""
        configured: bool = self.trigger_configure() == TransitionCallbackReturn.SUCCESS
        return configured and bool(self.trigger_activate() == TransitionCallbackReturn.SUCCESS)

    def report_diagnostics(self, period: float, judge: Callable[[], Iterable[Status]]) -> None:
        """Publish every ``period`` seconds, 0 for never, how the node's parts are; in each state,
        from now on until the node is shut down.
        """
        if not period:
            return
        with imported_when_used("numpy"):  # some messages of ROS have arrays; these have none
            from .diagnostics import Diagnostics

        make = partial(Diagnostics, self, period, judge)
        self._reporting.take("the diagnostics", make, Diagnostics.close)

    def keep_bringing_up(self) -> None:
        """Bring the node up now or, while that fails, every few seconds.

        A camera that is plugged in late, or a port that becomes free, is then found. Whoever
        changes the node's state meanwhile takes over.
        """
        if not self.bring_up():
            call_every(
                AUTOSTART_INTERVAL,
                self._try_again,
                self._trying_again,
                "the timer of autostart",
                self,
            )

    def _try_again(self) -> None:
        if self.state_label == "inactive" and self._last_failure.startswith("cannot activate"):
            done = self.trigger_activate() == TransitionCallbackReturn.SUCCESS
        else:
            done = self.state_label != "unconfigured" or self.bring_up()
        if done:
            self._trying_again.close()

    def destroy_node(self) -> None:
        """Give back what rclpy holds for the node, the last of which is the state machine.

        rclpy 7 and 9 leave that to the garbage collector: until it comes by, the node and its
        services stay in the ROS graph.
        """
        self._release(self._reporting)
        super().destroy_node()
        self._state_machine.destroy_when_not_in_use()

    @property
    def state_label(self) -> str:
        """The node's lifecycle state: unconfigured, inactive, active, finalized, or between two."""
        label: str = self._state_machine.current_state[1]
        return label

    @property
    def last_failure(self) -> str:
        """Why the last attempt to configure or activate failed; empty if it did not."""
        return self._last_failure

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Run :meth:`configure`; FAILURE and nothing held if it raises."""
        try:
            with working_for(self.get_logger()), Owned(self._could_not_give_back) as owned:
                self.configure(owned)
                self._configured = owned.pop_all()
                self._last_failure = ""
        except Exception as error:
            return self._failed("configure", error)
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Run :meth:`activate`; FAILURE and nothing more held if it raises."""
        try:
            with working_for(self.get_logger()), Owned(self._could_not_give_back) as owned:
                # Publishers first, so that nothing published while activating is lost.
                owned.take(
                    "the active publishers",
                    partial(super().on_activate, state),
                    lambda _: super(OwningNode, self).on_deactivate(state),
                )
                self.activate(owned)
                self._active = owned.pop_all()
                self._last_failure = ""
        except Exception as error:
            return self._failed("activate", error)
        self.get_logger().info("active")
        return TransitionCallbackReturn.SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give back what activating took."""
        return self._release(self._active)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give back what configuring took."""
        return self._release(self._configured)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give back everything."""
        result = self._release(self._reporting, self._trying_again, self._active, self._configured)
        # FAILURE ends the node as SUCCESS does; ERROR would make it one that can be configured.
        failed = result == TransitionCallbackReturn.ERROR
        return TransitionCallbackReturn.FAILURE if failed else result

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give back everything; the node can then be configured again."""
        self._release(self._active, self._configured)
        return TransitionCallbackReturn.SUCCESS

    def _failed(self, transition: str, error: Exception) -> TransitionCallbackReturn:
        failure = f"cannot {transition}: {error}"
        if not isinstance(error, SetupError):
            self._log_trace(f"cannot {transition}", error)
        elif failure != self._last_failure:  # said once, however often it is tried
            self.get_logger().error(failure)
        self._last_failure = failure
        return TransitionCallbackReturn.FAILURE

    def _release(self, *stacks: Owned) -> TransitionCallbackReturn:
        result = TransitionCallbackReturn.SUCCESS
        for stack in stacks:
            try:
                stack.close()
            except ReleaseError:  # what failed has been logged, and the rest was given back
                result = TransitionCallbackReturn.ERROR
        return result

    def _could_not_give_back(self, what: str, error: Exception) -> None:
        faults.report(self.get_logger(), f"{what} could not be given back", error)

    def _log_trace(self, what: str, error: Exception) -> None:
        trace = "".join(format_exception(error))
        self.get_logger().error(f"{what}: {error!r}\n{trace}")

    def _refuse_impossible_transitions(self) -> None:
        """Answer a transition that the state does not allow with success=False.

        rclpy 7 and 9 let the error out of the executor, so that any client could end the node.
        """
        service = self._service_change_state
        change_state = service.callback

        def refuse_or_change(
            request: ChangeState.Request, response: ChangeState.Response
        ) -> ChangeState.Response:
            try:
                return change_state(request, response)
            except rclpy_implementation.RCLError:
                transition = request.transition.label or request.transition.id
                self.get_logger().warning(
                    f"transition {transition} is not possible while {self.state_label}"
                )
                response.success = False
                return response

        service.callback = refuse_or_change
