# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The page's modules for driving, in a browser, with facts and a clock of the tests' own."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pi_webrtc_streamer.page import FOLDER, TYPES
from pi_webrtc_streamer.teleop.messages import (
    NO_CAMERA,
    Axes,
    Command,
    Flag,
    State,
    Status,
    Told,
    parse_command,
)

for_examples = settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
deflections = st.floats(-1, 1, width=32)
u32 = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def page(page):
    """The modules are not served where nobody can drive."""

    def serve(route) -> None:
        name = route.request.url.split("/static/")[1]
        kind = TYPES[f".{name.rpartition('.')[2]}"]
        route.fulfill(body=(FOLDER / name).read_bytes(), content_type=kind)

    page.route("**/static/drive/**", serve)
    return page


# ---- Messages, against the bridge's own

ENCODE = """async command => {
    const { encodeCommand } = await import('/static/drive/protocol.js');
    return [...new Uint8Array(encodeCommand(command))];
}"""
DECODE = """async bytes => {
    const { decodeStatus } = await import('/static/drive/protocol.js');
    return decodeStatus(new Uint8Array(bytes).buffer);
}"""
FLAGS = {"arm": Flag.ARM, "hold": Flag.HOLD, "fast": Flag.FAST, "slow": Flag.SLOW}
FLAGS |= {"stop": Flag.STOP}
TOLD = {"stopped": Told.STOPPED, "lockYours": Told.LOCK_YOURS, "lockOthers": Told.LOCK_OTHERS}
TOLD |= {"asked": Told.ASKED, "mayTake": Told.MAY_TAKE, "listened": Told.LISTENED}
AXES = ("forward", "left", "turn", "pan", "tilt")


@for_examples
@given(
    st.builds(
        Command,
        sequence=u32,
        flags=st.integers(0, 31).map(Flag),
        token=u32,
        heartbeat=u32,
        camera=st.integers(0, NO_CAMERA),
        picture=u32,
        axes=st.builds(Axes, *[deflections] * 5),
    )
)
def test_the_bridge_reads_what_the_page_writes(page, command):
    written = page.evaluate(
        ENCODE,
        {
            **{name: bool(command.flags & flag) for name, flag in FLAGS.items()},
            "camera": None if command.camera == NO_CAMERA else command.camera,
            "sequence": command.sequence,
            "token": command.token,
            "heartbeat": command.heartbeat,
            "rtp": command.picture,
            "axes": command.axes._asdict(),
        },
    )
    assert parse_command(bytes(written)) == command


@pytest.mark.parametrize(("wrong", "right"), [(math.nan, 0), (math.inf, 0), (7, 1), (-7, -1)])
def test_an_axis_that_is_no_deflection_is_never_sent(page, wrong, right):
    flags = dict.fromkeys(FLAGS, True)
    numbers = dict.fromkeys(("camera", "sequence", "token", "heartbeat", "rtp"), 1)
    axes = dict.fromkeys(AXES, wrong)
    written = page.evaluate(ENCODE, {**flags, **numbers, "axes": axes})
    assert parse_command(bytes(written)).axes == Axes(*[right] * 5)


figures = st.floats(-10, 10, width=32) | st.just(math.nan)


@for_examples
@given(
    st.builds(
        Status,
        state=st.sampled_from(State),
        told=st.integers(0, 63).map(Told),
        heartbeat=u32,
        token=u32,
        echo=u32,
        since_echo=st.floats(0, 10, width=32),
        time=st.floats(0, 1e9),
        loop_age=figures,
        forward=figures,
        left=figures,
        turn=figures,
        cap=figures,
        odometry=figures,
        battery=figures,
        reason=st.text(st.characters(exclude_categories=["Cs"]), max_size=40).filter(
            lambda text: not text.startswith("\ufeff")
        ),
    )
)
def test_the_page_reads_what_the_bridge_writes(page, status):
    read = page.evaluate(DECODE, list(status.pack()))
    assert read["state"] == str(status.state)
    assert {name for name in TOLD if read[name]} == {
        name for name, told in TOLD.items() if status.told & told
    }
    expected = {
        "heartbeat": status.heartbeat,
        "token": status.token,
        "echo": status.echo,
        "since": status.since_echo,
        "time": status.time,
        "loopAge": status.loop_age,
        "forward": status.forward,
        "left": status.left,
        "turn": status.turn,
        "cap": status.cap,
        "odometry": status.odometry,
        "battery": status.battery,
        "reason": status.reason,
    }
    for name, value in expected.items():
        same = read[name] == value or (value != value and read[name] != read[name])
        assert same, f"{name}: {read[name]}, not {value}"


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_status_of_another_version_or_kind_is_none(page, place):
    message = bytearray(Status(State.ARMED, Told(0), 1, 2, 3, 0.1, 5.0).pack())
    assert page.evaluate(DECODE, list(message)) is not None
    assert page.evaluate(DECODE, list(message[:55])) is None
    message[place] = 9
    assert page.evaluate(DECODE, list(message)) is None


# ---- Keyboard

# Lets events happen to a Keyboard, and returns what it says after each, and how often it lost keys.
TYPE = """async ([robot, events]) => {
    const { Keyboard } = await import('/static/drive/keyboard.js');
    let lost = 0;
    const keyboard = new Keyboard(() => { lost += 1; });
    keyboard.fit(robot);
    const none = { repeat: false, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };
    return events.map(([what, code, more]) => {
        let handled = false;
        if (what === 'down') handled = keyboard.press({ ...none, ...more, code });
        if (what === 'up') handled = keyboard.release({ ...none, ...more, code });
        if (what === 'lose') keyboard.lose();
        return { handled, lost, ...keyboard.read() };
    });
}"""
PLAIN, ALL = {"holonomic": False, "head": False}, {"holonomic": True, "head": True}
KEYS = {
    "KeyW": ("forward", 1),
    "ArrowUp": ("forward", 1),
    "KeyS": ("forward", -1),
    "ArrowDown": ("forward", -1),
    "KeyA": ("turn", 1),
    "ArrowLeft": ("turn", 1),
    "KeyD": ("turn", -1),
    "ArrowRight": ("turn", -1),
    "KeyQ": ("left", 1),
    "KeyE": ("left", -1),
    "KeyI": ("tilt", 1),
    "KeyK": ("tilt", -1),
    "KeyJ": ("pan", 1),
    "KeyL": ("pan", -1),
}


def type_keys(page, *events, robot=ALL) -> list[dict]:
    return page.evaluate(TYPE, [robot, [[*event, {}][:3] for event in events]])


def moved(told: dict) -> dict:
    return {axis: value for axis, value in told["axes"].items() if value}


@pytest.mark.parametrize("code", KEYS)
def test_each_key_moves_one_axis_while_it_is_held(page, code):
    axis, direction = KEYS[code]
    down, up = type_keys(page, ("down", code), ("up", code))
    assert down["handled"]
    assert (moved(down), down["hold"], down["neutral"]) == ({axis: direction}, True, False)
    assert (moved(up), up["hold"], up["neutral"]) == ({}, False, True)


@pytest.mark.parametrize("code", ["KeyQ", "KeyE", "KeyI", "KeyJ", "KeyK", "KeyL", "KeyF", "Tab"])
def test_a_key_for_what_the_robot_has_not_is_left_to_the_page(page, code):
    (down,) = type_keys(page, ("down", code), robot=PLAIN)
    assert not down["handled"]
    assert down["neutral"]


@pytest.mark.parametrize("modifier", ["ctrlKey", "metaKey", "altKey"])
def test_a_modifier_lets_everything_go_until_it_is_pressed_anew(page, modifier):
    told = type_keys(
        page,
        ("down", "KeyW"),
        ("down", "MetaLeft", {modifier: True}),
        ("down", "KeyA", {modifier: True}),
        ("down", "KeyW", {"repeat": True}),  # still down, its release was never told
        ("down", "KeyW"),
    )
    assert [each["hold"] for each in told] == [True, False, False, False, True]
    assert [each["lost"] for each in told] == [0, 1, 1, 1, 1]
    assert not told[2]["handled"], "a shortcut of somebody else"


def test_shift_is_fast_and_c_is_slow_and_neither_moves(page):
    told = type_keys(
        page,
        ("down", "ShiftLeft", {"shiftKey": True}),
        ("down", "KeyC", {"shiftKey": True}),
        ("up", "KeyC"),  # the release of Shift was missed
    )
    assert [(each["fast"], each["slow"]) for each in told] == [
        (True, False),
        (True, True),
        (False, False),
    ]
    assert all(each["neutral"] for each in told)


strokes = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["down", "up"]), st.sampled_from(sorted(KEYS))),
        st.tuples(st.just("down"), st.sampled_from(sorted(KEYS)), st.just({"repeat": True})),
        st.tuples(st.just("lose"), st.just("")),
    ),
    max_size=25,
)


@for_examples
@given(strokes)
def test_what_is_held_is_what_was_pressed_and_not_let_go_or_lost(page, events):
    held = set()
    for event, told in zip(events, type_keys(page, *events), strict=True):
        what, code = event[:2]
        if what == "down" and len(event) == 2:
            held.add(code)
        elif what == "up":
            held.discard(code)
        elif what == "lose":
            held.clear()
        axes = dict.fromkeys(AXES, 0)
        for axis, direction in map(KEYS.get, held):
            axes[axis] += direction
        assert told["axes"] == {axis: max(-1, min(1, value)) for axis, value in axes.items()}
        assert (told["hold"], told["neutral"]) == (bool(held), not held)


# ---- Gamepad

READ_PADS = """async looks => {
    const { Gamepads } = await import('/static/drive/gamepad.js');
    const gamepads = new Gamepads();
    return looks.map((pads) => gamepads.read(pads));
}"""
A, B, X, LB, RB, LT = 0, 1, 2, 4, 5, 6


def pad(*pressed, axes=(0, 0, 0, 0), **more) -> dict:
    """Return a gamepad as the browser describes one."""
    buttons = [{"pressed": number in pressed} for number in range(17)]
    standard = {"id": "pad", "index": 0, "mapping": "standard", "connected": True}
    return {**standard, "axes": list(axes), "buttons": buttons, **more}


def read_pads(page, *looks) -> list[dict]:
    return page.evaluate(READ_PADS, list(looks))


@for_examples
@given(st.tuples(*[st.floats(-1, 1)] * 4))
def test_sticks_are_deflected_beyond_their_dead_zone(page, axes):
    (told,) = read_pads(page, [pad(LB, axes=axes)])
    names = {"turn": 0, "forward": 1, "pan": 2, "tilt": 3}
    for name, number in names.items():
        expected = -math.copysign(max(0, (abs(axes[number]) - 0.1) / 0.9), axes[number])
        assert told["input"]["axes"][name] == pytest.approx(expected)
    assert told["input"]["hold"]
    assert not told["input"]["neutral"]


def test_a_pad_without_its_button_held_moves_nothing_and_is_not_neutral_off_centre(page):
    away, rest = read_pads(page, [pad(axes=(0, -1, 0, 0))], [pad(axes=(0.09, -0.09, 0, 0))])
    assert (away["input"]["hold"], away["input"]["neutral"]) == (False, False)
    assert (rest["input"]["hold"], rest["input"]["neutral"]) == (False, True)


@pytest.mark.parametrize(
    ("pressed", "told"),
    [
        ([RB], {"fast"}),
        ([X], {"slow"}),
        ([B], {"stop"}),
        ([LT], set()),
        ([A], set()),
        ([LT, A], {"reset"}),
        ([LB, RB, B], {"hold", "fast", "stop"}),
    ],
)
def test_what_the_buttons_mean(page, pressed, told):
    (read,) = read_pads(page, [pad(*pressed)])
    means = {**read["input"], "reset": read["reset"]}
    assert {name for name in ("hold", "fast", "slow", "stop", "reset") if means[name]} == told


@pytest.mark.parametrize(
    "after",
    [
        [],
        [None],
        [pad(LB, connected=False)],
        [None, pad(LB, index=1)],
        [pad(LB, id="another")],
        [pad(LB, index=3)],
        [pad(LB, mapping="")],
        [pad(LB, axes=(0, math.nan, 0, 0))],
    ],
)
def test_a_pad_that_is_not_the_same_any_more_is_a_fault(page, after):
    before, gone = read_pads(page, [pad(LB, axes=(0, -1, 0, 0))], after)
    assert (before["fault"], before["input"]["axes"]["forward"]) == ("", 1)
    assert gone["fault"]
    assert (gone["input"]["hold"], moved(gone["input"])) == (False, {})


def test_a_pad_without_the_standard_mapping_is_named_and_refused(page):
    (told,) = read_pads(page, [pad(LB, id="odd", mapping="", axes=(0, -1, 0, 0))])
    assert (told["name"], told["refused"], told["fault"]) == ("", "odd", "")
    assert not told["input"]["hold"]


# ---- Stick

HANDLE = """async events => {
    const { StickModel } = await import('/static/drive/stick.js');
    const stick = new StickModel();
    return events.map(([what, pointer, x, y]) => {
        if (what === 'press') stick.press(pointer, x, y);
        if (what === 'move') stick.move(pointer, x, y, 50);
        if (what === 'release') stick.release(pointer);
        if (what === 'centre') stick.centre();
        return stick.read('turn', 'forward');
    });
}"""


def test_a_touch_moves_nothing_and_a_drag_does(page):
    touch, up, far, back = page.evaluate(
        HANDLE,
        [["press", 1, 300, 200], ["move", 1, 300, 150], ["move", 1, 700, 200], ["release", 1]],
    )
    assert (moved(touch), touch["hold"]) == ({}, True)
    assert moved(up) == {"forward": 1}
    assert moved(far) == {"turn": -1}, "no more than full deflection"
    assert (moved(back), back["hold"], back["neutral"]) == ({}, False, True)


touches = st.lists(
    st.tuples(
        st.sampled_from(["press", "move", "release", "centre"]),
        st.integers(1, 3),
        st.integers(0, 400),
        st.integers(0, 400),
    ),
    max_size=25,
)


@for_examples
@given(touches)
def test_a_stick_follows_the_finger_that_took_it_and_no_other(page, events):
    holder = None
    for (what, pointer, _, _), told in zip(events, page.evaluate(HANDLE, events), strict=True):
        if what == "press" and holder is None:
            holder = pointer
        elif what == "centre" or (what == "release" and holder == pointer):
            holder = None
        assert told["hold"] is (holder is not None)
        assert told["neutral"] is (holder is None)
        assert math.hypot(*told["axes"].values()) <= 1 + 1e-9
        assert holder is not None or not moved(told)


# ---- Inputs together

READ_INPUTS = """async looks => {
    const { Inputs } = await import('/static/drive/inputs.js');
    const inputs = new Inputs();
    return looks.map(([mistrust, devices]) => {
        if (mistrust) inputs.mistrust();
        return inputs.read(devices);
    });
}"""
device = st.fixed_dictionaries(
    {
        **dict.fromkeys(("hold", "fast", "slow", "stop", "neutral"), st.booleans()),
        "axes": st.fixed_dictionaries(dict.fromkeys(AXES, deflections)),
    }
)


@for_examples
@given(st.lists(st.tuples(st.booleans(), st.lists(device, min_size=1, max_size=3)), max_size=12))
def test_after_a_fault_nothing_counts_until_all_is_neutral_at_once(page, looks):
    mistrusted = False
    for (fault, devices), told in zip(looks, page.evaluate(READ_INPUTS, looks), strict=True):
        neutral = all(each["neutral"] for each in devices)
        mistrusted = (mistrusted or fault) and not neutral
        assert told["neutral"] is neutral
        assert told["stop"] is any(each["stop"] for each in devices), "a stop always counts"
        assert told["hold"] is (not mistrusted and any(each["hold"] for each in devices))
        assert not (told["fast"] and told["slow"])
        for axis, value in told["axes"].items():
            total = 0 if mistrusted else sum(d["axes"][axis] for d in devices if d["hold"])
            assert value == pytest.approx(max(-1, min(1, total)))


# ---- The state machine

# Each event is a step with facts, a status of the robot, a wish to drive, or a command that arrives
# or is lost. Returns what the driver says and sends after each.
DRIVE = """async events => {
    const { Driver } = await import('/static/drive/driver.js');
    const { noInput } = await import('/static/drive/inputs.js');
    const usual = {
        camera: 'front', index: 0, picture: '', rtp: 7, input: noInput(), mistrusted: false,
        visible: true, focused: true, open: true, silence: 0, patience: 300, stopping: false,
    };
    const driver = new Driver();
    let now = 0;
    return events.map(([what, more]) => {
        let disarmed = false;
        if (what === 'begin') driver.begin(now);
        if (what === 'disarm') driver.disarm('Because.');
        if (what === 'renew') driver.renew();
        if (what === 'status') driver.note(more);
        if (what === 'step') {
            now += more.passed ?? 33;
            disarmed = driver.step({ ...usual, ...more }, now);
        }
        const { state, reason, arms } = driver;
        return { state, reason, arms, disarmed, command: driver.command() };
    });
}"""
HELD = {"hold": True, "fast": False, "slow": False, "stop": False, "neutral": False}
HELD |= {"axes": {"forward": 1, "left": 0, "turn": 0, "pan": 0, "tilt": 0}}


def status(state="disarmed", echo=0, **more) -> tuple[str, dict]:
    """Return what the robot says, as an event."""
    told = dict.fromkeys(TOLD, False) | {"lockYours": state != "disarmed", "reason": ""}
    return "status", {**told, "state": state, "echo": echo, "token": 5, "heartbeat": 9, **more}


def step(**facts) -> tuple[str, dict]:
    return "step", facts


def drive(page, *events) -> list[dict]:
    return page.evaluate(DRIVE, [list(event) for event in events])


# Every event is a command; so the sequence is the number of events so far.
ARMED = [
    step(),
    status(),
    ("begin", None),
    status(echo=3),
    step(),  # asks from here on
    status("armed", echo=5),
    step(),
]


def test_it_is_armed_once_the_robot_has_seen_that_it_was_not(page):
    told = drive(page, *ARMED)
    assert [each["arms"] for each in told] == [False] * 4 + [True] * 3
    assert told[-1]["state"] == "armed"
    assert told[-1]["command"]["token"] == 5
    assert told[-1]["command"]["heartbeat"] == 9
    assert told[-1]["command"]["rtp"] == 7
    assert [each["command"]["sequence"] for each in told] == list(range(1, 8))


def test_it_asks_again_only_when_the_robot_has_seen_that_it_did_not(page):
    """A message that says so may be lost, and the robot takes the next wish for the old one."""
    again = [("disarm", None), ("begin", None), status(echo=7), step(), status(echo=8), step()]
    told = drive(page, *ARMED, *again)
    assert [each["arms"] for each in told[-4:]] == [False, False, False, True]


def test_it_drives_while_an_input_is_held(page):
    *_, held, let_go = drive(page, *ARMED, step(input=HELD), step())
    assert (held["state"], held["command"]["hold"]) == ("driving", True)
    assert held["command"]["axes"]["forward"] == 1
    assert (let_go["state"], let_go["command"]["hold"]) == ("armed", False)
    assert moved(let_go["command"]) == {}


DOUBTS = [
    {"visible": False},
    {"focused": False},
    {"open": False},
    {"silence": 301},
    {"picture": "The picture is too old."},
    {"camera": "rear"},
    {"camera": ""},
    {"stopping": True},
    {"input": HELD | {"stop": True}},
    {"passed": 301},
]
ROBOT_DOUBTS = [
    status("disarmed", 9, reason="The picture is 0.6 s old."),
    status("armed", 9, lockYours=False),
    status("armed", 9, lockOthers=True),
    status("armed", 9, stopped=True),
]


@pytest.mark.parametrize("doubt", DOUBTS)
def test_whatever_is_in_doubt_disarms_and_is_told_at_once(page, doubt):
    facts = {"input": HELD} | doubt
    *_, driving, doubted, after = drive(page, *ARMED, step(input=HELD), step(**facts), step())
    assert driving["state"] == "driving"
    assert doubted["disarmed"]
    assert doubted["reason"]
    for told in (doubted, after):
        assert (told["state"], told["arms"]) == ("off", False)
        assert not told["command"]["arm"]
        assert not told["command"]["hold"]
        assert moved(told["command"]) == {}


@pytest.mark.parametrize("late", [{"passed": 301}, {"focused": False}])
def test_a_key_that_is_found_held_too_late_begins_nothing(page, late):
    *_, begun, after = drive(page, *ARMED, step(input=HELD, **late), step(input=HELD))
    for told in (begun, after):
        assert (told["state"], told["command"]["hold"]) == ("off", False)


def test_a_late_look_at_inputs_that_rest_is_nothing(page):
    *_, rests, moves = drive(page, *ARMED, step(passed=400), step(input=HELD))
    assert (rests["state"], moves["state"]) == ("armed", "driving")


@pytest.mark.parametrize("doubt", ROBOT_DOUBTS)
def test_what_the_robot_says_disarms_too(page, doubt):
    *_, doubted = drive(page, *ARMED, step(input=HELD), doubt, step(input=HELD))
    assert doubted["disarmed"]
    assert doubted["state"] == "off"
    assert doubted["reason"]


def test_a_refusal_is_told_in_the_robots_words(page):
    refused = status(echo=6, reason="The picture is 0.9 s old.")
    told = drive(page, *ARMED[:5], refused, step(), step(passed=990), step(passed=20))
    assert [each["state"] for each in told[-3:]] == ["arming", "arming", "off"]
    assert told[-1]["reason"] == "The picture is 0.9 s old."


@pytest.mark.parametrize(
    "missing",
    [{"open": False}, {"silence": 301}, {"picture": "No."}, {"mistrusted": True}, {"input": HELD}],
)
def test_it_asks_for_nothing_while_something_is_missing_and_not_for_ever(page, missing):
    *_, waiting, later, given_up = drive(
        page, *ARMED[:4], step(**missing), step(**missing, passed=9900), step(**missing, passed=200)
    )
    for told in (waiting, later):
        assert (told["state"], told["arms"]) == ("arming", False)
        assert told["reason"]
    assert given_up["state"] == "off"
    assert given_up["reason"] == later["reason"]


def test_after_another_connection_the_robot_has_to_see_everything_anew(page):
    *_, renewed, _, asked = drive(
        page, *ARMED, ("disarm", None), ("renew", None), ("begin", None), step()
    )
    assert renewed["command"]["sequence"] == 1
    assert not asked["arms"], "no status has come by the new connection"


facts = st.fixed_dictionaries(
    {},
    optional={
        "visible": st.booleans(),
        "focused": st.booleans(),
        "open": st.booleans(),
        "silence": st.sampled_from([0, 299, 301]),
        "picture": st.sampled_from(["", "", "", "No."]),
        "camera": st.sampled_from(["front", "front", "rear"]),
        "stopping": st.booleans(),
        "mistrusted": st.booleans(),
        "input": st.just(HELD),
        "passed": st.sampled_from([1, 33, 400]),
    },
)
statuses = st.builds(
    status,
    st.sampled_from(["disarmed", "armed", "driving"]),
    st.integers(0, 40),
    stopped=st.booleans(),
    lockYours=st.booleans(),
    lockOthers=st.booleans(),
)
events = st.lists(
    st.one_of(
        facts.map(lambda each: ("step", each)),
        st.just(step(input=HELD)),
        statuses,
        st.sampled_from([("begin", None), ("disarm", None), ("renew", None)]),
    ),
    max_size=20,
)


@for_examples
@given(st.booleans(), events)
def test_nothing_moves_while_anything_is_in_doubt(page, begin_armed, script):
    script = [*ARMED, *script] if begin_armed else script
    told = drive(page, *script)
    newest, wanted = None, False
    for (what, more), each in zip(script, told, strict=True):
        newest = more if what == "status" else None if what == "renew" else newest
        wanted = what == "begin" or (wanted and each["state"] != "off")
        command = each["command"]
        assert each["arms"] is command["arm"]
        assert wanted or not command["arm"], "only who has pressed Drive"
        if not command["arm"]:
            assert not command["hold"]
        if not command["hold"]:
            assert moved(command) == {}
        if what == "step" and command["hold"]:
            assert newest is not None
            assert newest["lockYours"]
            assert not newest["lockOthers"]
            assert not newest["stopped"]
            fine = {"visible": True, "focused": True, "open": True, "picture": ""}
            assert all(more.get(name, good) == good for name, good in fine.items())
            assert more.get("silence", 0) <= 300
            assert more.get("passed", 0) <= 300


# ---- What is held for a second, and the stop

HOLD = """async looks => {
    const { HeldPress } = await import('/static/drive/held.js');
    const held = new HeldPress();
    return looks.map(([pressed, now]) => [held.update(pressed, now), held.progress(now)]);
}"""


def test_a_press_counts_once_when_it_has_lasted_a_second(page):
    looks = [(True, 0), (True, 500), (True, 999), (True, 1000), (True, 5000)]
    told = page.evaluate(HOLD, looks)
    assert [counts for counts, _ in told] == [False, False, False, True, False]
    assert [share for _, share in told] == [0, 0.5, 0.999, 0, 0]
    broken = [(True, 0), (True, 900), (False, 950), (True, 960), (True, 1900), (True, 1960)]
    assert [counts for counts, _ in page.evaluate(HOLD, broken)] == [False] * 5 + [True]


STOP = """async failures => {
    const { Stop } = await import('/static/drive/stop.js');
    let posts = 0;
    const accepted = new Promise((resolve) => {
        const stop = new Stop(async () => {
            posts += 1;
            if (posts <= failures) throw new TypeError('no network');
        }, () => resolve([posts, stop.pending]));
        stop.press();
        stop.press();
    });
    return accepted;
}"""


@pytest.mark.parametrize("failures", [0, 1, 3])
def test_a_stop_is_asked_for_until_it_is_taken(page, failures):
    assert page.evaluate(STOP, failures) == [failures + 1, False]


# ---- The picture, and the ground in it

SIGHT = """async ([tile, maxAge, rate]) => {
    const { pictureProblem } = await import('/static/drive/sight.js');
    return pictureProblem(tile, maxAge, rate);
}"""


@pytest.mark.parametrize(
    ("state", "freshness", "age", "rate", "good"),
    [
        ("live", "fresh", 100, 30, True),
        ("live", "fresh", None, 30, True),  # the bridge knows
        ("live", "old", 499, 30, True),
        ("live", "old", 501, 30, False),
        ("live", "old", 1400, 2, True),  # three pictures' time
        ("live", "old", 1600, 2, False),
        ("live", "old", 501, 0, False),
        ("live", "fresh", 501, 0.3, False),  # nobody drives by so slow a camera
        ("live", "late", None, 30, False),
        ("live", "frozen", None, 30, False),
        ("frozen", "frozen", 100, 30, False),
        ("connecting", "none", None, 0, False),
    ],
)
def test_by_which_picture_one_may_drive(page, state, freshness, age, rate, good):
    tile = {"state": state, "freshness": freshness, "age": age}
    assert (page.evaluate(SIGHT, [tile, 0.5, rate]) == "") is good


def test_one_drives_by_no_picture_without_a_camera(page):
    assert page.evaluate(SIGHT, [None, 0.5, 30])


PROJECT = """async ([mounting, points]) => {
    const { project } = await import('/static/drive/guides.js');
    return points.map(([forward, left]) => project(mounting, forward, left));
}"""
LAY = """async ([mounting, aspect]) => {
    const { layGuides } = await import('/static/drive/guides.js');
    return layGuides(mounting, aspect);
}"""
mountings = st.fixed_dictionaries(
    {
        "height": st.floats(0.05, 3),
        "tilt": st.floats(-0.5, 1.5),
        "width": st.floats(0.1, 2),
        "fov": st.floats(0.3, 2.6),
    }
)


@for_examples
@given(mountings, st.lists(st.tuples(st.floats(0, 5), st.floats(-2, 2)), min_size=1, max_size=5))
def test_a_point_on_the_ground_is_where_a_pinhole_camera_sees_it(page, mounting, points):
    """Against the camera matrix: x right, y down, z along the optical axis."""
    tilt, focal = mounting["tilt"], 0.5 / math.tan(mounting["fov"] / 2)
    turned = np.array(
        [[1, 0, 0], [0, math.cos(tilt), -math.sin(tilt)], [0, math.sin(tilt), math.cos(tilt)]]
    )
    for (forward, left), told in zip(
        points, page.evaluate(PROJECT, [mounting, points]), strict=True
    ):
        x, y, z = turned @ np.array([-left, mounting["height"], forward])
        if z < 0.05:
            assert told is None
        else:
            assert told == pytest.approx({"x": focal * x / z, "y": focal * y / z})


@for_examples
@given(mountings, st.floats(0.5, 3))
def test_guides_lie_within_the_picture_from_below_to_above(page, mounting, aspect):
    guides = page.evaluate(LAY, [mounting, aspect])
    assert len(guides["sides"]) in (0, 2)
    lowest = 0.5 / aspect
    for near, far in guides["sides"]:
        assert near["y"] <= lowest * (1 + 1e-6)
        assert near["y"] > far["y"]
    marks = [mark["from"]["y"] for mark in guides["marks"]]
    assert marks == sorted(marks, reverse=True), "farther is higher"
    for mark in guides["marks"]:
        assert -lowest < mark["from"]["y"] <= lowest * (1 + 1e-6)
        assert mark["from"]["y"] == pytest.approx(mark["to"]["y"])
        assert mark["from"]["x"] < mark["to"]["x"], "from left to right"


def test_a_level_camera_sees_the_way_narrow_with_the_distance(page):
    level = {"height": 0.3, "tilt": 0, "width": 0.4, "fov": math.pi / 2}
    guides = page.evaluate(LAY, [level, 1])
    widths = {m["metres"]: m["to"]["x"] - m["from"]["x"] for m in guides["marks"]}
    assert widths == pytest.approx({0.5: 0.4, 1: 0.2, 2: 0.1})
    assert {m["metres"]: m["to"]["y"] for m in guides["marks"]} == pytest.approx(
        {0.5: 0.3, 1: 0.15, 2: 0.075}
    )


def test_a_camera_that_looks_up_shows_no_ground(page):
    up = {"height": 0.3, "tilt": -1.0, "width": 0.4, "fov": 1.0}
    assert page.evaluate(LAY, [up, 1.5]) == {"sides": [], "marks": []}


# ---- Words

DESCRIBE = """async situation => {
    const { describe } = await import('/static/drive/view.js');
    const teleop = { stopped: false, reason: '', driver: null, problem: '', may_drive: true };
    return describe({
        wanted: true, channel: { isOpen: true, error: null }, driver: { state: 'off', reason: '' },
        status: null, stop: { pending: false, late: false, problem: '' }, asked: false, hint: '',
        notice: '', chosen: true, ...situation, teleop: { ...teleop, ...situation.teleop },
    });
}"""
OTHERS = status(lockOthers=True)[1]
BOB = {"driver": {"number": 2, "name": "Bob"}}


@pytest.mark.parametrize(
    ("situation", "title", "actions", "stop"),
    [
        ({"wanted": False}, "", ["drive"], "Stop"),
        ({"wanted": False, "chosen": False}, "", [], "Stop"),
        ({"wanted": False, "teleop": {"may_drive": False}}, "", [], "Stop"),
        (
            {"wanted": False, "teleop": {"may_drive": False, "stopped": True}},
            "Stopped",
            [],
            "Stopped",
        ),
        ({"channel": {"isOpen": False, "error": None}}, "Connecting", ["done"], "Stop"),
        ({}, "Not armed", ["drive", "done"], "Stop"),
        ({"driver": {"state": "arming", "reason": "Let go."}}, "Getting ready", ["done"], "Stop"),
        ({"driver": {"state": "armed", "reason": ""}}, "Armed", ["done"], "Stop"),
        ({"driver": {"state": "driving", "reason": ""}}, "Driving", ["done"], "Stop"),
        ({"status": OTHERS, "teleop": BOB}, "Bob drives", ["ask", "done"], "Stop"),
        ({"status": OTHERS, "teleop": BOB, "asked": True}, "Bob drives", ["done"], "Stop"),
        (
            {"status": OTHERS | {"mayTake": True}, "teleop": BOB},
            "Bob drives",
            ["take", "done"],
            "Stop",
        ),
        (
            {"status": status("armed", asked=True)[1], "driver": {"state": "armed", "reason": ""}},
            "Armed",
            ["grant", "keep", "done"],
            "Stop",
        ),
        (
            {"stop": {"pending": True, "late": False, "problem": ""}},
            "Stopping…",
            ["done"],
            "Stopping…",
        ),
        ({"status": status(stopped=True)[1]}, "Stopped", ["reset", "done"], "Stopped"),
        ({"teleop": {"stopped": True}, "wanted": False}, "Stopped", ["reset"], "Stopped"),
    ],
)
def test_what_the_operator_is_told_and_can_do(page, situation, title, actions, stop):
    told = page.evaluate(DESCRIBE, situation)
    assert (told["title"], told["actions"], told["stop"]) == (title, actions, stop)


def test_a_stop_that_is_not_confirmed_says_so(page):
    late = {"pending": True, "late": True, "problem": "The robot cannot be reached."}
    told = page.evaluate(DESCRIBE, {"stop": late})
    assert told["text"] == "Not confirmed yet. The robot cannot be reached."
    assert "Stopped" not in told.values()
