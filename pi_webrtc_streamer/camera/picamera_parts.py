# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""picamera2 without the parts of it that are never used here.

It imports kms++ (pykms), which draws on a screen, and PiDNG, which writes raw files, whether it
needs them or not. Only Raspberry Pi OS has packages of them: elsewhere picamera2, from PyPI, could
not be imported.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType


class _EveryName:
    """Has every name: picamera2 makes a table of kms++'s pixel formats when it is imported."""

    def __getattr__(self, name: str) -> str:
        return name


NEVER_USED: dict[str, dict[str, dict[str, object]]] = {
    "pykms": {"pykms": {"PixelFormat": _EveryName()}},
    "pidng": {
        "pidng": {},
        "pidng.camdefs": {"Picamera2Camera": None},
        "pidng.core": {"PICAM2DNG": None},
    },
}


@contextmanager
def without_unused_parts() -> Iterator[None]:
    """Let what is imported in this context do without them, where they are not installed."""
    stand_ins: dict[str, ModuleType] = {}
    for package, modules in NEVER_USED.items():
        if package not in sys.modules and find_spec(package) is None:
            for name, attributes in modules.items():
                stand_ins[name] = ModuleType(name)
                vars(stand_ins[name]).update(attributes)
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name in stand_ins:
            del sys.modules[name]
