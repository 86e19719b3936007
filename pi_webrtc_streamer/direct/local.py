# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The outlets of this process, for inlets in it: where one hands the other a reference."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .outlet import Outlet

_outlets: dict[bytes, Outlet] = {}
_change = threading.Lock()


@contextmanager
def offered(name: bytes, outlet: Outlet) -> Iterator[None]:
    """Let inlets find an outlet for the length of a context, unless another one has its name."""
    with _change:
        _outlets.setdefault(name, outlet)
    try:
        yield
    finally:
        with _change:
            if _outlets.get(name) is outlet:
                del _outlets[name]


def find(name: bytes) -> Outlet | None:
    """Return the outlet of this name, if this process has it."""
    return _outlets.get(name)
