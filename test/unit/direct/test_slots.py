# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures in memory that another process writes: whole, or not seen at all."""

import fcntl
import os
import random
import subprocess
import sys
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.direct.memory import MemoryRefused, ReadMemory, WrittenMemory
from pi_webrtc_streamer.direct.slots import Layout, SlotReader, SlotWriter, picture_bytes

SIDES = st.integers(1, 40)


def slots_of(layout: Layout) -> tuple[SlotWriter, SlotReader]:
    memory = bytearray(layout.size)
    return SlotWriter(memoryview(memory), layout), SlotReader(memoryview(memory), layout)


def filling(value: int):
    """Fill a place with a value."""

    def fill(place: memoryview) -> None:
        place[:] = bytes([value]) * len(place)

    return fill


@given(SIDES, SIDES, st.integers(1, 5))
def test_pictures_do_not_overlap(width, height, slots):
    layout = Layout(width, height, slots)
    ends = [layout.begin(slot) + layout.picture for slot in range(slots)]
    assert all(end <= layout.begin(slot + 1) for slot, end in enumerate(ends[:-1]))
    assert ends[-1] <= layout.size


@given(SIDES, SIDES, st.integers(1, 4), st.lists(st.integers(0, 255), min_size=1, max_size=12))
def test_a_picture_is_read_as_it_was_written_until_its_slot_is_taken(width, height, slots, values):
    layout = Layout(width, height, slots)
    writer, reader = slots_of(layout)
    written = [writer.write(filling(value)) for value in values]
    for (slot, sequence), value in list(zip(written, values, strict=True))[:-slots]:
        assert reader.read(slot, sequence, bytes) is None, value
    for (slot, sequence), value in list(zip(written, values, strict=True))[-slots:]:
        assert reader.read(slot, sequence, bytes) == bytes([value]) * picture_bytes(width, height)


@given(st.integers(1, 4), st.integers(1, 9))
def test_one_that_is_being_written_is_not_read(slots, before):
    writer, reader = slots_of(Layout(4, 4, slots))
    written = [writer.write(filling(number)) for number in range(before)]

    def look(place: memoryview) -> None:
        place[:1] = b"\xff"
        begun = before % slots
        for slot, sequence in written:
            overwritten = slot == begun or (slot, sequence) not in written[-slots:]
            assert (reader.read(slot, sequence, bytes) is None) == overwritten

    writer.write(look)


def test_who_dies_while_it_writes_has_told_of_nothing_that_is_not_whole():
    """What was filled half stays unseen, and so does what was there before."""
    writer, reader = slots_of(Layout(4, 4, 1))
    before = writer.write(filling(1))

    def die(place: memoryview) -> None:
        place[:3] = b"\xff\xff\xff"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        writer.write(die)
    assert reader.read(*before, bytes) is None
    after = writer.write(filling(2))
    assert reader.read(*after, bytes) == bytes([2]) * picture_bytes(4, 4)


# Writes pictures as fast as it can, each of one value, which follows from its sequence number.
WRITER = """
    from pi_webrtc_streamer.direct.memory import WrittenMemory
    from pi_webrtc_streamer.direct.slots import Layout

    memory = WrittenMemory(Layout(640, 480))
    print(memory.descriptor, flush=True)
    number = 0

    def fill(place):
        half = len(place) // 2
        place[:half] = bytes([number % 256]) * half
        place[half:] = bytes([number % 256]) * (len(place) - half)

    while True:
        number += 1
        memory.slots.write(fill)
"""


@pytest.mark.parametrize("seed", range(4))
def test_a_torn_picture_is_never_seen(seed):
    """Its writer runs as fast as it can, and is killed at any moment."""
    layout, chance = Layout(640, 480), random.Random(seed)
    arguments = [sys.executable, "-c", textwrap.dedent(WRITER)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        try:
            descriptor = os.open(
                f"/proc/{process.pid}/fd/{int(process.stdout.readline())}", os.O_RDONLY
            )
            memory = ReadMemory(descriptor, layout)
            os.close(descriptor)
            left = chance.randrange(300, 1500)
            while left:
                left -= read_whole(memory.slots, chance.randrange(layout.slots))
        finally:
            process.kill()
    assert sum(read_whole(memory.slots, slot) for slot in range(layout.slots)) >= layout.slots - 1
    memory.close()


def read_whole(slots: SlotReader, slot: int) -> bool:
    """Read what is in a slot now; returns whether it could be, and sees that it is whole."""
    sequence = slots._number(slot)
    picture = slots.read(slot, sequence, bytes) if sequence and sequence % 2 == 0 else None
    if picture is None:
        return False
    assert picture == bytes([sequence // 2 % 256]) * len(picture)
    return True


def test_memory_that_could_be_cut_short_is_refused():
    layout = Layout(16, 16)
    descriptor = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(descriptor, layout.size)
        with pytest.raises(MemoryRefused, match="could be cut short"):
            ReadMemory(descriptor, layout)
    finally:
        os.close(descriptor)


def test_memory_that_is_too_small_is_refused():
    memory = WrittenMemory(Layout(16, 16))
    with pytest.raises(MemoryRefused, match=r"has \d+ bytes, not"):
        ReadMemory(memory.descriptor, Layout(64, 64))
    memory.close()


def test_memory_that_there_is_no_room_for_is_refused():
    descriptor = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    os.truncate(descriptor, 1 << 62)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    with pytest.raises(MemoryRefused, match="cannot be mapped"):
        ReadMemory(descriptor, Layout(1 << 30, 1 << 29))
    os.close(descriptor)


def test_what_is_no_memory_is_refused():
    first, second = os.pipe()
    with pytest.raises(MemoryRefused, match="is no memory"):
        ReadMemory(first, Layout(16, 16))
    os.close(first)
    os.close(second)


def test_who_reads_cannot_write():
    memory = WrittenMemory(Layout(16, 16))
    read = ReadMemory(memory.descriptor, Layout(16, 16))
    with pytest.raises(TypeError):
        read.slots._memory[0] = 1
    read.close()
    memory.close()
    memory.close()
