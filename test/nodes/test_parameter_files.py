# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What we read in a parameter file is what rclpy gives to a node from it."""

from dataclasses import replace

import pytest
import rclpy
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rclpy.context import Context
from rclpy.node import Node

from pi_webrtc_streamer.settings.config_file import parse_config

NAMESPACES = ["/", "/a", "/a/b"]
names = st.sampled_from(
    ["/**", "/*", "bridge", "/bridge", "/a/bridge", "/a/*/bridge", "/**/bridge"]
)
scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.sampled_from(["x", "12:30"]),
)
parameters = st.dictionaries(
    st.sampled_from(["port", "host", "front.topic", "deep"]),
    scalars | st.dictionaries(st.sampled_from(["one", "two"]), scalars, min_size=1, max_size=2),
    min_size=1,
    max_size=3,
)
files = st.dictionaries(names, parameters.map(lambda each: {"ros__parameters": each}), min_size=1)


def given_by_ros(path: str, namespace: str) -> dict:
    """Return the parameters that rclpy gives to a node called bridge."""
    context = Context()
    rclpy.init(args=["--ros-args", "--params-file", path], context=context)
    try:
        node = Node(
            "bridge",
            namespace=namespace,
            context=context,
            enable_rosout=False,
            start_parameter_services=False,
            automatically_declare_parameters_from_overrides=True,
        )
        found = {name: each.value for name, each in node.get_parameters_by_prefix("").items()}
        node.destroy_node()
    finally:
        context.shutdown()
    for own in ("use_sim_time", "start_type_description_service"):
        found.pop(own, None)
    return found


def given_by_us(text: str, namespace: str) -> dict:
    """Return what we read for it."""
    return replace(parse_config(text, "file"), namespace=namespace).parameters("bridge")


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(files, st.sampled_from(NAMESPACES))
def test_rclpy_gives_a_node_what_we_read(tmp_path, content, namespace):
    path = tmp_path / "robot.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    if namespace != "/":  # a section that names the node alone, we take for it everywhere
        content = {name: each for name, each in content.items() if name.strip("/") != "bridge"}
    ours = given_by_us(yaml.safe_dump(content, sort_keys=False), namespace) if content else {}
    assert ours == given_by_ros(str(path), namespace)


SCALARS = [
    *("0x1F", "010", "08", "-3", "+5", "1_000", "1e3", ".5", "1.", "-.inf"),
    *("yes", "off", "n", "Y", "'1'", "12:30", "2026-01-01", "nothing"),
    *("1e-309", "1e-400", "0e-400", "1e999", "-1e999", "2.2250738585072014e-308"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775809", "0x8000000000000000"),
    *("[1, 2]", "[a, b]", "[true]", "[1.5, 2.0]"),
]


@pytest.mark.parametrize("written", SCALARS)
def test_rclpy_takes_a_value_for_the_same(tmp_path, written):
    text = f"bridge:\n  ros__parameters:\n    a: {written}\n"
    path = tmp_path / "robot.yaml"
    path.write_text(text)
    (theirs,) = given_by_ros(str(path), "/").values()
    (ours,) = given_by_us(text, "/").values()
    if isinstance(ours, list):
        theirs = list(theirs)
    assert theirs == ours
    assert type(theirs) is type(ours)
