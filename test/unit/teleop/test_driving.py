# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Nothing moves without a fresh, neutral-first, unstopped command of the lock's holder."""

import dataclasses
import math
from contextlib import suppress

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pi_webrtc_streamer.teleop.dead_man import Sight
from pi_webrtc_streamer.teleop.driving import Driving, UnknownSession
from pi_webrtc_streamer.teleop.head import Gaze, Head, HeadLimits
from pi_webrtc_streamer.teleop.limits import STANDSTILL, Limits, Velocity
from pi_webrtc_streamer.teleop.messages import (
    NEUTRAL,
    Axes,
    Command,
    Flag,
    State,
    Told,
    parse_status,
)
from pi_webrtc_streamer.teleop.motion import STOP_PERIOD, ZEROS
from pi_webrtc_streamer.teleop.stop import ResetRefused

PERIOD = 0.05
ARM, HOLD, STOP = Flag.ARM, Flag.HOLD, Flag.STOP
FORWARD = Axes(forward=1.0)
FULL_SPEED = Velocity(0.3, 0.0, 0.0)


class Robot:
    """A robot, its camera, and a clock that stands still unless it is told."""

    def __init__(self, limits: Limits | None = None, head: Head | None = None) -> None:
        self.now = 100.0
        self.sights: dict[tuple[int, int], Sight] = {}
        self.picture = 0
        self.stops = 0
        self.driving = Driving(
            limits or Limits(), lambda *picture: self.sights.get(picture), head, self._note_stop
        )
        self.shoot()

    def _note_stop(self) -> None:
        self.stops += 1

    def shoot(self, **about) -> None:
        self.picture += 1
        self.sights[0, self.picture] = Sight(self.now, 1 / 30, **about)

    def tick(self, seconds: float = PERIOD):
        self.now += seconds
        return self.driving.tick(self.now)


class Page:
    """An operator's page that does what it should, unless it is told otherwise."""

    def __init__(self, robot: Robot, tab: str = "", name: str = "Ada") -> None:
        self.robot = robot
        self.session = robot.driving.join(tab, name, "192.0.2.1", robot.now)
        self.sequence = 0
        self.look()

    def look(self):
        self.status = parse_status(self.robot.driving.status(self.session, self.robot.now))
        return self.status

    def command(self, flags: Flag = ARM, axes: Axes = NEUTRAL, **changes) -> Command:
        self.sequence += 1
        command = Command(
            self.sequence,
            flags,
            self.status.token,
            self.status.heartbeat,
            0,
            self.robot.picture,
            axes,
        )
        return dataclasses.replace(command, **changes)

    def send(self, *arguments, **changes):
        command = self.command(*arguments, **changes)
        self.robot.driving.receive(self.session, command.pack(), self.robot.now)
        return self.look()

    def arm(self):
        self.send(Flag(0))
        return self.send(ARM)

    def drive(self, seconds: float, flags: Flag = ARM | HOLD, axes: Axes = FORWARD):
        """Drive for a while, with a picture and a command in each period; returns what came out."""
        outputs = []
        for _ in range(round(seconds / PERIOD)):
            self.robot.shoot()
            self.send(flags, axes)
            outputs.append(self.robot.tick())
        return outputs


@pytest.fixture
def robot():
    return Robot()


@pytest.fixture
def page(robot):
    return Page(robot)


def test_armed_then_held_then_moving(robot, page):
    assert page.look().state is State.DISARMED
    assert page.arm().state is State.ARMED
    assert robot.tick().velocity is None, "to be armed is no reason to publish"
    speeds = [output.velocity.forward for output in page.drive(0.5)]
    assert speeds == sorted(speeds), "it accelerates"
    assert speeds[-1] == pytest.approx(0.3)
    assert page.status.state is State.DRIVING
    assert page.status.cap == pytest.approx(0.3)


def test_a_released_input_slows_down_and_zeros_come_for_a_second(robot, page):
    page.arm()
    page.drive(0.5)
    speeds = [output.velocity for output in page.drive(2.0, ARM, NEUTRAL)]
    moving = [speed for speed in speeds if speed not in (None, STANDSTILL)]
    zeros = speeds.count(STANDSTILL)
    assert len(moving) == pytest.approx(0.3 / 1.0 / PERIOD, abs=1.1)
    assert zeros == pytest.approx(ZEROS / PERIOD, abs=1.1)
    assert speeds[-1] is None
    assert page.status.state is State.ARMED


@pytest.mark.parametrize(
    ("about", "changes"),
    [
        ("an input that is held", {"axes": FORWARD}),
        ("the button alone", {"flags": ARM | HOLD}),
        ("a picture that nobody knows", {"picture": 99}),
        ("no camera", {"camera": 255}),
        ("no heartbeat", {"heartbeat": 0}),
        ("the stop", {"flags": ARM | STOP}),
    ],
)
def test_it_is_not_armed_with(page, about, changes):
    page.send(Flag(0))
    status = page.send(**changes)
    assert status.state is State.DISARMED, about
    assert status.reason


def test_it_is_not_armed_by_an_old_picture(robot, page):
    page.send(Flag(0))
    robot.tick(0.6)
    page.look()
    assert page.send(ARM).reason == "The picture is 0.6 s old."
    robot.shoot(certain=False)
    assert "clock" in page.send(ARM).reason
    robot.shoot()
    assert page.send(ARM).state is State.ARMED


FAULTS = {
    "silence": lambda robot, page: robot.tick(0.31),
    "an axis that is no number": lambda robot, page: page.send(axes=Axes(forward=math.nan)),
    "an axis beyond 1": lambda robot, page: page.send(axes=Axes(turn=1.5)),
    "another camera": lambda robot, page: (
        robot.sights.update({(1, 1): Sight(robot.now)}),
        page.send(ARM | HOLD, FORWARD, camera=1, picture=1),
    ),
    "a picture that is old": lambda robot, page: (
        robot.tick(0.29),
        page.look(),
        page.send(ARM | HOLD, FORWARD),
        robot.tick(0.25),
    ),
    "no picture": lambda robot, page: page.send(ARM | HOLD, FORWARD, picture=0),
    "a clock that is another": lambda robot, page: (
        robot.shoot(certain=False),
        page.send(ARM | HOLD, FORWARD),
    ),
    "statuses that do not arrive": lambda robot, page: [
        (
            robot.shoot(),
            robot.driving.receive(
                page.session, page.command(ARM | HOLD, FORWARD).pack(), robot.now
            ),
            robot.tick(),
        )
        for _ in range(15)
    ],
    "the end of the connection": lambda robot, page: robot.driving.leave(page.session, robot.now),
    "the page that lets go": lambda robot, page: page.send(Flag(0)),
    "the stop": lambda robot, page: robot.driving.stop("Eve", robot.now),
    "the stop of another": lambda robot, page: Page(robot, name="Eve").send(STOP),
    "deactivation": lambda robot, page: robot.driving.halt("It is over."),
    "the lock": lambda robot, page: robot.driving.change_lock(page.session, "release", robot.now),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_zero_at_once_and_stays_it(robot, page, fault):
    page.arm()
    assert page.drive(0.5)[-1].velocity == pytest.approx(FULL_SPEED)
    stops = robot.stops
    FAULTS[fault](robot, page)
    assert robot.tick().velocity == STANDSTILL, "without slowing down"
    assert robot.stops > stops, "whoever publishes is told at once"
    if robot.driving.status(page.session, robot.now):
        # What is still held does nothing; nor, without arming anew, what is let go and held again.
        outputs = page.drive(0.2)
        if fault != "the page that lets go":
            outputs += [*page.drive(0.2, ARM, NEUTRAL), *page.drive(0.2)]
        assert {output.velocity for output in outputs} <= {None, STANDSTILL}
        assert page.look().reason
        assert page.status.state is State.DISARMED


def test_then_it_can_be_armed_again(robot, page):
    page.arm()
    page.drive(0.2)
    robot.tick(0.4)
    robot.shoot()
    assert page.arm().state is State.ARMED
    assert page.drive(0.5)[-1].velocity == pytest.approx(FULL_SPEED)


def test_after_a_fault_zeros_and_then_silence(robot, page):
    page.arm()
    page.drive(0.5)
    velocities = [robot.tick().velocity for _ in range(40)]
    moving = sum(velocity not in (None, STANDSTILL) for velocity in velocities)
    assert moving == pytest.approx(0.3 / PERIOD, abs=1.1)
    assert velocities[moving:].count(STANDSTILL) == pytest.approx(ZEROS / PERIOD, abs=1.1)
    assert velocities[-1] is None


def test_a_link_of_which_all_comes_late(robot, page):
    """Two seconds of commands, in order, when the link is back."""
    page.arm()
    page.drive(0.5)
    queued = []
    for _ in range(60):
        robot.shoot()
        queued.append(page.command(ARM | HOLD, FORWARD).pack())
        robot.tick(1 / 30)
    for message in queued:
        robot.driving.receive(page.session, message, robot.now)
        assert robot.tick(0.001).velocity in (None, STANDSTILL)


def test_the_token_of_an_earlier_grant_moves_nothing(robot, page):
    other = Page(robot, name="Bob")
    page.arm()
    old = page.status.token
    robot.driving.change_lock(other.session, "ask", robot.now)
    assert page.look().told & Told.ASKED
    assert page.status.reason == "Bob asks to drive."
    robot.driving.change_lock(page.session, "grant", robot.now)
    other.arm()
    for _ in range(20):
        robot.shoot()
        other.look()
        other.send(ARM | HOLD, FORWARD, token=old)
        assert robot.tick().velocity is None


def test_who_takes_the_lock_ends_the_drive(robot, page):
    other = Page(robot, name="Bob")
    page.arm()
    page.drive(0.2)
    robot.driving.change_lock(other.session, "ask", robot.now)
    robot.driving.change_lock(other.session, "take", robot.now)
    page.drive(5.1)
    assert other.look().told & Told.MAY_TAKE
    robot.driving.change_lock(other.session, "take", robot.now)
    assert robot.tick().velocity == STANDSTILL
    assert page.look().reason == "Bob drives."
    assert other.arm().state is State.ARMED


def test_a_page_that_was_loaded_anew_has_the_lock_and_is_not_armed(robot):
    page = Page(robot, tab="t1")
    page.arm()
    page.drive(0.2)
    again = Page(robot, tab="t1")
    assert again.look().told & Told.LOCK_YOURS
    assert again.status.state is State.DISARMED
    assert robot.tick().velocity == STANDSTILL
    assert not page.look().told & Told.LOCK_YOURS


def test_the_stop_latches_and_its_reset_moves_nothing(robot, page):
    page.arm()
    page.drive(0.3)
    robot.driving.stop("Eve", robot.now)
    outputs = [robot.tick() for _ in range(100)]
    assert all(output.stopped for output in outputs)
    zeros = [output.velocity for output in outputs[40:]].count(STANDSTILL)
    assert zeros == pytest.approx(60 * PERIOD / STOP_PERIOD, abs=1.1)
    assert page.arm().reason == "Stopped by Eve."
    page.send(ARM | HOLD, FORWARD)
    with pytest.raises(ResetRefused):
        robot.driving.reset("Ada", robot.now)
    assert robot.driving.stopped
    robot.tick(0.6)
    robot.driving.reset("Ada", robot.now)
    robot.shoot()
    page.look()
    outputs = page.drive(0.5)
    assert {output.velocity for output in outputs} <= {None, STANDSTILL}
    assert not outputs[-1].stopped


def test_a_new_token_is_waited_for(robot, page):
    """The status that tells it may take longer than two commands may be apart."""
    page.send(Flag(0))
    robot.driving.receive(page.session, page.command(ARM).pack(), robot.now)
    for _ in range(16):
        robot.shoot()
        robot.driving.receive(page.session, page.command(ARM, token=0).pack(), robot.now)
        robot.tick()
    assert page.look().state is State.ARMED
    assert page.drive(0.2)[-1].velocity.forward > 0


def test_who_sees_late_drives_slowly():
    robot = Robot(Limits(speed=1.0))
    page = Page(robot)
    page.arm()
    for _ in range(40):
        robot.sights[0, robot.picture + 1] = Sight(robot.now - 0.4, 1 / 30)
        robot.picture += 1
        page.send(ARM | HOLD, FORWARD)
        output = robot.tick()
    assert output.velocity.forward == pytest.approx(0.25 / 0.45, abs=0.01)
    assert page.look().loop_age == pytest.approx(0.45)
    assert page.status.cap == pytest.approx(0.25 / 0.45, abs=0.01)


def test_the_head_moves_and_leaves_the_wheels_to_others():
    head = Head(HeadLimits())
    robot = Robot(head=head)
    page = Page(robot)
    page.arm()
    page.drive(0.1, axes=Axes(pan=1.0))
    assert page.status.reason == "Nobody tells where the head's joints are."
    robot.driving.measure_head(Gaze(0.2, 0.0))
    outputs = page.drive(0.2, axes=Axes(pan=1.0))
    assert outputs[-1].gaze.pan == pytest.approx(0.4)
    assert {output.velocity for output in outputs} == {None}
    robot.tick(0.4)
    assert robot.tick().gaze is None


def test_what_everybody_may_know(robot, page):
    assert robot.driving.describe()["driver"] is None
    page.arm()
    described = robot.driving.describe()
    assert described["state"] == "armed"
    assert described["driver"] == {"number": 1, "name": "Ada"}


def test_sessions_that_are_no_more(robot, page):
    robot.driving.leave(page.session, robot.now)
    robot.driving.leave(page.session, robot.now)
    robot.driving.receive(page.session, b"", robot.now)
    assert robot.driving.status(page.session, robot.now) == b""
    with pytest.raises(UnknownSession):
        robot.driving.change_lock(page.session, "ask", robot.now)


def test_a_lock_is_asked_for_in_known_words(robot, page):
    with pytest.raises(ValueError, match="none of"):
        robot.driving.change_lock(page.session, "steal", robot.now)


@dataclasses.dataclass
class Sent:
    """A message on its way, and whose."""

    session: str
    command: Command


class AnythingMayHappen(RuleBasedStateMachine):
    """Two pages, a network that loses, delays, doubles and reorders, a camera that stops."""

    @initialize()
    def begin(self):
        self.robot = Robot()
        self.pages = [Page(self.robot, "a", "Ada"), Page(self.robot, "b", "Bob")]
        self.on_the_way: list[Sent] = []
        self.received: list[tuple[float, Sent]] = []
        self.beats = {page.session: {} for page in self.pages}
        self.disarmed_at = {page.session: 0 for page in self.pages}
        self.output = None
        self.see()

    who = st.integers(0, 1)
    level = st.sampled_from([Flag(0), ARM, ARM, ARM | HOLD, ARM | HOLD, HOLD, ARM | STOP])

    def see(self):
        """Let each page be told, and note when it was told that it is not armed."""
        for page in self.pages:
            status = page.look()
            self.beats[page.session][status.heartbeat] = self.robot.now
            if status.state is State.DISARMED:
                self.disarmed_at[page.session] = len(self.received)

    def deliver(self, sent: Sent):
        self.received.append((self.robot.now, sent))
        self.robot.driving.receive(sent.session, sent.command.pack(), self.robot.now)

    @rule(who=who, flags=level, forward=st.sampled_from([0.0, 1.0, -0.5]), late=st.booleans())
    def send(self, who, flags, forward, late):
        page = self.pages[who]
        sent = Sent(page.session, page.command(flags, Axes(forward=forward)))
        if late:
            self.on_the_way.append(sent)
        else:
            self.deliver(sent)

    @rule(who=who, seconds=st.sampled_from([0.1, 0.5, 1.2]))
    def drive(self, who, seconds):
        page = self.pages[who]
        for step in range(round(seconds / PERIOD)):
            self.robot.shoot()
            self.see()
            flags = Flag(0) if step == 0 else ARM if step < 3 else ARM | HOLD
            axes = Axes(forward=1.0) if step >= 3 else NEUTRAL
            self.deliver(Sent(page.session, page.command(flags, axes)))
            self.output = self.robot.tick()
            self.nothing_moves_without_a_reason()

    @rule(place=st.integers(0, 99), keep=st.booleans())
    def arrive(self, place, keep):
        if self.on_the_way:
            place %= len(self.on_the_way)
            self.deliver(self.on_the_way[place] if keep else self.on_the_way.pop(place))

    @rule(seconds=st.sampled_from([0.001, 0.03, 0.05, 0.2, 0.4, 2.0]))
    def wait(self, seconds):
        self.output = self.robot.tick(seconds)

    @rule(certain=st.booleans())
    def shoot(self, certain):
        self.robot.shoot(certain=certain)

    @rule()
    def look(self):
        self.see()

    @rule(who=who)
    def stop(self, who):
        self.robot.driving.stop(self.pages[who].session, self.robot.now)

    @rule()
    def reset(self):
        with suppress(ResetRefused):
            self.robot.driving.reset("somebody", self.robot.now)
            assert not self.robot.driving.stopped

    @rule(who=who, what=st.sampled_from(["ask", "grant", "keep", "take", "release"]))
    def change_lock(self, who, what):
        self.robot.driving.change_lock(self.pages[who].session, what, self.robot.now)

    @invariant()
    def nothing_moves_without_a_reason(self):
        output = getattr(self, "output", None)
        if output is None or output.velocity in (None, STANDSTILL):
            return
        robot, now, limits = self.robot, self.robot.now, self.robot.driving.limits
        self.output = None  # it was of this moment
        assert not robot.driving.stopped
        statuses = {page.session: page.look() for page in self.pages}
        (driver,) = [s for s, status in statuses.items() if status.told & Told.LOCK_YOURS]
        for session, status in statuses.items():
            self.beats[session][status.heartbeat] = now
        assert statuses[driver].state is not State.DISARMED
        of_driver = [(at, s.command) for at, s in self.received if s.session == driver]
        assert any(
            at >= now - limits.command_gap
            and command.flags & ARM
            and not command.flags & STOP
            and command.token == statuses[driver].token
            and self.beats[driver].get(command.heartbeat, -1) >= now - limits.command_age
            and (sight := robot.sights[0, command.picture]).certain
            and now - sight.captured <= limits.picture_age
            for at, command in of_driver
        ), "by a fresh command of the holder, with a fresh picture"
        since = [s.command for _, s in self.received[self.disarmed_at[driver] :]]
        assert any(command.neutral and command.flags & ARM for command in since), "neutral first"
        assert abs(output.velocity.forward) <= limits.speed * limits.fast_factor


AnythingMayHappen.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestAnythingMayHappen = AnythingMayHappen.TestCase
