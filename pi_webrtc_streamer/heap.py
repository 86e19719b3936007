"""The heap of the C library, where FFmpeg and OpenSSL allocate."""

from __future__ import annotations

import ctypes


def trim_heap() -> None:
    """Give free memory back to the system, which glibc keeps for the next time; takes 1 to 5 ms."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
    if trim is not None:
        trim(0)
