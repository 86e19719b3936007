# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the C library's heap is told."""

import subprocess
import sys

from pi_webrtc_streamer.runtime.heap import memory_in_use

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


def test_what_is_in_use_grows_with_what_is_held_and_no_longer():
    before = memory_in_use()
    blocks = [object() for _ in range(10_000)]
    outside_pythons_heap = [bytes(100_000) for _ in range(100)]
    held = memory_in_use()
    assert held["python_blocks"] >= before["python_blocks"] + 10_000
    assert held["heap"] >= before["heap"] + 10_000_000
    del blocks, outside_pythons_heap
    after = memory_in_use()
    assert after["python_blocks"] < held["python_blocks"] - 9_000
    assert after["heap"] < held["heap"] - 9_000_000
