# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameter files of whole robots, as ROS takes them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.settings.config import dump_parameters
from pi_webrtc_streamer.settings.config_file import parse_config
from pi_webrtc_streamer.settings.parameter_file import is_for, node_names, parse_yaml, sections
from pi_webrtc_streamer.settings.schema import ConfigError

ROBOT = """
/**:
  ros__parameters:
    use_sim_time: true
    robot_name: Marvin
controller_server:
  ros__parameters: {controller_frequency: 20.0, FollowPath: {plugin: dwb, max_vel_x: 0.26}}
local_costmap:
  local_costmap:
    ros__parameters: {width: 3, plugins: [voxel_layer]}
/marvin/head:
  bridge:
    ros__parameters:
      cameras: [front]
      front: {topic: /eye}
/**/front:
  ros__parameters: {width: 320, height: 240}
/marvin/*/front:
  ros__parameters: {width: 640}
/other/front:
  ros__parameters: {width: 1}
"""


def of(node: str, namespace: str = "/marvin/head", text: str = ROBOT) -> dict:
    config = parse_config(text, "robot.yaml")
    object.__setattr__(config, "namespace", namespace)
    return config.parameters(node)


def test_ours_are_found_in_the_file_of_a_whole_robot():
    everybodys = {"use_sim_time": True, "robot_name": "Marvin"}
    assert of("bridge") == everybodys | {"cameras": ["front"], "front.topic": "/eye"}
    assert of("front") == everybodys | {"width": 640, "height": 240}
    assert of("front", "/") == everybodys | {"width": 320, "height": 240}


def test_of_others_nothing_is_said_but_of_slips():
    assert parse_config(ROBOT, "robot.yaml").warnings == []
    slip = "camra: {ros__parameters: {width: 320}}\nbridge: {ros__parameters: {port: 1}}"
    (warning,) = parse_config(slip, "robot.yaml").warnings
    assert warning == 'the configuration robot.yaml has a section "camra": did you mean "camera"?'
    (warning,) = parse_config("nav: {ros__parameters: {a: 1}}", "robot.yaml").warnings
    assert warning == "the configuration robot.yaml has nothing for bridge, camera"


@pytest.mark.parametrize(
    ("section", "node", "expected"),
    [
        ("/**", "/camera", True),
        ("/**", "/a/b/camera", True),
        ("**", "/camera", True),
        ("/*", "/camera", True),
        ("/*", "/a/camera", False),
        ("camera", "/camera", True),
        ("camera", "/a/camera", False),
        ("a/camera", "/a/camera", True),
        ("/**/camera", "/camera", True),
        ("/**/camera", "/a/b/camera", True),
        ("/*/camera", "/camera", False),
        ("/a/**/camera", "/a/camera", True),
        ("/a/**", "/a/b/camera", True),
        ("/cam.ra", "/camera", False),
        ("/cam", "/camera", False),
        ("/came*", "/camera", False),
    ],
)
def test_whom_a_section_is_for(section, node, expected):
    assert is_for(section, node) is expected


parts = st.lists(st.sampled_from(["a", "b", "front"]), min_size=1, max_size=4)


@given(parts, st.data())
def test_a_name_with_some_parts_left_open_is_for_the_node(names, data):
    node = "/" + "/".join(names)
    assert is_for(node, node)
    open_parts = ["*" if data.draw(st.booleans()) else name for name in names]
    assert is_for("/".join(open_parts), node)
    cut = data.draw(st.integers(0, len(names)))
    assert is_for("/".join([*names[:cut], "**"]), node)
    assert is_for("/".join(["**", *names[cut:]]), node)
    assert not is_for("/".join([*names, "b"]), node)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("30", 30),
        ("0x1F", 31),
        ("010", 8),
        ("-3", -3),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("yes", True),
        ("off", False),
        ("n", False),
        ("'yes'", "yes"),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("1e3x", "1e3x"),
        ("1_000", "1_000"),
        ("[0, 1]", [0, 1]),
    ],
)
def test_values_are_what_ros_takes_them_for(written, value):
    content = parse_yaml(f"camera: {{ros__parameters: {{a: {written}}}}}", "file")
    ((_, parameters),) = sections(content)
    assert parameters == {"a": value}
    assert type(parameters["a"]) is type(value)


@given(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs", "Cc"])),
        st.sampled_from(["1e3", "y", "N", "0x10", "~", "null", "12:30", "on", "1.", "2026-01-01"]),
    )
)
def test_a_text_is_dumped_so_that_ros_takes_it_for_one(text):
    dumped = dump_parameters({"camera": {"ros__parameters": {"a": text}}})
    ((_, parameters),) = sections(parse_yaml(dumped, "file"))
    assert parameters == {"a": text}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [", "is no YAML"),
        ("just text", "is not a mapping"),
        ("[1]", "is not a mapping"),
        ("", "is not a mapping"),
        ("camera: {source: pattern}", 'has no "ros__parameters:" below "camera:"'),
        ("camera:", 'has no "ros__parameters:" below "camera:"'),
        ("a: {camera: {source: 1}}", 'has no "ros__parameters:" below "a/camera:"'),
        ("camera: {ros__parameters: [1]}", 'has no mapping below "ros__parameters:" of "camera:"'),
        ("ros__parameters: {a: 1}", 'has no "ros__parameters:" below "ros__parameters:"'),
        ("a: !!python/name:os.system", "is no YAML"),
    ],
)
def test_what_is_no_parameter_file_is_named(text, why):
    with pytest.raises(ConfigError) as error:
        parse_config(text, "robot.yaml")
    assert str(error.value).startswith("the configuration robot.yaml ")
    assert why in str(error.value)


def test_a_section_may_be_empty():
    assert parse_config("bridge: {ros__parameters: }", "file").parameters("bridge") == {}
    assert node_names({"/**/a": {"ros__parameters": {}}, "b": {"*": {"ros__parameters": {}}}}) == [
        "a"
    ]
