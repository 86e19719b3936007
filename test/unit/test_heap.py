"""What the C library's heap is told."""

import subprocess
import sys

COUNT_HEAPS = """
import ctypes, threading
from pi_webrtc_streamer.heap import tame_heap

if {tamed}:
    tame_heap()
allocated = threading.Barrier(9)

def allocate():
    piece = bytes(1000)
    allocated.wait()

threads = [threading.Thread(target=allocate) for _ in range(8)]
for thread in threads:
    thread.start()
allocated.wait()
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


def test_all_threads_share_one_heap():
    assert count_heaps(tamed=False) > 1, "left to itself, it makes one for nearly every thread"
    assert count_heaps(tamed=True) == 1


def count_heaps(tamed: bool) -> int:
    """Count the heaps of a process of nine threads."""
    program = [sys.executable, "-c", COUNT_HEAPS.format(tamed=tamed)]
    output = subprocess.run(program, capture_output=True, text=True, check=True).stdout
    return output.count("<heap nr=")
