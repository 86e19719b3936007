"""One rclpy for the process, and a node for the tests' own publishers and clients."""

import pytest
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
