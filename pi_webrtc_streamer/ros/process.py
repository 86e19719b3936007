# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Runs nodes in a process, the executor in a thread of its own."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from tempfile import TemporaryFile

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.logging import get_logger, get_logging_directory
from rclpy.signals import SignalHandlerOptions

from ..runtime.faults import faults, reporting_uncaught
from ..runtime.heap import settle_heap
from ..runtime.owning import Owned
from ..runtime.signals import StopRequest
from .lifecycle import OwningNode

# Seconds; an executor that fails without end is not to take a whole core.
AFTER_A_FAULT = 0.01


def run_node(make_node: Callable[[], OwningNode], stop: StopRequest) -> int:
    """Run one node until it is to stop; returns the process's exit status, 0."""
    with ros_context(sys.argv), owning([make_node()]) as (node,):
        stop.longest_end = longest_end([node])
        if node.get_parameter("autostart").value:
            node.keep_bringing_up()
        else:
            node.get_logger().info("waiting to be configured (autostart:=true does it at once)")
        with spinning([node]):
            stop.wait()
    return 0


def longest_end(nodes: Sequence[OwningNode]) -> float:
    """Return how long nodes may take to end, in seconds, as their parameters have it."""
    return max(float(node.get_parameter("shutdown_timeout").value) for node in nodes)


@contextmanager
def ros_context(arguments: Sequence[str]) -> Iterator[None]:
    """Initialise rclpy and shut it down; signals are left to the caller."""
    problem = log_problem()
    # ROS would not start without its log file; a robot can.
    console_alone = ["--ros-args", "--disable-external-lib-logs"] if problem else []
    rclpy.init(args=[*arguments, *console_alone], signal_handler_options=SignalHandlerOptions.NO)
    try:
        if problem:
            get_logger("pi_webrtc_streamer").warning(problem)
        yield
    finally:
        rclpy.try_shutdown()


def log_problem() -> str | None:
    """Say why ROS cannot write its log file, if so, and what to do."""
    try:
        folder = get_logging_directory()
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except (OSError, RuntimeError) as error:  # ROS itself, without a home, raises the latter
        return (
            f"no log file can be written, only this console: {error}; set ROS_LOG_DIR to a folder "
            "that can be written to"
        )
    return None


@contextmanager
def owning(nodes: Sequence[OwningNode]) -> Iterator[Sequence[OwningNode]]:
    """Shut nodes down through their lifecycle and destroy them, the last one first."""
    with Owned() as owned:
        for node in nodes:
            owned.at_end(f"the node {node.get_name()}", partial(_destroy, node))
        yield nodes


def _destroy(node: OwningNode) -> None:
    if node.state_label in ("unconfigured", "inactive", "active"):
        node.trigger_shutdown()
    node.destroy_node()


@contextmanager
def spinning(nodes: Sequence[OwningNode]) -> Iterator[None]:
    """Run the nodes' callbacks in a thread for the length of a context; they share one of rclpy."""
    logger = nodes[0].get_logger()
    stopped = threading.Event()

    def spin() -> None:
        while not stopped.is_set():
            try:
                executor.spin_once()
            except ExternalShutdownException:
                return
            except Exception as error:
                # What a callback raises comes out here, and must end neither the thread nor, with
                # it, all other callbacks.
                faults.report(logger, "a callback of ROS failed", error)
                stopped.wait(AFTER_A_FAULT)

    def stop() -> None:
        executor.create_task(stopped.set)  # an executor that is merely woken goes on waiting
        thread.join()

    with Owned() as owned:
        owned.enter("the report of what is not caught", reporting_uncaught(logger))
        executor = owned.take(
            "the executor",
            partial(SingleThreadedExecutor, context=nodes[0].context),
            SingleThreadedExecutor.shutdown,
        )
        for node in nodes:
            executor.add_node(node)
        settle_heap()
        thread = threading.Thread(target=spin, name="ros-executor")
        owned.take("the executor's thread", thread.start, lambda _: stop())
        yield
