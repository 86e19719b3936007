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
def _participant() -> Iterator[Context]:
    """One for the session: now and then, Fast DDS does not find one that has just been made."""
    context = Context()
    rclpy.init(context=context)
    yield context
    context.try_shutdown()


@pytest.fixture(scope="session")
def remote_participant():
    with _participant() as context:
        yield context


@pytest.fixture(scope="session")
def other_remote_participant():
    with _participant() as context:
        yield context


@pytest.fixture
def remote(remote_participant):
    """A node with a DDS participant of its own, as one in another process has."""
    node = Node("remote_node", context=remote_participant)
    yield node
    node.destroy_node()


@pytest.fixture
def other_remote(other_remote_participant):
    """One more."""
    node = Node("other_remote_node", context=other_remote_participant)
    yield node
    node.destroy_node()
