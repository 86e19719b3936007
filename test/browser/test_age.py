# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The age of what is seen, on the real page: against the time in the picture itself, and what the
operator is told when it is too great.
"""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import pytest

from support.browser import GIVE_UP_AFTER, PHONE
from support.browser import operator as looking
from support.firefox import firefox
from support.program import Program, node
from support.waiting import wait_for

FRAMES = 200
HOUR = 3600.0
TOPIC = "/camera/image_raw/compressed"

# Reads the barcode of each frame that is shown, and by how much the page takes the frame for later
# captured, in ms; with the round trip by which it knew the bridge's clock then. Where the page is
# called late, the picture that it reads is a newer one already, which has a call of its own next,
# or none: such a frame does not count.
MEASURE = """
const tile = streamer.cameras.get('camera');
const [bits, side] = [32, 8];
const canvas = document.createElement('canvas');
[canvas.width, canvas.height] = [bits * side, 1];
const context = canvas.getContext('2d', { willReadFrequently: true });
const read = () => {
    const square = tile.video.videoWidth / 40; // the picture may be smaller on a busy machine
    context.drawImage(tile.video, 0, square / 2, bits * square, 1, 0, 0, bits * side, 1);
    const { data } = context.getImageData(0, 0, bits * side, 1);
    let code = 0;
    for (let bit = bits - 1; bit >= 0; bit -= 1) {
        code = code * 2 + (data[4 * (bit * side + side / 2)] > 127 ? 1 : 0);
    }
    return code;
};
const tick = () => {
    const before = Date.now();
    let now = before;
    while (now === before) now = Date.now();
    return now - performance.now();
};
const epoch = [tick(), tick(), tick(), tick(), tick()].sort((a, b) => a - b)[2];
window.errors = [];
let last = null;
const look = () => tile.video.requestVideoFrameCallback((_, { presentedFrames }) => {
    const code = read();
    const next = presentedFrames === last?.presentedFrames + 1;
    if (next && code !== last.code) errors.push([last.error, last.roundTrip]);
    const { captured, at } = tile.shown;
    const error = ((epoch + captured - code) % 2 ** 32 + 2 ** 32) % 2 ** 32;
    const { roundTrip } = streamer.clock;
    last = { presentedFrames, code, error: error > 2 ** 31 ? error - 2 ** 32 : error, roundTrip };
    if (errors.length < FRAMES) look();
});
look();
""".replace("FRAMES", str(FRAMES))

# The browser's clock of the day is an hour ahead.
SET_CLOCK = """
const hour = 3600000;
const Real = Date;
window.Date = class extends Real {
    constructor(...what) { super(...(what.length ? what : [Real.now() + hour])); }
    static now() { return Real.now() + hour; }
};
Object.defineProperty(performance, 'timeOrigin', { value: performance.timeOrigin + hour });
"""

KNOWN = "() => streamer.cameras.get('camera')?.shown?.captured != null"

# As Python's own programs find it: a clock of the day that is wrong.
WRONG_CLOCK = """
import time
right = time.time_ns
time.time_ns = lambda: right() + {offset}
"""

# Notes each level, once, as it comes.
NOTE_LEVELS = """() => {
    const tile = streamer.cameras.get('camera');
    const seen = window.seen = [tile.freshness];
    new MutationObserver(() => {
        const { freshness } = tile.element.dataset;
        if (seen.at(-1) !== freshness) seen.push(freshness);
    }).observe(tile.element, { attributeFilter: ['data-freshness'] });
}"""


def check(errors: list[tuple[float, float]], expected: float = 0.0) -> None:
    """The page knows the bridge's clock to within half a round trip, which is ms on a busy machine,
    and less with each better one; the barcode has whole ones.
    """
    beyond = [abs(error - expected) - round_trip / 2 for error, round_trip in errors]
    assert median(beyond) < 1
    assert max(beyond) < 5, sorted(errors)


@pytest.mark.parametrize("codec", ["h264", "vp8"])
def test_the_capture_time_is_that_in_the_picture(streamer, operator, codec):
    operator.open(f"{streamer}?codec={codec}")
    operator.wait_for_frames()
    operator.page.wait_for_function(KNOWN)
    check(measured(operator))


def test_the_clock_of_the_day_is_never_asked(streamer, operator):
    operator.page.add_init_script(SET_CLOCK)
    operator.open(streamer)
    operator.wait_for_frames()
    operator.page.wait_for_function(KNOWN)
    check(measured(operator), expected=1000 * HOUR)


def measured(operator) -> list[tuple[float, float]]:
    operator.page.evaluate(f"() => {{{MEASURE}}}")
    operator.page.wait_for_function(f"() => errors.length >= {FRAMES}", timeout=2 * GIVE_UP_AFTER)
    return operator.page.evaluate("() => errors")


def test_the_capture_time_in_firefox(streamer):
    with firefox() as operator:
        operator.open(streamer)
        operator.wait_for_state("live")
        wait_for(lambda: operator.run(f"return ({KNOWN})()"), "the capture time")
        operator.run(MEASURE)
        wait_for(lambda: operator.run("return errors.length") >= FRAMES, "enough frames")
        check(operator.run("return errors"))


def test_a_program_that_hangs(port, operator):
    with Program("pi-webrtc-streamer", "--source", "pattern", "--port", str(port)) as program:
        program.wait_for_output("Open http")
        operator.open(f"http://127.0.0.1:{port}/")
        operator.wait_for_frames(30)
        operator.page.wait_for_function(KNOWN)
        operator.page.evaluate(NOTE_LEVELS)
        operator.screenshot("age-fresh")
        with stopped(program):
            wait_for_text(operator, ".age-mark-title", "s old")
            operator.screenshot("age-old")
            operator.wait_for_state("frozen")
            wait_for_text(operator, ".message-title", "Frozen for 1.")
            wait_for_text(operator, ".message-text", "The robot does not answer")
            operator.screenshot("age-frozen")
            operator.wait_for_state("offline")
            wait_for_text(operator, ".message-detail", "Last picture")
        operator.wait_for_frames()
        levels = operator.page.evaluate("() => window.seen")
        assert levels[:3] == ["fresh", "old", "frozen"]
        assert operator.page.evaluate("() => streamer.cameras.get('camera').age") < 60_000


def test_a_camera_that_hangs_is_named(port, operator):
    with (
        node("camera_node", "source:=pattern") as camera,
        node("bridge_node", f"port:={port}") as bridge,
    ):
        bridge.wait_for_output("page: http")
        operator.open(f"http://127.0.0.1:{port}/")
        operator.wait_for_frames(30)
        with stopped(camera):
            operator.page.wait_for_selector(
                '[data-freshness="frozen"]:is([data-state="frozen"], [data-state="no-picture"])',
                timeout=GIVE_UP_AFTER,
            )
            assert TOPIC in operator.page.text_content(".message-text")
            operator.wait_for_state("no-picture")
            wait_for_text(operator, ".message-text", "Has the camera stopped?")
        operator.wait_for_frames()


def test_a_slow_camera_is_not_called_frozen(port, operator):
    camera = node("camera_node", "source:=pattern", "framerate:=0.7")
    with camera, node("bridge_node", f"port:={port}") as bridge:
        bridge.wait_for_output("page: http")
        operator.open(f"http://127.0.0.1:{port}/")
        operator.wait_for_frames(4)  # each may be decoded twice: as the camera's, and once more
        operator.page.evaluate(NOTE_LEVELS)
        operator.wait_for_frames(5)
        assert operator.page.evaluate("() => window.seen") == ["fresh"]


@pytest.mark.parametrize(
    ("offset", "level", "number", "mark"),
    [(-2.4, "late", "2.", r"2\.\d s late"), (-HOUR, "fresh", "≥ ", ""), (HOUR, "fresh", "≥ ", "")],
)
def test_a_camera_with_a_wrong_clock(port, browser, tmp_path, offset, level, number, mark):
    """It is named where pictures seem late, and not believed where they cannot be that late."""
    (tmp_path / "sitecustomize.py").write_text(WRONG_CLOCK.format(offset=int(offset * 1e9)))
    camera = Program(
        "camera_node",
        *("--ros-args", "-p", "autostart:=true", "-p", "source:=pattern"),
        environment={"PYTHONPATH": str(tmp_path)},
    )
    with camera, node("bridge_node", f"port:={port}") as bridge:
        bridge.wait_for_output("page: http")
        with looking(browser, PHONE, device_scale_factor=2) as operator:
            operator.open(f"http://127.0.0.1:{port}/")
            operator.wait_for_frames()
            operator.page.wait_for_selector(f'[data-freshness="{level}"]', timeout=GIVE_UP_AFTER)
            wait_for_text(operator, ".age-number", number)
            if mark:
                assert re.fullmatch(mark, operator.page.text_content(".age-mark-title"))
                assert TOPIC in operator.page.text_content(".age-mark-text")
            operator.screenshot(f"age-{level}-{offset:g}")


@contextmanager
def stopped(program: Program) -> Iterator[None]:
    """Let a program hang for the length of a context."""
    program.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        program.process.send_signal(signal.SIGCONT)


def wait_for_text(operator, selector: str, text: str) -> None:
    """Wait until the page says something somewhere."""
    operator.page.wait_for_function(
        "([selector, text]) => document.querySelector(selector).textContent.includes(text)",
        arg=[selector, text],
        timeout=GIVE_UP_AFTER,
    )
