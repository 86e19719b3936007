# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The ways of pictures from a camera node to the bridge, for tests that hold for each of them."""

from typing import NamedTuple

import pytest

from pi_webrtc_streamer.bridge_node import BridgeNode
from pi_webrtc_streamer.direct import inlet

from .nodes import OfferingPublisher, Publisher, make_bridge

WAYS = ("dds", "shared memory", "in process")


class Way(NamedTuple):
    """How pictures come; ``name`` is what /cameras calls it."""

    name: str

    @property
    def publisher(self) -> type[Publisher]:
        """Publishes pictures so that they come this way."""
        return Publisher if self.name == "dds" else OfferingPublisher

    def bridge(self, **parameters) -> BridgeNode:
        """Make a bridge that takes pictures of our camera nodes this way."""
        return make_bridge(direct="off" if self.name == "dds" else "auto", **parameters)


def taking(name: str, patch: pytest.MonkeyPatch) -> Way:
    """Have pictures go a way between nodes of this process, as long as the patch is there."""
    if name != "in process":
        patch.setattr(inlet, "find", lambda _: None)
    return Way(name)
