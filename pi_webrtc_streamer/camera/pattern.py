# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A moving test picture that needs no hardware."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import numpy as np

from ..settings.schema import Setting, SettingsError, Value
from . import barcode
from .source import Beat, Picture, Plane

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


TEXTURE_CONTRAST = 56  # of luma, around the middle
NOISE_DEVIATION = 4.0  # of luma: a small sensor's in the light of a room
TEXTURE_STEP = 2  # pixels that the texture scrolls from picture to picture
SEED = 1  # the texture and the noise are the same in every run
AHEAD = 8  # pictures that are drawn ahead: 11 MB at 1280x720


class PatternSource:
    """Colour bars, a grey ramp, a moving block, and the capture time as a barcode.

    ``busy`` puts a scrolling texture with noise like a sensor's between bars and ramp, so that an
    encoder uses the bitrate that it is given, as it does for a real camera.
    """

    def __init__(self, width: int, height: int, framerate: float, busy: bool = False) -> None:
        self._width, self._height = width, height
        self._busy = _BusyArea(width, busy_rows(height)) if busy else None
        self._beat = Beat(framerate)
        self._count = 0
        self._background = _background(width, height)

    @property
    def description(self) -> str:
        """What is captured."""
        kind = "busy test pattern" if self._busy else "test pattern"
        return f"{kind}, {self._width}x{self._height}"

    @property
    def hardware_id(self) -> str:
        """There is no device."""
        return "test pattern"

    @property
    def framerate(self) -> float:
        """Pictures a second."""
        return self._beat.framerate

    @property
    def controls(self) -> Mapping[str, tuple[Setting, Value | None]]:
        """A pattern has none."""
        return {}

    def set_control(self, name: str, value: Value) -> None:
        """A pattern has none."""
        raise SettingsError(f"the test pattern has no control {name}")

    def set_framerate(self, framerate: float) -> None:
        """Change the rate at once."""
        self._beat.framerate = framerate

    def start(self) -> None:
        """Begin with a picture at once."""
        self._beat.start()

    def stop(self) -> None:
        """Nothing runs between two pictures."""

    @contextmanager
    def capture(self) -> Iterator[Picture | None]:
        """Wait until the next picture is due, and draw it."""
        yield self._draw(time.time_ns()) if self._beat.wait() else None

    def close(self) -> None:
        """Nothing is held."""

    def _draw(self, stamp: int) -> Picture:
        y, u, v = (plane.copy() for plane in self._background)
        self._count += 1
        if self._busy:
            self._busy.draw(y, self._count)
        side = max(8, self._height // 8) // 2 * 2
        left = self._count * 4 % max(1, self._width - side) // 2 * 2
        top = self._height * 5 // 8 // 2 * 2
        y[top : top + side, left : left + side] = barcode.WHITE
        u[top // 2 : (top + side) // 2, left // 2 : (left + side) // 2] = NEUTRAL
        v[top // 2 : (top + side) // 2, left // 2 : (left + side) // 2] = NEUTRAL
        barcode.draw(y, stamp)
        return Picture(y, u, v, stamp)


class DrawnAhead(PatternSource):
    """Busy pictures that were drawn when it was made, lent in turn: only their time is new.

    What is measured with it is the way of a picture, and not how long drawing one takes.
    """

    def __init__(self, width: int, height: int, framerate: float) -> None:
        super().__init__(width, height, framerate, busy=True)
        self._drawn = [super(DrawnAhead, self)._draw(0) for _ in range(AHEAD)]

    @property
    def description(self) -> str:
        """What is captured."""
        return f"{super().description}, drawn ahead"

    def _draw(self, stamp: int) -> Picture:
        self._count += 1
        picture = self._drawn[self._count % AHEAD]
        barcode.draw(picture.y, stamp)  # nobody has it any more: it was only lent
        return replace(picture, stamp=stamp)


PATTERNS: Mapping[str, Callable[[int, int, float], PatternSource]] = {
    "pattern": PatternSource,
    "pattern:busy": partial(PatternSource, busy=True),
    "pattern:still": DrawnAhead,
}


def ramp_rows(height: int) -> slice:
    """Return the rows of the grey ramp, which goes from black at the left to white."""
    return slice(height * 13 // 16 // 2 * 2, height)


def bar_rows(height: int) -> slice:
    """Return the rows of the colour bars."""
    return slice(min(barcode.LARGE, height // 2), height * 9 // 16 // 2 * 2)


def busy_rows(height: int) -> slice:
    """Return the rows between the bars and the ramp, which the busy pattern fills."""
    return slice(bar_rows(height).stop, ramp_rows(height).start)


class _BusyArea:
    """A texture that scrolls, and noise: slices of larger arrays made once, since noise is slow."""

    def __init__(self, width: int, rows: slice) -> None:
        self._rows = rows
        self._random = np.random.default_rng(SEED)
        height = rows.stop - rows.start
        self._texture = _texture(2 * width, height)
        noise = self._random.normal(0, NOISE_DEVIATION, (2 * height + 1, 2 * width))
        # Modulo 256, so that adding it takes away as well: the texture leaves room for both.
        self._noise = noise.round().clip(-40, 40).astype(np.int8).view(np.uint8)

    def draw(self, y: Plane, count: int) -> None:
        """Fill the area in a luma plane."""
        area = y[self._rows]
        height, width = area.shape
        scrolled = count * TEXTURE_STEP % width
        top, left = self._random.integers((height + 1, width))
        np.add(
            self._texture[:, scrolled : scrolled + width],
            self._noise[top : top + height, left : left + width],
            out=area,
        )


def _texture(width: int, height: int) -> Plane:
    """Return waves of several lengths and directions, whose halves are alike."""
    x = np.arange(width) * (4 * np.pi / width)  # two turns: the right half repeats the left
    y = np.arange(height)[:, np.newaxis] / 100
    waves = (
        np.sin(7 * x + 9 * y)
        + np.sin(23 * x - 31 * y) / 2
        + np.sin(61 * x + 47 * np.sin(3 * y)) / 2
    )
    return np.asarray(128 + TEXTURE_CONTRAST / 2 * waves).round().astype(np.uint8)


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
