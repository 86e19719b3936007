"""What the C library's heap is told."""

import subprocess
import sys

COUNT_HEAPS = """
import ctypes, threading

{first}
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


TAME_HEAP = "from pi_webrtc_streamer.runtime.heap import tame_heap; tame_heap()"
IMPORT_ROS = "from pi_webrtc_streamer.ros.lean import import_ros; import_ros()"


def test_all_threads_share_one_heap():
    assert count_heaps("pass") > 1, "left to itself, it makes one for nearly every thread"
    assert count_heaps(TAME_HEAP) == 1


def test_those_that_dds_starts_when_it_is_loaded_share_it_too():
    assert count_heaps(IMPORT_ROS) == 1


def count_heaps(first: str) -> int:
    """Count the heaps of a process that does something first, and then has nine threads more."""
    program = [sys.executable, "-c", COUNT_HEAPS.format(first=first)]
    output = subprocess.run(program, capture_output=True, text=True, check=True).stdout
    return output.count("<heap nr=")
