# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sections and keys of a config.toml, right, wrong and unknown."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pi_webrtc_streamer.predecessor.config.document import normal, parse_toml
from pi_webrtc_streamer.predecessor.config.keys import CAMERA, OTHER_KEYS, SECTIONS
from pi_webrtc_streamer.predecessor.config.translate import translate
from support.predecessor.config_toml import FILE, FOLDER, MEANT, errors, takes, toml

MIGRATION = Path(__file__).parents[4] / "docs" / "migration.md"


# ---- What is said


def test_what_has_no_meaning_is_said_once():
    said = translate((FOLDER / "rust.toml").read_text(), FILE).infos
    meaningless = [line for line in said if "has no meaning here" in line]
    assert len(set(meaningless)) == len(meaningless)
    places = {line.split("toml: ")[1].split(" has no")[0] for line in meaningless}
    assert places == {
        "[app]",
        "[zeromq]",
        "[mjpeg-rtp]",
        "[lidar-front]",
        "[lidar-rear]",
        "[imu-main]",
        "[buffers]",
        "[timeouts] read-timeout-seconds",
        "[video] encoder-preset",
        "[video] keyframe-interval",
        "[video] cpu-used",
        "[webrtc] latency",
        "[webrtc] queue-buffers",
        "[webrtc] data-channels",
    }


@pytest.mark.parametrize(("name", "other"), [("go.toml", "video"), ("rust.toml", "encoding")])
def test_each_sample_has_every_key(name, other):
    """But for the section that the other generation had."""
    content = parse_toml((FOLDER / name).read_text(), name)
    given = {
        (re.sub(r"_?\d$", "N", normal(section)), normal(key))
        for section, values in content.items()
        for key in values
    }
    known = [*SECTIONS.items(), ("cameraN", CAMERA)]
    assert {(section, key) for section, keys in known if section != other for key in keys} <= given


def test_what_is_unknown_is_warned_of_with_the_nearest_name():
    translation = translate("a = 1\n[servr]\n[camera]\n[server]\nweb-prot = 'x'\n", FILE)
    assert translation.warnings == [
        f"{FILE}: the key a is unknown; it is left out",
        f"{FILE}: the section [servr] is unknown (did you mean server?); it is left out",
        f"{FILE}: the section [camera] is unknown (did you mean camera2?); it is left out",
        f"{FILE}: [server] web-prot is unknown (did you mean web_port?); it is left out",
    ]


# ---- Any file


scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="ascii", min_codepoint=32, exclude_characters="\x7f"), max_size=20),
    st.just([1, 2]),
    st.just({"a": 1}),
)


@pytest.mark.parametrize(("section", "key", "about"), MEANT)
@settings(max_examples=20)
@given(data=st.data())
def test_a_wrong_value_is_named_with_all_there_is_to_know(section, key, about, data):
    value = data.draw(scalars.filter(lambda value: not takes(about, value)))
    spelled = data.draw(st.sampled_from([key, key.replace("_", "-")]))
    (error,) = errors(f"[{section}]\n{spelled} = {toml(value)}")
    assert error.startswith(f"{FILE}: [{section}] {spelled} = ")
    shown = json.dumps(value)[:60]
    assert f" = {shown}" in error
    assert error.endswith(f": expected {about.expected}")


@pytest.mark.parametrize(
    "text",
    [
        "a = ",
        "a = 1\na = 2",
        "[camera1",
        "x = " + "[" * 2000,
        "x = " + "9" * 5000,
        "app" + ".a" * 3000 + " = 1",
        "x = " + "[" * 21 + "1" + "]" * 21,
    ],
)
def test_what_is_no_toml_is_named(text):
    (first, *_) = errors(text)
    assert first.startswith(f"the configuration {FILE} is no TOML: ")


def test_a_section_that_is_a_value_is_wrong():
    assert errors("camera1 = 5\nwebrtc = []") == [
        f"{FILE}: camera1 = 5: expected a section, [camera1]",
        f"{FILE}: webrtc = []: expected a section, [webrtc]",
    ]


# ---- docs/migration.md


def test_every_key_is_in_the_table():
    text = MIGRATION.read_text()
    rows = {
        cell for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE) for cell in row.split("`")
    }
    for section, keys in [*SECTIONS.items(), ("cameraN", CAMERA)]:
        for key in keys:
            assert f"{section}.{key}" in rows, f"{section}.{key} is missing"
    for section in ("buffers", "app", "zeromq", "lidar-*", "imu-*", "mjpeg-rtp", *OTHER_KEYS):
        assert any(cell.startswith(section) for cell in rows), f"{section} is missing"
