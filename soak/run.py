# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The soak test itself: what happens when, what is measured, and when everybody has to go."""

from __future__ import annotations

import math
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from .events import EVENTS, Event, Scene, join
from .robot import CHANGING, STEADY, Robot, kernel_figures
from .samples import COUNTS, NONE_AT_REST, Sample, heading, row
from .verdict import Verdict, judge

EVERY = 10.0  # seconds between rows
QUIET_EVERY = 50.0  # seconds between the points when everybody has gone
LONGEST_PAUSE = 1.5  # seconds between two events
# Share of the time, at least; every kind of event has to have happened as well. In two runs of an
# hour the heap had grown to its plateau after a quarter of it.
WARM_UP = 0.25
BASE_OVER = 3.0  # seconds; a connection of ours may be counted at one moment and not at another
AT_REST_WITHIN = 20.0  # seconds; a session that nobody connects to stays for 10
ATTEMPTS = 3
# asyncio's pool, for files and names, starts a thread when all that it has are busy, and keeps it.
# One is there at the base; how many more may come is not up to the bridge.
POOL = min(32, (os.cpu_count() or 1) + 4) - 1
LOOK_EVERY = 0.25  # seconds

Progress = Callable[[str], object]


@dataclass
class Soak:
    """One run. ``stop`` is set to end it early: with a verdict on what there is.

    ``events`` are those that happen, each with how often, beside the others.
    """

    minutes: float
    seed: int
    progress: Progress
    events: Mapping[Event, int] = field(default_factory=lambda: EVENTS)
    stop: threading.Event = field(default_factory=threading.Event)
    samples: list[Sample] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)
    history: list[tuple[float, str]] = field(default_factory=list)  # seconds, event
    base: dict[str, int] | None = None
    warm_since: float = math.inf  # seconds; when the warm-up was over

    def run(self, scene: Scene) -> None:
        """Let things happen until the time is over.

        :raises RuntimeError: if something failed that must not, with what and why.
        """
        self._begun = time.monotonic()
        self.progress(heading())
        with self._taking_samples(scene.robot):
            self._warm_up(scene)
            while not self._over(1.0):
                self._let_happen(scene, self._random_events(scene), until=QUIET_EVERY)
                self._quiet_point(scene)

    def verdict(self, complaints: list[str]) -> Verdict:
        """Judge what was measured."""
        return judge(self.samples, self.base, self.warm_since, complaints)

    def _warm_up(self, scene: Scene) -> None:
        """Let everything happen at least once, for long enough; then there is a base."""
        once = list(self.events)
        scene.random.shuffle(once)
        self._let_happen(scene, iter(once), until=math.inf)
        while not self._over(WARM_UP):
            self._quiet_point(scene)
            self._let_happen(scene, self._random_events(scene), until=QUIET_EVERY)
        if not self.stop.is_set():
            self._find_base(scene)

    def _random_events(self, scene: Scene) -> Iterator[Event]:
        events, weights = list(self.events), list(self.events.values())
        while True:
            yield scene.random.choices(events, weights)[0]

    def _let_happen(self, scene: Scene, events: Iterator[Event], until: float) -> None:
        """Let one event after the other happen, for so many seconds or till there is none."""
        deadline = time.monotonic() + until
        for event in events:
            if self.stop.is_set() or (self.base is not None and self._over(1.0)):
                return
            self.history.append((time.monotonic() - self._begun, event.__name__))
            try:
                event(scene)
            except Exception as error:
                raise RuntimeError(f"{event.__name__}: {error}") from error
            self.happened[event.__name__] += 1
            if time.monotonic() > deadline:
                return
            self.stop.wait(scene.random.uniform(0, LONGEST_PAUSE))

    def _quiet_point(self, scene: Scene) -> Sample:
        """Let everybody leave, wait until the bridge is at rest, and measure.

        A viewer comes and leaves last: after each point the bridge is then in the same state,
        whether it has just been activated or not. Should something be held, one more does, up to
        three: Python's garbage collector passes when the last viewer has gone, and perhaps a moment
        too early.
        """
        scene.everybody_leaves()
        for _ in range(ATTEMPTS):
            join(scene)
            scene.everybody_leaves()
            sample = self._measure_at_rest(scene.robot)
            if at_rest(sample, self.base):
                break
        self._keep(sample)
        return sample

    def _measure_at_rest(self, robot: Robot) -> Sample:
        """Measure when the bridge is at rest, or when that takes too long."""
        deadline = time.monotonic() + AT_REST_WITHIN
        while True:
            sample = self._measure(robot, quiet=True)
            if at_rest(sample, self.base) or time.monotonic() > deadline:
                return sample
            time.sleep(LOOK_EVERY)

    def _find_base(self, scene: Scene) -> None:
        """Take what is held at a quiet point, and for some time after, for the base."""
        first = self._quiet_point(scene)
        self.base, self.warm_since = first.counts(), first.seconds
        until = time.monotonic() + BASE_OVER
        while time.monotonic() < until:
            counts = self._measure(scene.robot).counts()
            self.base = {name: max(counts[name], self.base[name]) for name in COUNTS}
            time.sleep(LOOK_EVERY)
        self.base["threads"] += POOL
        self.progress("the warm-up is over; the base: " + in_words(self.base))

    def _over(self, share: float) -> bool:
        """Whether a share of the time is over, or the test is to end."""
        elapsed = time.monotonic() - self._begun
        return self.stop.is_set() or elapsed >= share * 60 * self.minutes

    @contextmanager
    def _taking_samples(self, robot: Robot) -> Iterator[None]:
        ended = threading.Event()

        def take() -> None:
            while not ended.wait(EVERY):
                try:
                    self._keep(self._measure(robot))
                except (OSError, RuntimeError) as error:
                    self.progress(f"no row: {error}")  # the next quiet point fails if it must

        thread = threading.Thread(target=take, name="samples")
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _measure(self, robot: Robot, quiet: bool = False) -> Sample:
        stats = robot.stats()
        bridge = kernel_figures(robot.bridge.process.pid)
        cameras = {name: _camera_figures(robot, name) for name in (STEADY, CHANGING)}
        return Sample(
            seconds=time.monotonic() - self._begun,
            quiet=quiet,
            events=self.happened.total(),
            memory=bridge["memory"] / 1e6,
            anonymous=bridge["anonymous"] / 1e6,
            heap=stats["memory"].get("heap", math.nan) / 1e6,
            blocks=stats["memory"]["python_blocks"],
            viewers=len(stats.get("viewers", ())),
            overwritten=sum(camera["overwritten"] for camera in stats["frames"].values()),
            threads=bridge["threads"],
            descriptors=bridge["descriptors"],
            **{name: stats["held"][name] for name in FROM_BRIDGE},
            **{
                f"{name}_{key}": value
                for name, figures in cameras.items()
                for key, value in figures.items()
            },
        )

    def _keep(self, sample: Sample) -> None:
        self.samples.append(sample)
        self.progress(row(sample))


FROM_BRIDGE = ("frames", "pictures", "encoders", "peers", "tasks", "sockets")


def at_rest(sample: Sample, base: Mapping[str, int] | None) -> bool:
    """Whether nothing is held for viewers and, with a base, nothing is above it."""
    counts = sample.counts()
    if base is None:
        return not any(counts[name] for name in NONE_AT_REST)
    return all(counts[name] <= base[name] for name in COUNTS)


def in_words(counts: Mapping[str, int]) -> str:
    """Return counts as a list."""
    return ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counts.items())


def _camera_figures(robot: Robot, name: str) -> dict[str, float]:
    camera = robot.cameras.get(name)
    if camera is not None:
        with suppress(FileNotFoundError, KeyError, ProcessLookupError):  # it is ending
            figures = kernel_figures(camera.process.pid)
            return {
                "memory": figures["memory"] / 1e6,
                "threads": figures["threads"],
                "descriptors": figures["descriptors"],
            }
    return {"memory": math.nan, "threads": 0, "descriptors": 0}
