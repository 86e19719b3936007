# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""One picture as a source, and what is made of it only once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Generic, TypeVar

from ..settings.schema import Setting, SettingsError, Value
from .source import Beat, Picture

Made = TypeVar("Made")


class StillSource:
    """Lends the same picture again and again, each time with the stamp of now."""

    def __init__(self, name: str, picture: Picture, framerate: float) -> None:
        self.hardware_id = name
        self.description = f"{name}, {picture.width}x{picture.height}, one picture"
        self._picture = replace(picture, lasting=True)
        self._beat = Beat(framerate)

    @property
    def framerate(self) -> float:
        """Pictures a second."""
        return self._beat.framerate

    @property
    def controls(self) -> Mapping[str, tuple[Setting, Value | None]]:
        """A picture has none."""
        return {}

    def set_control(self, name: str, value: Value) -> None:
        """A picture has none."""
        raise SettingsError(f"a picture has no control {name}")

    def set_framerate(self, framerate: float) -> None:
        """Change the rate at once."""
        self._beat.framerate = framerate

    def start(self) -> None:
        """Begin at once."""
        self._beat.start()

    def stop(self) -> None:
        """Nothing runs between two loans."""

    @contextmanager
    def capture(self) -> Iterator[Picture | None]:
        """Wait until the picture is due again."""
        due = self._beat.wait()
        yield replace(self._picture, stamp=time.time_ns()) if due else None

    def close(self) -> None:
        """Nothing is held."""


class Once(Generic[Made]):
    """Makes something of pictures; of one that lasts only once, until another one comes."""

    def __init__(self, make: Callable[[Picture], Made]) -> None:
        self._make = make
        self._kept: tuple[Picture, Made] | None = None

    def __call__(self, picture: Picture) -> Made:
        """Return what was made of these planes; their stamp may be another one."""
        if not picture.lasting:
            self._kept = None
            return self._make(picture)
        if self._kept is None or self._kept[0].y is not picture.y:
            self._kept = picture, self._make(picture)
        return self._kept[1]
