"""A moving test picture that needs no hardware."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from ..settings.schema import Setting, SettingsError, Value
from . import barcode
from .source import Picture, Plane, sleep_until

NEUTRAL = 128

# (Y, U, V) in full-range BT.601: white, yellow, cyan, green, magenta, red, blue, black at 75 %.
COLOUR_BARS = (
    (191, 128, 128),
    (169, 32, 144),
    (134, 160, 32),
    (112, 64, 48),
    (79, 192, 208),
    (57, 96, 224),
    (22, 224, 112),
    (0, 128, 128),
)


class PatternSource:
    """Colour bars, a grey ramp, a moving block, and the capture time as a barcode."""

    def __init__(self, width: int, height: int, framerate: float) -> None:
        self._width, self._height = width, height
        self._period = 1 / framerate
        self._due = 0.0
        self._count = 0
        self._background = _background(width, height)

    @property
    def description(self) -> str:
        """What is captured."""
        return f"test pattern, {self._width}x{self._height}"

    @property
    def controls(self) -> Mapping[str, tuple[Setting, Value | None]]:
        """A pattern has none."""
        return {}

    def set_control(self, name: str, value: Value) -> None:
        """A pattern has none."""
        raise SettingsError(f"the test pattern has no control {name}")

    def set_framerate(self, framerate: float) -> None:
        """Change the rate at once."""
        self._period = 1 / framerate

    def start(self) -> None:
        """Begin with a picture at once."""
        self._due = time.monotonic()

    def stop(self) -> None:
        """Nothing runs between two pictures."""

    @contextmanager
    def capture(self) -> Iterator[Picture | None]:
        """Wait until the next picture is due, and draw it."""
        if not sleep_until(self._due):
            yield None
            return
        # A picture that is late does not hurry the ones behind it.
        self._due = max(self._due, time.monotonic() - self._period) + self._period
        yield self._draw(time.time_ns())

    def close(self) -> None:
        """Nothing is held."""

    def _draw(self, stamp: int) -> Picture:
        y, u, v = (plane.copy() for plane in self._background)
        self._count += 1
        side = max(8, self._height // 8) // 2 * 2
        left = self._count * 4 % max(1, self._width - side) // 2 * 2
        top = self._height * 5 // 8 // 2 * 2
        y[top : top + side, left : left + side] = barcode.WHITE
        u[top // 2 : (top + side) // 2, left // 2 : (left + side) // 2] = NEUTRAL
        v[top // 2 : (top + side) // 2, left // 2 : (left + side) // 2] = NEUTRAL
        barcode.draw(y, stamp)
        return Picture(y, u, v, stamp)


def ramp_rows(height: int) -> slice:
    """Return the rows of the grey ramp, which goes from black at the left to white."""
    return slice(height * 13 // 16 // 2 * 2, height)


def bar_rows(height: int) -> slice:
    """Return the rows of the colour bars."""
    return slice(min(barcode.LARGE, height // 2), height * 9 // 16 // 2 * 2)


def _background(width: int, height: int) -> tuple[Plane, Plane, Plane]:
    y = np.full((height, width), 64, np.uint8)
    u = np.full(((height + 1) // 2, (width + 1) // 2), NEUTRAL, np.uint8)
    v = u.copy()
    bars, ramp = bar_rows(height), ramp_rows(height)
    bar = np.arange(width) * len(COLOUR_BARS) // width
    chroma_rows = slice(bars.start // 2, bars.stop // 2)
    luma, blue, red = np.array(COLOUR_BARS, np.uint8).T
    y[bars] = luma[bar]
    u[chroma_rows] = blue[bar[::2]]
    v[chroma_rows] = red[bar[::2]]
    y[ramp] = np.linspace(0, 255, width).round().astype(np.uint8)
    return y, u, v
