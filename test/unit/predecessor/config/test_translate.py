# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""From a config.toml to our nodes' parameters."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.predecessor.config.given import Given
from pi_webrtc_streamer.predecessor.config.keys import CAMERA, Key
from pi_webrtc_streamer.predecessor.config.translate import translate
from pi_webrtc_streamer.predecessor.settings import PredecessorSettings, settings_of_camera
from pi_webrtc_streamer.ros.parameters import convert
from pi_webrtc_streamer.settings.camera import CameraSettings
from pi_webrtc_streamer.settings.schema import ConfigError, check, settings_of
from support.predecessor.config_toml import (
    FILE,
    FOLDER,
    MEANT,
    bridge,
    errors,
    parameters,
    takes,
    toml,
)

# ---- The samples


def test_the_sample_of_the_go_streamer():
    translation = translate((FOLDER / "go.toml").read_text(), FILE)
    del translation.nodes["bridge"]["legacy_config"]
    shared = {"source": "auto", "width": 640, "height": 480}
    of_all = {"statistics_interval": 30.0, "shutdown_timeout": 5.0}
    device = "/base/axi/pcie@1000120000/rp1/i2c@{}/imx219@10"
    assert translation.nodes == {
        "camera1": shared
        | of_all
        | {
            "camera": device.format(88000),
            "framerate": 30.0,
            "output_width": 320,
            "output_height": 240,
            "flip": "none",
            "rotation": 180,
        },
        "camera2": shared
        | of_all
        | {
            "camera": device.format(80000),
            "framerate": 15.0,
            "output_width": 0,
            "output_height": 0,
            "flip": "vertical",
            "rotation": 0,
            "crop": [64, 32, 480, 400],
        },
        "bridge": of_all
        | {
            "cameras": ["camera1", "camera2"],
            "host": "127.0.0.1",
            "port": 18080,
            "pi_ip": "192.0.2.7",
            "auth": "open",
            "legacy": True,
            "camera1.signalling_port": 15557,
            "camera2.signalling_port": 15558,
            "codecs": ["h264", "vp8"],
            "bitrate": 1_500_000,
            "lowest_bitrate": 100_000,
            "framerate": 30.0,
            "mtu": 1064,
            "max_viewers": 4,
            "max_viewers_per_camera": 2,
            "max_viewers_per_address": 4,
            "connect_timeout": 5.0,
            "memory_warning": 1.0,
            "memory_check_interval": 1.0,
        },
    }
    assert translation.warnings == []


def test_the_sample_of_the_rust_streamer():
    translation = translate((FOLDER / "rust.toml").read_text(), FILE)
    first, second = translation.nodes["camera1"], translation.nodes["camera2"]
    assert first["camera"] == "/dev/video0"
    assert (first["output_width"], first["output_height"]) == (360, 480), "480x360 after the turn"
    assert (first["flip"], first["rotation"], first["framerate"]) == ("none", 90, 20.0)
    assert second["camera"] == "1"
    assert (second["width"], second["height"]) == (320, 240)
    assert (second["output_width"], second["output_height"]) == (160, 120)
    assert (second["flip"], second["rotation"]) == ("none", 180)
    for node in translation.nodes.values():
        assert (node["statistics_interval"], node["shutdown_timeout"]) == (0.5, 3.5)
    del translation.nodes["bridge"]["legacy_config"]
    assert translation.nodes["bridge"] == {
        "cameras": ["camera1", "camera2"],
        "host": "127.0.0.1",
        "port": 18180,
        "auth": "open",
        "legacy": True,
        "camera1.signalling_port": 16557,
        "camera2.signalling_port": 16558,
        "codecs": ["vp8", "h264"],
        "bitrate": 800_000,
        "lowest_bitrate": 100_000,
        "framerate": 30.0,
        "mtu": 1164,
        "max_viewers": 6,
        "max_viewers_per_camera": 3,
        "max_viewers_per_address": 6,
        "connect_timeout": 8.0,
        "memory_warning": 0.0,
        "memory_check_interval": 5.0,
        "statistics_interval": 0.5,
        "shutdown_timeout": 3.5,
    }
    assert translation.warnings == []


def test_an_empty_file_is_one_camera_with_the_defaults():
    nodes = parameters("")
    assert nodes["camera1"] == {
        "source": "auto",
        "camera": "0",
        "width": 640,
        "height": 480,
        "framerate": 30.0,
        "output_width": 0,
        "output_height": 0,
        "flip": "vertical",
        "rotation": 0,
        "statistics_interval": 60.0,
        "shutdown_timeout": 2.0,
    }
    assert (
        nodes["bridge"].items()
        >= {
            "host": "0.0.0.0",
            "port": 8080,
            "bitrate": 2_000_000,
            "max_viewers": 4,
            "max_viewers_per_camera": 4,
            "connect_timeout": 10.0,
            "memory_check_interval": 30.0,
            "camera1.signalling_port": 5557,
        }.items()
    )


# ---- Cameras


SPELLINGS = ["camera{}", "camera-{}", "camera_{}", "Camera{}"]


@given(
    st.sampled_from(SPELLINGS),
    st.integers(1, 99),
    st.sampled_from("-_"),
    st.booleans(),
    st.sampled_from([None, "", *CAMERA["flip_method"].expected.partition(", or")[0].split(", ")]),
)
def test_the_rules_of_the_generations(spelling, number, dash, scaled, flip):
    go = "-" not in spelling and "_" not in spelling
    name = spelling.format(number)
    text = f"[{name}]\ntarget{dash}width = 320\ntarget{dash}height = 160\n"
    text += "scaling_enabled = true\n" if scaled else ""
    text += f'flip{dash}method = "{flip}"\n' if flip is not None else ""
    camera = parameters(text)[f"camera{number}"]
    if flip is None:
        flip = "vertical-flip" if go else "rotate-180"
    mirrored = {"vertical-flip": "vertical", "horizontal-flip": "horizontal"}.get(flip, "none")
    turned = int(flip.removeprefix("rotate-")) if flip.startswith("rotate") else 0
    assert (camera["flip"], camera["rotation"]) == (mirrored, turned)
    size = (320, 160) if scaled or not go else (0, 0)
    if turned in (90, 270):
        size = size[::-1]
    assert (camera["output_width"], camera["output_height"]) == size
    assert camera["camera"] == str(number - 1)


def test_a_width_of_0_or_less_switches_a_camera_off():
    nodes = parameters("[camera1]\nwidth = 0\n[camera2]\n[camera3]\nwidth = -1")
    assert list(nodes) == ["camera2", "bridge"]
    assert nodes["camera2"]["camera"] == "1"
    assert nodes["bridge"]["cameras"] == ["camera2"]
    assert nodes["bridge"]["camera2.signalling_port"] == 5558
    off = "[camera1]\n[camera-2]\nwidth = 0\nheight = 0\nfps = 0"
    assert list(parameters(off)) == ["camera1", "bridge"], "nothing else of it is looked at"
    (error,) = errors("[camera-1]\nwidth = 0")
    assert error.startswith(f"{FILE}: [camera-1] width = 0: expected at least 16")


def test_of_two_sections_for_one_camera_the_go_streamers_counts():
    for text in (
        "[camera1]\nfps = 5\n[camera-1]\nfps = 6",
        "[camera-1]\nfps = 6\n[camera1]\nfps = 5",
    ):
        translation = translate(text, FILE)
        assert translation.nodes["camera1"]["framerate"] == 5
        assert translation.warnings == [
            f"{FILE}: [camera-1] is left out, because [camera1] is there as well"
        ]


@pytest.mark.parametrize(
    ("crop", "kept"),
    [
        ("{ x = 0, y = 0, width = 0, height = 0 }", None),
        ("{}", None),
        ("{ x = 10, y = 20, width = 100, height = 200 }", [10, 20, 100, 200]),
        ("{ x = 10, y = 20 }", [10, 20, 630, 460]),
    ],
)
def test_a_side_of_0_is_not_cropped(crop, kept):
    assert parameters(f"[camera1]\ncrop = {crop}")["camera1"].get("crop") == kept


def test_a_crop_must_lie_within_the_picture():
    (error,) = errors("[camera1]\nwidth = 320\ncrop = { x = 300, width = 100 }")
    assert error == (
        f'{FILE}: [camera1] crop = {{"x": 300, "y": 0, "width": 100, "height": 0}}: '
        "expected a part of the captured picture of 320x480, 16 pixels or more in width and height"
    )


# ---- The stream


@pytest.mark.parametrize(
    ("text", "bitrate", "codec"),
    [
        ("[webrtc]\nbitrate = 3000000\ncodec = 'vp8'", 3_000_000, "vp8"),
        ("[encoding]\nbitrate = 900000\ncodec = 'VP8'\n[webrtc]\nbitrate = 1", None, None),
        ("[encoding]\nbitrate = 900000\ncodec = 'VP8'\n[webrtc]\ncodec = 'h264'", 900_000, "vp8"),
        ("[video]\nbitrate = 700\n[encoding]\nbitrate = 900000\ncodec = 'vp8'", 700_000, "vp8"),
        ("[video]\nbitrate = 0\ncodec = ''\n[webrtc]\nbitrate = 0", 2_000_000, "h264"),
        ("[video]\nbitrate = 60", 60_000, "h264"),
        ("[video]\nbitrate = 20000", None, None),
    ],
)
def test_video_comes_before_encoding_and_that_before_webrtc(text, bitrate, codec):
    if bitrate is None:
        (error,) = errors(text)
        assert "bitrate" in error
        return
    found = bridge(text)
    assert found["bitrate"] == bitrate
    assert found["lowest_bitrate"] == min(bitrate, 100_000)
    assert found["codecs"][0] == codec
    assert sorted(found["codecs"]) == ["h264", "vp8"]


@pytest.mark.parametrize(
    ("server", "url"),
    [
        ("stun:stun.example.org:3478", "stun:stun.example.org:3478"),
        ("stun://stun.example.org:3478", "stun:stun.example.org:3478"),
        ("stun.example.org:3478", "stun:stun.example.org:3478"),
        ("192.0.2.1", "stun:192.0.2.1"),
        ("stuns:stun.example.org", "stuns:stun.example.org"),
    ],
)
def test_a_stun_server_in_any_notation(server, url):
    assert bridge(f'[webrtc]\nstun_server = "{server}"')["stun_urls"] == [url]


def test_no_stun_server():
    assert "stun_urls" not in bridge('[webrtc]\nstun_server = ""')


# ---- Ports


def test_whose_port_counts():
    text = "[camera1]\n[camera2]\nwebrtc_port = 7000\n[camera3]\n[webrtc]\nwebrtc_port_1 = 6000\n"
    found = bridge(text + "webrtc_port_2 = 6001")
    assert [found[f"camera{n}.signalling_port"] for n in (1, 2, 3)] == [6000, 7000, 5559]
    given = Given(web_port=9000, base_port=8000, pi_ip="192.0.2.1")
    found = bridge(f'{text}[server]\nweb_port = 80\npi_ip = "192.0.2.2"', given)
    assert [found[f"camera{n}.signalling_port"] for n in (1, 2, 3)] == [8000, 8001, 8002]
    assert (found["port"], found["pi_ip"]) == (9000, "192.0.2.1")
    assert bridge("[server]\nweb_port = 5557", Given(web_port=0))["port"] == 0, "any free one"


def test_without_webrtc_there_are_no_ports_for_the_old_clients():
    found = bridge("[camera1]\n[camera2]\n[webrtc]\nenabled = false\nwebrtc_port_1 = 8080")
    assert found["legacy"] is True, "what is on web_port is there all the same"
    assert found["camera1.signalling_port"] == found["camera2.signalling_port"] == 0


@pytest.mark.parametrize(
    ("text", "given", "error"),
    [
        (
            "[camera1]\nwebrtc_port = 5558\n[camera2]",
            Given(),
            "[camera2] webrtc_port = 5558: expected a port up to 65535 for camera2, "
            "another one than 8080 (the page), 5558 (camera1)",
        ),
        (
            "[server]\nweb_port = 5557",
            Given(),
            "[camera1] webrtc_port = 5557: expected a port up to 65535 for camera1, "
            "another one than 5557 (the page)",
        ),
        (
            "[WebRTC]\nwebrtc-port-1 = 8080",
            Given(),
            "[WebRTC] webrtc_port_1 = 8080: expected a port up to 65535 for camera1, "
            "another one than 8080 (the page)",
        ),
        (
            "[camera1]\n[camera2]",
            Given(base_port=65535),
            "--base-port = 65536: expected a port up to 65535 for camera2, "
            "another one than 8080 (the page), 65535 (camera1)",
        ),
    ],
)
def test_a_port_is_not_used_twice_and_who_says_it_is_named(text, given, error):
    assert errors(text, given) == [f"{FILE}: {error}"]


def test_several_cameras_may_have_no_port():
    text = "[camera1]\nwebrtc_port = 0\n[camera2]\nwebrtc_port = 0"
    assert bridge(text, Given(web_port=0))["camera2.signalling_port"] == 0


# ---- Memory, statistics, the end


def test_memory_is_watched_unless_that_is_switched_off():
    limit = "[limits]\nmax_memory_usage_mb = 300\n"
    assert bridge(limit)["memory_warning"] == 300.0
    assert bridge(f"{limit}[debug]\nenable_memory_monitoring = true")["memory_warning"] == 300.0
    assert bridge(f"{limit}[debug]\nenable_memory_monitoring = false")["memory_warning"] == 0.0
    translation = translate("[debug]\nenable_memory_monitoring = true", FILE)
    assert translation.nodes["bridge"]["memory_warning"] == 0.0
    assert "nothing warns of it" in translation.infos[0]


# ---- Any file


def right_values(section: str, key: str, about: Key) -> st.SearchStrategy:
    """Draw values that a key takes, and that do not clash with others."""
    if about.kinds == (dict,):
        part = st.fixed_dictionaries({"x": st.integers(0, 8), "height": st.integers(16, 400)})
        return part if section == "camera1" else st.just({})
    if "port" in key:
        first = 10_000 + 1_000 * [(s, k) for s, k, _ in MEANT].index((section, key))
        return st.integers(first, first + 999)
    numbers = st.integers(16, 8192) if key in ("width", "height") else st.integers(-1, 10**8)
    by_kind = {
        bool: st.booleans(),
        int: numbers,
        float: st.floats(-1, 10**6),
        str: st.sampled_from(["", "h264", "VP8", "192.0.2.1", "robot.local", "rotate-90"]),
    }
    drawn = st.one_of(*(by_kind[kind] for kind in about.kinds))
    return st.one_of(drawn, st.just(about.default)).filter(lambda value: takes(about, value))


@st.composite
def documents(draw: st.DrawFn) -> dict[str, dict]:
    """Draw a file of values that are right, in any spelling."""
    content: dict[str, dict] = {}
    for section, key, about in draw(st.lists(st.sampled_from(MEANT), unique_by=lambda it: it[:2])):
        values = content.setdefault(section, {})
        spelled = draw(st.sampled_from([key, key.replace("_", "-")]))
        values[spelled] = draw(right_values(section, key, about))
    first = content.get("camera1", {})
    if "crop" in first:  # within the picture, whatever else is drawn
        first |= {"width": 640, "height": 480}
    return content


@given(documents())
def test_whatever_is_right_loads_and_the_nodes_take_it(content):
    lines = [
        line
        for section, values in content.items()
        for line in [f"[{section}]", *(f"{key} = {toml(value)}" for key, value in values.items())]
    ]
    translation = translate("\n".join(lines), FILE)
    assert translation.warnings == []
    nodes = translation.nodes
    for name in nodes["bridge"]["cameras"]:
        CameraSettings(**accepted(settings_of(CameraSettings), nodes[name]))
    of_cameras = {
        key: value
        for name in nodes["bridge"]["cameras"]
        for key, value in settings_of_camera(name).items()
    }
    values = accepted(settings_of(PredecessorSettings) | of_cameras, nodes["bridge"])
    PredecessorSettings(**{name: value for name, value in values.items() if name not in of_cameras})


def accepted(known: dict, given: dict) -> dict:
    values = {}
    for name, value in given.items():
        about, default = known[name]
        values[name] = convert(name, value, default)
        check(name, values[name], about)
    return values


@given(st.text(st.sampled_from("[]camer1-_=\n\"'{}.,0 9xtwidhlgproebc#\\"), max_size=80))
def test_any_text_is_translated_or_refused(text):
    with suppress(ConfigError):
        assert translate(text, FILE).nodes["bridge"]["cameras"]
