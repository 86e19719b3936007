# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Keeps out of the process what ROS imports and never uses here: 30 MB of a bridge; and its heaps.

To be called before anything imports rclpy. docs/memory.md has the figures.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from ..runtime.heap import tame_heap


def import_ros() -> None:
    """Import rclpy and what each node needs, without what that imports in vain."""
    tame_heap()  # now, for DDS starts its first threads when it is loaded
    # Every service has an event (for introspection) and, in Kilted, rclpy an id of actions. Both
    # are messages with an array in them, which nobody here ever makes.
    with imported_when_used("numpy"):
        import service_msgs.msg  # noqa: F401
        import unique_identifier_msgs.msg  # noqa: F401
    # Parses parameters that are given as YAML to rclpy; ours are parsed by rcl.
    with imported_when_used("yaml"):
        import rclpy.node  # noqa: F401
    # Every message imports this package, whose generator compiles a grammar of IDL. It is optional.
    with absent("rosidl_generator_py.generate_py_impl"):
        import rosidl_generator_py  # noqa: F401


@contextmanager
def imported_when_used(name: str) -> Iterator[None]:
    """Let what is imported in this context import a module only when it uses it.

    It gets a stand-in, which stays out of ``sys.modules`` afterwards: everybody else imports the
    module as ever.
    """
    if name in sys.modules:
        yield
        return
    stand_in = sys.modules[name] = _StandIn(name)
    try:
        yield
    finally:
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]


@contextmanager
def absent(name: str) -> Iterator[None]:
    """Let a module be missing to what is imported in this context, as where it is not installed."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # how Python says that there is none
    try:
        yield
    finally:
        del sys.modules[name]


class _StandIn(ModuleType):
    """Imports the module of its name for whoever asks it for something."""

    def __getattr__(self, attribute: str) -> object:
        name = self.__name__
        if sys.modules.get(name) is self:  # already used while it is imported
            del sys.modules[name]
        return getattr(importlib.import_module(name), attribute)
