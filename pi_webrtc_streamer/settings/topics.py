"""Names for cameras of which only the topics are known. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .bridge import TAKEN
from .schema import SettingsError

# Parts at the end of a topic's name that say what it carries, and not whose it is.
USUAL = re.compile(
    r"compressed|raw|rect|color|rgb|mono|ir|video|(color_|rgb_|mono_)?(image|img)\w*"
)


def name_topics(topics: Sequence[str]) -> dict[str, str]:
    """Return a name for the camera of each topic: left for ``/head/left/image_raw/compressed``.

    Those that would have one name get more parts of their topics, and then a number.

    :raises SettingsError: if a topic stands twice, or cannot be one.
    """
    named: dict[str, str] = {}
    for topic in topics:
        if not re.fullmatch(r"(~/|/)?[A-Za-z]\w*(/[A-Za-z]\w*)*", topic):
            raise SettingsError(f'"{topic}" is no topic name: use letters, digits, _ and /')
        if topic in named.values():
            raise SettingsError(f"the topic {topic} is given twice")
        named[_new_name(_owners(topic), {*named, *TAKEN})] = topic
    return named


def _owners(topic: str) -> list[str]:
    """Return the parts of a topic's name that say whose it is."""
    parts = topic.lstrip("~/").split("/")
    owners = list(parts)
    while owners and USUAL.fullmatch(owners[-1]):
        owners.pop()
    return owners or parts


def _new_name(parts: list[str], taken: set[str]) -> str:
    for length in range(1, len(parts) + 1):
        name = "_".join(parts[-length:])
        if name not in taken:
            return name
    name = "_".join(parts)
    return next(
        f"{name}_{number}" for number in range(2, 10_000) if f"{name}_{number}" not in taken
    )
