# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""One rclpy for the process, and a node for the tests' own publishers and clients."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import aiohttp
import pytest
import rclpy
from rclpy.context import Context
from rclpy.node import Node

from pi_webrtc_streamer.ros.process import ros_context, spinning
from support.nodes import TOPIC
from support.waiting import wait_for
from support.ways import WAYS, Way, taking

PROFILE = str(Path(__file__).parents[1] / "support" / "fastdds.xml")


@contextmanager
def as_between_processes() -> Iterator[None]:
    """Have Fast DDS, which is loaded in this context, take no short cut within a process.

    With it, of participants in one process, one now and then never finds another. A robot has one
    participant in a process; tests alone have more.
    """
    with pytest.MonkeyPatch.context() as patch:  # not for the processes that tests start
        for variable in ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE"):
            patch.setenv(variable, PROFILE)  # the latter since Fast DDS 3
        yield


@pytest.fixture(scope="session", autouse=True)
def ros():
    """Initialise rclpy once."""
    with ExitStack() as stack:
        with as_between_processes():
            stack.enter_context(ros_context([]))
        yield


@pytest.fixture
def node(ros):
    """A plain node, spun in the background; nobody publishes pictures but who the test lets do so.

    DDS has the publishers of a camera's node that an earlier test killed for 20 s.
    """
    node = Node("test_node")
    with spinning([node]):
        wait_for(lambda: not node.count_publishers(TOPIC), "the end of publishers from before")
        yield node
    node.destroy_node()


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Way:
    """Each way of pictures from a camera node to the bridge, in turn."""
    return taking(request.param, monkeypatch)


@pytest.fixture
async def session():
    """An HTTP client that keeps cookies, of addresses as well."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


@contextmanager
def _participant() -> Iterator[Context]:
    context = Context()
    rclpy.init(context=context)
    yield context
    context.try_shutdown()


@pytest.fixture(scope="session")
def remote_participant():
    """A DDS participant besides that of the nodes under test."""
    with _participant() as context:
        yield context


@pytest.fixture(scope="session")
def other_remote_participant():
    """A third one."""
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
