# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Contestants in turn, round after round: what the machine does meanwhile then hits all of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol, TypeVar

from playwright.sync_api import Browser

from .figures import Part, Unavailable

ROUNDS = 3


class Runs(Protocol):
    """What can be watched for a round."""

    name: str

    def run(self, browser: Browser) -> None:
        """Watch for one round.

        :raises Unavailable: if it is not there.
        """
        ...


Contestant = TypeVar("Contestant", bound=Runs)


def take_turns(
    what: str,
    contestants: Sequence[Contestant],
    browser: Browser,
    part: Part,
    progress: Callable[[str], None],
    rivals: Collection[str] = (),
) -> list[Contestant]:
    """Run all of them for :data:`ROUNDS` and return those that went through.

    The part notes who is left out, and which of the ``rivals`` failed, by their names. Ours must
    not.
    """
    running = list(contestants)
    for number in range(1, ROUNDS + 1):
        for each in list(running):
            progress(f"{what}, round {number} of {ROUNDS}: {each.name}")
            try:
                each.run(browser)
            except Unavailable as error:
                part.notes.append(f"{each.name} is left out: {error}")
                running.remove(each)
            except Exception as error:
                if each.name not in rivals:
                    raise
                part.notes.append(f"{each.name} failed: {error}")
                running.remove(each)
    return running
