# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""All of driving by hand: operators, their lock, the dead-man, the stop, and what is published.

Two threads work on it: the event loop brings what operators send, and the thread that publishes
asks, 20 times a second and when a command gets old, what to publish (:meth:`Driving.tick`). A loop
that stands still so ends in zeros. Each call takes the one mutex for some microseconds.
"""

from __future__ import annotations

import logging
import math
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from logging import INFO, WARNING
from typing import TypeAlias

from ..runtime.rate_limit import RateLimit
from .dead_man import DeadMan, Given, Sight
from .head import Gaze, Head
from .heartbeats import Heartbeats
from .limits import Limits, Velocity
from .lock import Lock, Operator
from .messages import NOTHING, Command, Flag, MessageError, State, Status, Told, parse_command
from .motion import Motion
from .stop import StopLatch

logger = logging.getLogger(__name__)

LONGEST_STEP = 0.1  # seconds that an acceleration can have lasted: the thread may have been held up

# Returns the picture of a camera, by its place in the list, with an RTP timestamp.
FindSight: TypeAlias = Callable[[int, int], Sight | None]


class UnknownSession(LookupError):
    """There is no such control connection any more."""


@dataclass(frozen=True)
class Surroundings:
    """What the robot tells: who listens to the commands, how fast it is (m/s), its battery (0..1).

    ``problem`` says what is wrong with who listens.
    """

    topic: str = ""
    type: str = ""
    subscribers: int = 0
    problem: str = ""
    odometry: float = math.nan
    battery: float = math.nan


@dataclass(frozen=True)
class Output:
    """What is to be published now: None is silence. It holds until ``lapses``, at the most."""

    velocity: Velocity | None
    gaze: Gaze | None
    stopped: bool
    lapses: float = math.inf


@dataclass
class _Seat:
    """What is known of one operator's connection."""

    operator: Operator
    heartbeats: Heartbeats = field(default_factory=Heartbeats)
    complaints: RateLimit = field(default_factory=lambda: RateLimit(0.2, 1))
    sequence: int = 0
    heard: float = 0.0
    ready: bool = False  # whether it was not armed, and did not want to be, for one message
    reason: str = ""  # why it is not armed


class Driving:
    """What the operators do, and what the robot is told.

    ``on_change`` is called, with the mutex held, when there is reason to publish at once: an input
    is held now or let go, or somebody is armed, or no longer.
    """

    def __init__(
        self,
        limits: Limits,
        find_sight: FindSight,
        head: Head | None = None,
        on_change: Callable[[], object] = lambda: None,
    ) -> None:
        self.limits = limits
        self.surroundings = Surroundings()
        self._find_sight = find_sight
        self._head = head
        self.on_change = on_change
        self._mutex = threading.Lock()
        self._news: deque[tuple[int, str]] = deque()
        self._seats: dict[str, _Seat] = {}
        self._numbers = 0
        self._driver: _Seat | None = None  # who is armed
        self._dead_man = DeadMan(limits)
        self._lock = Lock()
        self._stop = StopLatch()
        self._motion = Motion(limits)
        self._ticked: float | None = None

    @contextmanager
    def _working(self) -> Iterator[None]:
        """Hold the mutex; and log what there is to say after it: a terminal may take its time."""
        with self._mutex:
            yield
        self.tell_news()

    def tell_news(self) -> None:
        """Log what has happened; not with the mutex held, and not before it is published."""
        while self._news:
            with suppress(IndexError):  # another thread has said it meanwhile
                logger.log(*self._news.popleft())

    # ---- Operators come and go

    def join(self, tab: str, name: str, address: str, now: float, slow: bool = False) -> str:
        """Take an operator in; returns the session's id, which is told to nobody else.

        ``slow`` says that messages come by TCP.
        """
        with self._working():
            self._numbers += 1
            session = secrets.token_urlsafe(12)
            operator = Operator(session, self._numbers, tab, name or address)
            self._seats[session] = _Seat(operator, heard=now)
            self._say(f"{operator.name} may drive{', by WebSocket' if slow else ''}")
            return session

    def leave(self, session: str, now: float) -> None:
        """Let an operator go; a robot that they drive stops at once."""
        with self._working():
            seat = self._seats.pop(session, None)
            if seat is not None:
                if seat is self._driver:
                    self._disarm("The driver's connection ended.")
                self._lock.leave(seat.operator, now)

    # ---- What operators send

    def receive(self, session: str, message: bytes, now: float) -> None:
        """Take a message; one that is no command ends its sender's drive."""
        with self._working():
            seat = self._seats.get(session)
            if seat is None:
                return
            try:
                self._take(seat, parse_command(message), now)
            except MessageError as error:
                if seat.complaints.allow(now):
                    self._say(f"a command of {seat.operator.name} is refused: {error}", WARNING)
                self._refuse(seat, f"A command was refused: {error}.")

    def _take(self, seat: _Seat, command: Command, now: float) -> None:
        if not command.neutral:
            self._stop.note_input(now)
        if command.flags & Flag.STOP:  # however late it comes
            self._press_stop(seat.operator.name, now)
        if command.sequence <= seat.sequence:
            return
        seat.sequence, seat.heard = command.sequence, now
        self._lock.hear(seat.operator, now)
        if not command.flags & Flag.ARM:
            if seat is self._driver:
                self._disarm("")
            seat.ready = True
        elif seat is self._driver:
            self._drive(seat, command, now)
        elif seat.ready:
            seat.reason = self._arm(seat, command, now)

    def _given(self, seat: _Seat, command: Command, now: float) -> Given | str:
        """Return what a command gives, or why it gives nothing."""
        sent = seat.heartbeats.sent(command.heartbeat)
        if sent is None:
            return "Nothing arrives from the robot, or much too late."
        sight = self._find_sight(command.camera, command.picture)
        if sight is None:
            return "No picture is shown by which to drive."
        return Given(command, now, sent, sight)

    def _arm(self, seat: _Seat, command: Command, now: float) -> str:
        """Arm an operator; returns why not, "" if they are."""
        if self._stop.stopped:
            return f"Stopped by {self._stop.by}: reset it first."
        given = self._given(seat, command, now)
        if isinstance(given, str):
            return given
        if why := self._dead_man.refusal_to_arm(given):
            return why
        if not self._lock.take(seat.operator, now):
            return self._others_drive()
        self._dead_man.arm(given)
        self._driver, seat.ready = seat, False
        self._say(f"{seat.operator.name} is armed")
        self.on_change()
        return ""

    def _drive(self, seat: _Seat, command: Command, now: float) -> None:
        if command.token != self._lock.token:
            return  # the status that tells it is under way; the dead-man knows how long to wait
        given = self._given(seat, command, now)
        if not isinstance(given, str):
            if command.camera != self._dead_man.camera():
                given = "Another camera was chosen."
            elif now - given.sent > self.limits.command_age:
                return  # a late one says nothing of those that may follow; silence counts on
            elif why := self._dead_man.refusal(given):
                given = why
        if isinstance(given, str):
            self._disarm(given)
        else:
            before = self._dead_man.state
            self._dead_man.give(given)
            if self._dead_man.state is not before:
                self.on_change()

    def _refuse(self, seat: _Seat, why: str) -> None:
        if seat is self._driver:
            self._disarm(why)
        seat.reason = why

    def _disarm(self, why: str) -> None:
        """Stop at once, and say why; what is held does nothing until it was let go."""
        if self._driver is not None:
            self._driver.reason = why
            self._driver.ready = False
            self._say(f"{self._driver.operator.name} no longer drives: {why or 'let go'}")
        self._driver = None
        self._dead_man.disarm()
        self._motion.halt()
        self.on_change()

    def _say(self, text: str, level: int = INFO) -> None:
        self._news.append((level, text))

    # ---- The lock

    def change_lock(self, session: str, what: str, now: float) -> None:
        """Ask for the lock, take it after no answer, hand it over, keep it, or release it.

        :raises UnknownSession: if there is no such session.
        :raises ValueError: if that is none of ask, take, grant, keep and release.
        """
        with self._working():
            seat = self._seats.get(session)
            if seat is None:
                raise UnknownSession("there is no such control connection any more")
            operator = seat.operator
            if what == "ask":
                self._lock.ask(operator, now)
            elif what == "take":
                self._lock.take_over(operator, now)
            elif what == "grant":
                self._lock.hand_over(operator, now)
            elif what == "keep":
                self._lock.keep(operator)
            elif what == "release":
                self._lock.leave(operator, now)
            else:
                raise ValueError(f'"{what}" is none of ask, take, grant, keep, release')
            self._follow_lock()

    def _follow_lock(self) -> None:
        """Disarm who has lost the lock."""
        if self._driver is not None and not self._lock.held_by(self._driver.operator):
            holder = self._lock.holder
            self._disarm(f"{holder.name} drives now." if holder else "The lock went.")

    def _others_drive(self) -> str:
        return f"{self._lock.holder.name} drives." if self._lock.holder is not None else ""

    # ---- Stop

    @property
    def idle(self) -> bool:
        """Whether nothing is published, and nobody could move anything with the next message."""
        return self._driver is None and self._motion.is_over(self._ticked or 0.0)

    @property
    def stopped(self) -> bool:
        """Whether somebody has stopped the robot."""
        return self._stop.stopped

    def stop(self, by: str, now: float) -> None:
        """Stop, until :meth:`reset`."""
        with self._working():
            self._press_stop(by, now)

    def _press_stop(self, by: str, now: float) -> None:
        if not self._stop.stopped:
            self._say(f"stopped by {by}", WARNING)
        self._stop.press(by, now)
        self._disarm(f"Stopped by {self._stop.by}.")

    def reset(self, by: str, now: float) -> None:
        """Let the stop go; nothing moves by that.

        :raises ResetRefused: while an input is not neutral.
        """
        with self._working():
            was_stopped = self._stop.stopped
            self._stop.reset(now)
            if was_stopped:
                self._say(f"the stop was reset by {by}", WARNING)

    def halt(self, why: str) -> None:
        """Disarm, since driving is about to end."""
        with self._working():
            self._disarm(why)

    # ---- What the robot is told

    def measure_head(self, gaze: Gaze) -> None:
        """Note where the head is."""
        with self._working():
            if self._head is not None:
                self._head.measure(gaze)

    def tick(self, now: float) -> Output:
        """Return what is to be published now; :meth:`tell_news` comes after that."""
        with self._mutex:
            passed = 0.0 if self._ticked is None else min(LONGEST_STEP, now - self._ticked)
            self._ticked = now
            self._lock.tick(now)
            self._follow_lock()
            doubt = self._dead_man.doubt(now)
            if doubt:
                self._disarm(doubt)
            gaze = None
            if self._driver is not None:
                self._motion.approach(self._dead_man.wanted(now), passed)
                gaze = self._head.step(*self._dead_man.head(), passed) if self._head else None
            stopped = self._stop.stopped
            velocity = self._motion.output(now, stopped=stopped)
            return Output(velocity, gaze, stopped, self._dead_man.lapses)

    # ---- What operators are told

    def status(self, session: str, now: float) -> bytes:
        """Return the next status for an operator; b"" if there is no such session."""
        with self._working():
            seat = self._seats.get(session)
            if seat is None:
                return b""
            if not seat.heartbeats.counter:  # it is connected: now it counts
                self._lock.join(seat.operator, now)
                self._follow_lock()
            return self._status(seat, now).pack()

    def _status(self, seat: _Seat, now: float) -> Status:
        drives = seat is self._driver
        age = self._dead_man.loop_age(now) if drives else None
        around, flags = self.surroundings, self._dead_man.flags if drives else NOTHING
        velocity = self._motion.velocity
        return Status(
            state=self._dead_man.state if drives else State.DISARMED,
            told=self._told(seat, now),
            heartbeat=seat.heartbeats.beat(now),
            token=self._lock.token if self._lock.held_by(seat.operator) else 0,
            echo=seat.sequence,
            since_echo=now - seat.heard,
            time=now,
            loop_age=math.nan if age is None else age,
            forward=velocity.forward,
            left=velocity.left,
            turn=velocity.turn,
            cap=self.limits.speed * self.limits.factor(flags, age or 0.0),
            odometry=around.odometry,
            battery=around.battery,
            reason=self._reason(seat),
        )

    def _told(self, seat: _Seat, now: float) -> Told:
        lock, operator = self._lock, seat.operator
        yours = lock.held_by(operator)
        told = Told(0)
        for flag, holds in (
            (Told.STOPPED, self._stop.stopped),
            (Told.LOCK_YOURS, yours),
            (Told.LOCK_OTHERS, lock.holder is not None and not yours),
            (Told.ASKED, yours and lock.asker is not None),
            (Told.MAY_TAKE, lock.may_take(operator, now)),
            (Told.LISTENED, self.surroundings.subscribers > 0),
        ):
            if holds:
                told |= flag
        return told

    def _reason(self, seat: _Seat) -> str:
        if self._stop.stopped:
            return f"Stopped by {self._stop.by}."
        if self._lock.held_by(seat.operator) and self._lock.asker is not None:
            return f"{self._lock.asker.name} asks to drive."
        if seat is self._driver and self._head is not None and any(self._dead_man.head()):
            return "" if self._head.known else "Nobody tells where the head's joints are."
        if seat is self._driver:
            return ""
        others = "" if self._lock.held_by(seat.operator) else self._others_drive()
        return others or seat.reason

    def describe(self) -> dict[str, object]:
        """Return what everybody may know."""
        with self._working():
            holder, asker, around = self._lock.holder, self._lock.asker, self.surroundings
            return {
                "state": str(self._dead_man.state),
                "stopped": self._stop.stopped,
                "reason": f"Stopped by {self._stop.by}." if self._stop.stopped else "",
                "driver": holder and {"number": holder.number, "name": holder.name},
                "asking": asker and {"number": asker.number, "name": asker.name},
                "topic": around.topic,
                "type": around.type,
                "subscribers": around.subscribers,
                "problem": around.problem,
            }
