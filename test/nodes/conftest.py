"""One rclpy for the process, and a node for the tests' own publishers and clients."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import rclpy
from rclpy.context import Context
from rclpy.node import Node

from pi_webrtc_streamer.process import ros_context, spinning


@pytest.fixture(scope="session", autouse=True)
def ros():
    """Initialise rclpy once."""
    with ros_context([]):
        yield


@pytest.fixture
def node(ros):
    """A plain node, spun in the background."""
    node = Node("test_node")
    with spinning([node]):
        yield node
    node.destroy_node()


@contextmanager
def _remote_node(name: str) -> Iterator[Node]:
    context = Context()
    rclpy.init(context=context)
    node = Node(name, context=context)
    yield node
    node.destroy_node()
    context.try_shutdown()


@pytest.fixture
def remote():
    """A node with a DDS participant of its own, as one in another process has."""
    with _remote_node("remote_node") as node:
        yield node


@pytest.fixture
def other_remote():
    """One more."""
    with _remote_node("other_remote_node") as node:
        yield node
