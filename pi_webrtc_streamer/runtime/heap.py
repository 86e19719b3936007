# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Memory: the garbage collector's pauses, and the heap of the C library.

FFmpeg and OpenSSL allocate in the latter. docs/memory.md has the figures.
"""

from __future__ import annotations

import ctypes
import gc
import sys

_LIBC = ctypes.CDLL(None)  # musl, which is no glibc, has none of what is called here
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # mallopt(3)
LARGE = 256 * 1024  # bytes; a JPEG picture is smaller, a decoded one larger
MAPPED, ALLOCATED = 4, 7  # hblkhd and uordblks, in struct mallinfo2


def tame_heap() -> None:
    """Have glibc give large pieces of memory back as soon as they are free, and keep one heap.

    Left to itself, it keeps the more, the larger the pieces are that it has seen, up to 64 MB; and
    it makes a heap for nearly every thread (eight for a core), each of which fills with what is
    free and scattered, and at whose end ``malloc_trim`` does not reach.
    """
    set_option = getattr(_LIBC, "mallopt", None)
    if set_option is not None:
        set_option(M_TRIM_THRESHOLD, LARGE)
        set_option(M_MMAP_THRESHOLD, LARGE)
        set_option(M_ARENA_MAX, 1)


def settle_heap() -> None:
    """Let the garbage collector pass over what is here to stay, modules above all.

    A full pass over a bridge's 80,000 objects stops every thread for 70 to 110 ms, three pictures,
    and each viewer who goes brings the next one nearer.
    """
    gc.collect()
    gc.freeze()


def release_heap() -> None:
    """Give memory that is free back to the system; takes some milliseconds.

    What viewers leave behind holds itself in circles, and glibc keeps memory for the next time.
    """
    gc.collect()
    trim = getattr(_LIBC, "malloc_trim", None)
    if trim is not None:
        trim(0)


class _Mallinfo(ctypes.Structure):
    """What glibc's mallinfo2 (since 2.33) returns: ten sizes, see mallinfo(3)."""

    _fields_ = [("sizes", ctypes.c_size_t * 10)]


def memory_in_use() -> dict[str, int]:
    """Return how many blocks Python has given out, and how many bytes the C library has, as far as
    it says: what leaks grows here, while what is free but kept, or scattered, does not count.
    """
    in_use = {"python_blocks": sys.getallocatedblocks()}
    mallinfo = getattr(_LIBC, "mallinfo2", None)
    if mallinfo is not None:
        mallinfo.restype = _Mallinfo
        sizes = mallinfo().sizes
        in_use["heap"] = sizes[MAPPED] + sizes[ALLOCATED]
    return in_use
