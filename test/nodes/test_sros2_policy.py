# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""config/sros2_policy.xml, compared with what the nodes have of DDS while somebody watches.

Whether DDS obeys it is not tested: the wheels' Fast DDS has no security (docs/security.md).
"""

from fnmatch import fnmatchcase
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pi_webrtc_streamer.camera_node import CameraNode
from support.nodes import make_bridge, running
from support.whep import watching

POLICY = Path(__file__).parents[2] / "config" / "sros2_policy.xml"
# By what is allowed: how the graph calls it, and what the policy lists.
KINDS = {
    "publish": ("publisher", "topics/topic"),
    "subscribe": ("subscriber", "topics/topic"),
    "reply": ("service", "services/service"),
    "request": ("client", "services/service"),
}


def allowed(name: str) -> dict[str, list[str]]:
    """Return the patterns of what a node may do."""
    profile = ElementTree.parse(POLICY).find(f".//enclave[@path='/{name}']/profiles/profile")
    assert (profile.get("ns"), profile.get("node")) == ("/", name)
    patterns = {}
    for right, (_, path) in KINDS.items():
        group, entry = path.split("/")
        entries = profile.findall(f"{group}[@{right}='ALLOW']/{entry}")
        patterns[right] = [entry.text.replace("~", f"/{name}") for entry in entries]
    return patterns


def found(node, name: str) -> dict[str, list[str]]:
    """Return what a node has."""
    return {
        right: [each for each, _ in getattr(node, f"get_{kind}_names_and_types_by_node")(name, "/")]
        for right, (kind, _) in KINDS.items()
    }


@pytest.fixture
async def names(node):
    """Both nodes, and a viewer."""
    camera = CameraNode(overrides={"source": "pattern", "width": 320, "height": 240})
    bridge = make_bridge(direct="off")  # pictures go over DDS
    with running(camera, bridge):
        async with watching(bridge.url) as viewer:
            await viewer.next_frame()
            yield {each.get_name(): found(each, each.get_name()) for each in (camera, bridge)}


async def test_the_policy_allows_what_the_nodes_need_and_no_more(names):
    for name, node_has in names.items():
        patterns = allowed(name)
        for right, has in node_has.items():
            for each in has:
                assert any(fnmatchcase(each, pattern) for pattern in patterns[right]), (name, each)
            for pattern in patterns[right]:
                assert any(fnmatchcase(each, pattern) for each in has), (name, right, pattern)
    assert names["bridge"]["subscribe"] == ["/camera/image_raw/compressed"]
    assert "/camera/change_state" in names["camera"]["reply"]
