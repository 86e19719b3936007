# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Names for cameras of which only the topics are known. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..media.discovery import new_name
from .bridge import TAKEN
from .schema import SettingsError, Value


def name_topics(topics: Sequence[str]) -> dict[str, str]:
    """Return a name for the camera of each topic: left for ``/head/left/image_raw/compressed``.

    :raises SettingsError: if a topic stands twice, or cannot be one.
    """
    named: dict[str, str] = {}
    for topic in topics:
        if not re.fullmatch(r"(~/|/)?[A-Za-z]\w*(/[A-Za-z]\w*)*", topic):
            raise SettingsError(f'"{topic}" is no topic name: use letters, digits, _ and /')
        if topic in named.values():
            raise SettingsError(f"the topic {topic} is given twice")
        named[new_name(topic, {*named, *TAKEN})] = topic
    return named


def bridge_parameters(topics: Mapping[str, str]) -> dict[str, Value]:
    """Return what the bridge is told, to show these topics by their cameras' names."""
    return {
        "cameras": list(topics),
        **{f"{name}.topic": topic for name, topic in topics.items()},
    }
