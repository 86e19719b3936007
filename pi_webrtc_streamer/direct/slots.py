# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Slots for pictures in memory that one process writes and others read, without waiting.

Each slot has a sequence number, as in a seqlock (Linux, Documentation/locking/seqlock.rst): it is
odd while the slot is written. A reader copies the picture, and then looks whether the number is
still the one that it was told. If not, the picture was overwritten meanwhile, and a newer one is on
its way. The writer takes the slots in turn and never looks at the readers. It may be killed at any
time: it tells nobody of a picture that is not whole. Pure.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple, TypeVar

SLOTS = 3  # a reader has two periods of the camera to copy a picture
_LINE = 64  # bytes; each sequence number is alone in a cache line
_NUMBER = 8  # bytes of a sequence number

Copy = TypeVar("Copy")

_fence = threading.Lock()


def picture_bytes(width: int, height: int) -> int:
    """Return how many bytes the planes of a picture have, YUV 4:2:0, one after the other."""
    return width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2)


class Layout(NamedTuple):
    """Where in the memory everything is, for pictures of one size in pixels."""

    width: int
    height: int
    slots: int = SLOTS

    @property
    def picture(self) -> int:
        """Bytes of a picture."""
        return picture_bytes(self.width, self.height)

    @property
    def size(self) -> int:
        """Bytes of all."""
        return self.begin(self.slots)

    def begin(self, slot: int) -> int:
        """Return where a slot's picture begins."""
        return self.slots * _LINE + slot * (-(-self.picture // _LINE) * _LINE)


class SlotWriter:
    """Writes one picture after the other; one thread at a time."""

    def __init__(self, memory: memoryview, layout: Layout) -> None:
        self._memory = memory
        self._numbers = memory[: layout.slots * _LINE].cast("Q")
        self._layout = layout
        self._written = 0

    def write(self, fill: Callable[[memoryview], object]) -> tuple[int, int]:
        """Have a slot filled; returns which one, and its sequence number."""
        layout = self._layout
        slot = self._written % layout.slots
        self._written += 1
        sequence = 2 * self._written
        begin = layout.begin(slot)
        self._set(slot, sequence - 1)
        _order_memory()
        with self._memory[begin : begin + layout.picture] as place:
            fill(place)
        _order_memory()
        self._set(slot, sequence)
        return slot, sequence

    def release(self) -> None:
        """Let go of the memory, so that it can be unmapped."""
        self._numbers.release()
        self._memory.release()

    def _set(self, slot: int, sequence: int) -> None:
        self._numbers[slot * _LINE // _NUMBER] = sequence


class SlotReader:
    """Reads pictures that others write, from memory that need not be writable."""

    def __init__(self, memory: memoryview, layout: Layout) -> None:
        self._memory = memory
        self._numbers = memory[: layout.slots * _LINE].cast("Q")
        self.layout = layout

    def read(self, slot: int, sequence: int, copy: Callable[[memoryview], Copy]) -> Copy | None:
        """Return a copy of a picture; None if another one has come into its slot."""
        if self._number(slot) != sequence:
            return None
        _order_memory()
        begin = self.layout.begin(slot)
        with self._memory[begin : begin + self.layout.picture] as place:
            copied = copy(place)
        _order_memory()
        return copied if self._number(slot) == sequence else None

    def release(self) -> None:
        """Let go of the memory, so that it can be unmapped."""
        self._numbers.release()
        self._memory.release()

    def _number(self, slot: int) -> int:
        return self._numbers[slot * _LINE // _NUMBER]


def _order_memory() -> None:
    """Let no processor move what comes before this behind what comes after it.

    The first release keeps back what was before, the second acquisition what comes after. Their own
    order is kept, too: on ARM an acquiring instruction waits for the releasing one before it (Arm
    Architecture Reference Manual, B2.3, "barrier-ordered-before"). x86 keeps the order by itself,
    but for the streaming stores with which large copies may be made.
    """
    with _fence:
        pass
    with _fence:
        pass
