# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Breaks one step of our own code at a time: a step of an exit stack, or a wait of a task; and what
was caught of our own faults.
"""

import asyncio
import inspect
from collections import OrderedDict
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import pi_webrtc_streamer
from pi_webrtc_streamer.runtime import owning
from pi_webrtc_streamer.runtime.faults import faults

PACKAGE = str(Path(pi_webrtc_streamer.__file__).parent)

Step = tuple[owning.Moment, str]


class InjectedError(Exception):
    """What a broken step raises."""


def forget_faults(patch: pytest.MonkeyPatch) -> None:
    """Let the process have met no fault yet."""
    patch.setattr(faults, "total", 0)
    patch.setattr(faults, "_counts", OrderedDict())


@contextmanager
def steps_recorded() -> Iterator[list[Step]]:
    """Note every step that is taken in this context, in order and each of them once."""
    steps: list[Step] = []

    def note(*step) -> None:
        if step not in steps:
            steps.append(step)

    with _observing(note):
        yield steps


@contextmanager
def step_broken(broken: Step) -> Iterator[list[Step]]:
    """Let a step raise the first time that it is taken; yields what was broken."""
    done: list[Step] = []

    def break_it(*step) -> None:
        if step == broken and not done:
            done.append(step)
            raise InjectedError(f"{step} is broken")

    with _observing(break_it):
        yield done


@contextmanager
def _observing(observer) -> Iterator[None]:
    assert owning.observer is None
    owning.observer = observer
    try:
        yield
    finally:
        owning.observer = None


Wait = tuple[str, ...]  # where a task waits: each coroutine's file and line, from the outermost in

# They wait for time to pass, again and again, and not for something to be done.
FOR_EVER = ("Viewers._control_rates",)


class Waits:
    """The waits of the tasks that our code starts in an event loop, and one of them to break.

    A task waits wherever it hands over to the loop, in our code or in what that calls. ``how`` is
    "raise", "cancel" (as Task.cancel does) or "hang" (until the task is cancelled).
    """

    def __init__(self, broken: Wait | None = None, how: str = "") -> None:
        self.found: list[Wait] = []
        self.done = False
        self._broken = broken
        self._how = how

    @contextmanager
    def watched(self, loop: asyncio.AbstractEventLoop) -> Iterator["Waits"]:
        """Watch the tasks that are started in this context."""
        loop.set_task_factory(self.make_task)
        try:
            yield self
        finally:
            loop.set_task_factory(None)

    def meet(self, wait: Wait) -> str:
        """Note a wait; returns how it is to be broken."""
        if wait not in self.found:
            self.found.append(wait)
        if wait != self._broken or self.done:
            return ""
        self.done = True
        return self._how

    def make_task(self, loop, coroutine, **options) -> asyncio.Task:
        """Start a task, as a loop's task factory."""
        if _is_ours(coroutine) and coroutine.__qualname__ not in FOR_EVER:
            coroutine = _run(_Driven(self, coroutine, loop))
        return asyncio.Task(coroutine, loop=loop, **options)


def _is_ours(coroutine) -> bool:
    return inspect.iscoroutine(coroutine) and coroutine.cr_code.co_filename.startswith(PACKAGE)


async def _run(driven: "_Driven"):
    return await driven


class _Driven:
    """Runs a coroutine, and breaks one of its waits."""

    def __init__(self, waits: Waits, coroutine: Coroutine, loop: asyncio.AbstractEventLoop) -> None:
        self._waits = waits
        self._coroutine = coroutine
        self._loop = loop

    def __await__(self):
        go_on, argument = self._coroutine.send, None
        while True:
            try:
                waited_for = go_on(argument)
            except StopIteration as end:
                return end.value
            wait = place_of(self._coroutine)
            how = self._waits.meet(wait)
            try:
                if how == "raise":
                    raise InjectedError(f"broken while it waits: {wait}")
                if how == "cancel":
                    asyncio.current_task(self._loop).cancel()
                if how == "hang":
                    yield from self._loop.create_future()
                go_on, argument = self._coroutine.send, (yield waited_for)
            except BaseException as error:
                go_on, argument = self._coroutine.throw, error


def place_of(coroutine) -> Wait:
    """Return where a coroutine waits."""
    place = []
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None)
        if frame is not None and "asyncio" not in frame.f_code.co_filename:
            place.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}")
            place += [what] if (what := frame.f_locals.get("what")) else []  # that is given back
        coroutine = getattr(coroutine, "cr_await", None)
    return tuple(place)
