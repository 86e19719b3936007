# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The memory of the slots: a file that has no name, and is gone with the last who has it open."""

from __future__ import annotations

import fcntl
import mmap
import os
from functools import partial

from ..runtime.owning import Owned
from .slots import Layout, SlotReader, SlotWriter

# Nobody can cut it short while another process reads it, which would end that with SIGBUS.
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class MemoryRefused(ValueError):
    """What another process has handed over cannot be used; the text says why."""


class WrittenMemory:
    """Memory of our own, until :meth:`close`; others read it who are handed ``descriptor``.

    :raises OSError: if there is none to be had.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        with Owned() as owned:
            self.descriptor = owned.take("the shared memory", partial(_make, layout), os.close)
            mapped = owned.take(
                "the mapped memory",
                lambda: mmap.mmap(self.descriptor, layout.size),
                mmap.mmap.close,
            )
            self.slots = owned.take(
                "the slots", lambda: SlotWriter(memoryview(mapped), layout), SlotWriter.release
            )
            self._owned = owned.pop_all()

    def close(self) -> None:
        """Give it back; safe to call twice. Readers keep it until they close it, too."""
        self._owned.close()


class ReadMemory:
    """The memory of another process, to be read until :meth:`close`.

    ``descriptor`` stays the caller's: the mapping does without it.

    :raises MemoryRefused: if it is too small, or could become so, or if it cannot be mapped.
    """

    def __init__(self, descriptor: int, layout: Layout) -> None:
        _check(descriptor, layout)
        with Owned() as owned:
            mapped = owned.take(
                "the memory of a camera node",
                partial(_map, descriptor, layout),
                mmap.mmap.close,
            )
            self.slots = owned.take(
                "its slots", lambda: SlotReader(memoryview(mapped), layout), SlotReader.release
            )
            self._owned = owned.pop_all()

    def close(self) -> None:
        """Give it back; safe to call twice."""
        self._owned.close()


def _make(layout: Layout) -> int:
    descriptor = os.memfd_create(
        "pi_webrtc_streamer.pictures", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    )
    try:
        os.posix_fallocate(descriptor, 0, layout.size)  # or say now that there is no room
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, SEALS)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _map(descriptor: int, layout: Layout) -> mmap.mmap:
    try:
        return mmap.mmap(descriptor, layout.size, prot=mmap.PROT_READ)
    except OSError as error:
        raise MemoryRefused(f"the memory cannot be mapped: {error.strerror}") from error


def _check(descriptor: int, layout: Layout) -> None:
    try:
        seals = fcntl.fcntl(descriptor, fcntl.F_GET_SEALS)
    except OSError as error:
        raise MemoryRefused(f"what was handed over is no memory: {error.strerror}") from error
    if not seals & fcntl.F_SEAL_SHRINK:
        raise MemoryRefused("the memory that was handed over is not sealed: it could be cut short")
    size = os.fstat(descriptor).st_size
    if size < layout.size:
        raise MemoryRefused(f"the memory that was handed over has {size} bytes, not {layout.size}")
