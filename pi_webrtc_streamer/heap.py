"""Memory: the garbage collector's pauses, and the heap of the C library.

FFmpeg and OpenSSL allocate in the latter. docs/memory.md has the figures.
"""

from __future__ import annotations

import ctypes
import gc


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
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
    if trim is not None:
        trim(0)
