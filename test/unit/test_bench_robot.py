# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The benchmark on a robot: what the board says of itself, and the age of what arrives."""

import platform
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import board
from bench.arrivals import CODES, KEPT, Arrivals, age_by_barcode, age_by_clock
from bench.figures import Part
from bench.report import markdown
from bench.robot import MACHINE, WORTH_KNOWING, table, worst_stages

MS = 1_000_000  # nanoseconds
timestamps = st.integers(0, CODES - 1)


def write(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


PI = {
    "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.5\0",
    "proc/meminfo": "MemTotal:        3885396 kB\nMemFree: 1 kB\n",
    "sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq": "1200000\n",
    "sys/devices/system/cpu/cpufreq/policy0/scaling_min_freq": "600000\n",
    "sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq": "1800000\n",
    "sys/devices/system/cpu/cpufreq/policy0/scaling_governor": "ondemand\n",
    "sys/class/thermal/thermal_zone0/temp": "61342\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
}


def test_a_raspberry_pi_is_described(tmp_path):
    write(tmp_path, PI)
    described = board.describe(tmp_path)
    assert described["board"] == "Raspberry Pi 4 Model B Rev 1.5"
    assert described["architecture"] == platform.machine()
    assert described["clock"] == "600 to 1800 MHz (ondemand)"
    assert described["memory"] == "4.0 GB"
    assert board.read(tmp_path) == board.Reading(clock=1200, temperature=61.342)
    words = board.in_words(board.throttled(tmp_path))
    assert words == (
        "now: under-voltage, throttled; since it was started: under-voltage, throttled"
    )


def test_another_machine_is_described_as_far_as_it_tells(tmp_path):
    write(tmp_path, {"proc/cpuinfo": "processor\t: 0\nmodel name\t: Some CPU\n"})
    described = board.describe(tmp_path)
    assert described["board"] == "Some CPU"
    assert "clock" not in described
    assert "memory" not in described
    assert board.read(tmp_path) == board.Reading(None, None)


def test_a_sensor_that_cannot_be_read_is_left_out(tmp_path):
    write(tmp_path, PI | {"sys/class/thermal/thermal_zone1/temp": "nonsense"})
    assert board.read(tmp_path).temperature == 61.342


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        (None, "the machine does not tell"),
        (0, "never since it was started"),
        (0x50000, "now: no; since it was started: under-voltage, throttled"),
        (0xE0008, "now: soft temperature limit; since it was started: clock capped, throttled, "
         "soft temperature limit"),
    ],
)  # fmt: skip
def test_throttling_is_told_in_words(bits, words):
    assert board.in_words(bits) == words


@given(timestamps, st.lists(st.integers(1, 10_000), min_size=1, max_size=50), st.data())
def test_a_decoded_picture_arrived_when_its_last_packet_did(first, gaps, data):
    """aiortc counts from the first picture; RTP's timestamps wrap around."""
    arrivals = Arrivals()
    assert arrivals.of_decoded(0) is None
    pts = [0]
    for gap in gaps:
        pts.append(pts[-1] + gap)
    for number, each in enumerate(pts):
        arrivals.on_last_packet((first + each) % CODES, number)
        arrivals.on_last_packet((first + each) % CODES, number + 1000)  # sent again
    number = data.draw(st.integers(0, len(gaps)))
    assert arrivals.of_decoded(pts[number]) == ((first + pts[number]) % CODES, number)
    assert arrivals.of_decoded(pts[-1] + 1) is None


def test_of_pictures_that_are_never_decoded_not_all_are_kept():
    arrivals = Arrivals()
    for number in range(2 * KEPT):
        arrivals.on_last_packet(number, number)
    assert arrivals.of_decoded(0) is None
    assert arrivals.of_decoded(2 * KEPT - 1) is not None


@given(st.integers(10**18, 2 * 10**18), st.integers(0, 59_000 * MS))
def test_the_barcode_tells_the_age_to_half_a_millisecond(captured, age):
    code = captured // MS % CODES
    found = age_by_barcode(code, captured + age)
    assert found is not None
    assert abs(found - age / MS) <= 0.51  # and what a float of this size rounds


@given(st.integers(10**18, 2 * 10**18), st.integers(61_000, CODES - 2))
def test_a_barcode_that_makes_no_sense_has_no_age(at, off):
    assert age_by_barcode((at // MS - off) % CODES, at) is None


@given(timestamps, st.integers(-(2**30), 2**30), st.floats(0, 1e6), st.floats(0, 60))
def test_the_clock_tells_the_age_of_pictures_before_and_after_the_one_it_knows(
    known, ticks, captured, age
):
    at = captured + ticks / 90_000 + age
    found = age_by_clock((known + ticks) % CODES, at, known, captured)
    assert found == pytest.approx(1000 * age, abs=1e-3)


def test_of_two_cameras_the_slower_one_counts():
    def stream(p50, p95):
        return {"stages": {"sent": {"p50": p50, "p95": p95}}}

    streams = {"front": [stream(1.0, 9.0)], "rear": [stream(2.0, 3.0)], "off": []}
    assert worst_stages(streams) == {"sent": {"p50": 2.0, "p95": 9.0}}
    assert worst_stages({}) == {}


def test_the_table_is_markdown_with_what_is_missing_left_empty():
    few, many = Part("nobody"), Part("one")
    few.add("CPU", 1.0, "%")
    many.add("rate", 30.0, "fps")
    many.add("CPU", 20.0, "%")
    assert markdown([few, Part("failed"), many]).splitlines() == [
        "| | nobody | one |",
        "| --- | ---: | ---: |",
        "| rate, fps | | 30.0 |",
        "| CPU, % | 1.00 | 20.0 |",
    ]
    many.notes.append("one failed")
    text = table([few, many, Part(MACHINE, notes=["board: Pi"])])
    assert text.startswith("- board: Pi\n- one failed\n\n| |")


@pytest.mark.parametrize(
    "line",
    [
        "[INFO] [1.2] [camera]: source: camera 0 (imx219), 1280x720",
        "[INFO] [1.2] [camera]: JPEG without hardware (No such file): using libjpeg-turbo",
        "[INFO] [1.2] [camera]: JPEG by the hardware takes 6.1 ms for 81234 bytes: using it",
        "[INFO] [1.2] [bridge]: no hardware encoder for H.264 (Invalid argument): using libx264",
        "[INFO] [1.2] [bridge]: the hardware's encoder for H.264 works",
        "[INFO] [1.2] [bridge]: libx264 opened for 1280x720 (full), 2500 kbit/s",
    ],
)
def test_what_the_log_says_of_the_hardware_is_worth_knowing(line):
    assert WORTH_KNOWING.search(line)
    assert not WORTH_KNOWING.search("[INFO] [1.2] [bridge]: serving http://127.0.0.1:8080/")


def test_it_takes_nothing_that_only_the_tests_have():
    program = (
        f"import sys; sys.path[:0] = {sys.path}\n"
        "sys.modules.update(dict.fromkeys(('playwright', 'pytest', 'hypothesis')))\n"
        "import bench.__main__, bench.robot, bench.receiver, bench.viewers\n"
    )
    done = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
