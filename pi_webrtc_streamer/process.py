"""Runs nodes in a process, the executor in a thread of its own."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from .heap import settle_heap
from .lifecycle import OwningNode
from .owning import Owned
from .signals import StopRequest


def run_node(make_node: Callable[[], OwningNode], stop: StopRequest) -> int:
    """Run one node until it is to stop; returns the process's exit status, 0."""
    with ros_context(sys.argv), owning([make_node()]) as (node,):
        if node.get_parameter("autostart").value:
            node.keep_bringing_up()
        else:
            node.get_logger().info("waiting to be configured (autostart:=true does it at once)")
        with spinning([node]):
            stop.wait()
    return 0


@contextmanager
def ros_context(arguments: Sequence[str]) -> Iterator[None]:
    """Initialise rclpy and shut it down; signals are left to the caller."""
    rclpy.init(args=list(arguments), signal_handler_options=SignalHandlerOptions.NO)
    try:
        yield
    finally:
        rclpy.try_shutdown()


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
    """Run the nodes' callbacks in a thread for the length of a context."""
    stopped = threading.Event()

    def spin() -> None:
        while not stopped.is_set():
            executor.spin_once()

    def stop() -> None:
        executor.create_task(stopped.set)  # an executor that is merely woken goes on waiting
        thread.join()

    with Owned() as owned:
        executor = owned.take("the executor", SingleThreadedExecutor, lambda it: it.shutdown())
        for node in nodes:
            executor.add_node(node)
        settle_heap()
        thread = threading.Thread(target=spin, name="ros-executor")
        owned.take("the executor's thread", thread.start, lambda _: stop())
        yield
