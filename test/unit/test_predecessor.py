"""The predecessor's config.toml: what each key becomes, and what is said of the others."""

import json
import re
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pi_webrtc_streamer.predecessor.config.document import normal, parse_toml
from pi_webrtc_streamer.predecessor.config.given import Given
from pi_webrtc_streamer.predecessor.config.keys import CAMERA, OTHER_KEYS, SECTIONS, Key
from pi_webrtc_streamer.predecessor.config.translate import translate
from pi_webrtc_streamer.predecessor.settings import PredecessorSettings, settings_of_camera
from pi_webrtc_streamer.ros.parameters import convert
from pi_webrtc_streamer.settings.camera import CameraSettings
from pi_webrtc_streamer.settings.config_file import is_toml, read_config
from pi_webrtc_streamer.settings.schema import ConfigError, check, settings_of

FOLDER = Path(__file__).parents[1] / "predecessor"
MIGRATION = Path(__file__).parents[2] / "docs" / "migration.md"
FILE = "/robot/config.toml"


def parameters(text: str, given: Given = Given()) -> dict:  # noqa: B008
    return translate(text, FILE, given).nodes


def bridge(text: str, given: Given = Given()) -> dict:  # noqa: B008
    return parameters(text, given)["bridge"]


def errors(text: str, given: Given = Given()) -> list[str]:  # noqa: B008
    with pytest.raises(ConfigError) as error:
        translate(text, FILE, given)
    return str(error.value).splitlines()


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


@pytest.mark.parametrize("name", ["go.toml", "rust.toml"])
def test_printed_parameters_are_the_same_file(name, tmp_path):
    config = read_config(str(FOLDER / name))
    with config.parameter_file() as (_, path):
        again = read_config(path)
        assert again.content == yaml.safe_load(Path(path).read_text())
    assert not Path(path).exists()
    assert again.content == config.content
    assert again.cameras == config.cameras


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


def toml(value: object) -> str:
    """Write a value; JSON is TOML, but for tables."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + " }"
    return json.dumps(value)


MEANT = [
    (section, key, about)
    for section, keys in [*SECTIONS.items(), ("camera1", CAMERA), ("camera-2", CAMERA)]
    for key, about in keys.items()
    if isinstance(about, Key)
]
scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="ascii", min_codepoint=32, exclude_characters="\x7f"), max_size=20),
    st.just([1, 2]),
    st.just({"a": 1}),
)


def takes(about: Key, value: object) -> bool:
    return type(value) in about.kinds and about.valid(value)


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


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("", "a.toml", True),
        ("", "A.TOML", True),
        ("", "a.yaml", False),
        ("# x\n\n[camera1]\n", "config", True),
        ("web_port = 3", "config", True),
        ("camera:\n  ros__parameters: {a: '='}", "config", False),
        ("/**:\n  ros__parameters: {}", "config", False),
    ],
)
def test_toml_is_known_by_its_name_or_its_first_line(text, path, expected):
    assert is_toml(text, path) is expected


def told(text: str) -> dict:
    """Return what clients are told of a file (/api/config)."""
    return json.loads(bridge(text)["legacy_config"])


def test_clients_are_told_the_file_in_snake_case():
    go = told((FOLDER / "go.toml").read_text())
    assert go["camera2"]["crop"] == {"x": 64, "y": 32, "width": 480, "height": 400}
    assert (go["webrtc"]["queue_buffers"], go["webrtc"]["codec"]) == (1, "vp8")
    assert go["encoding"] == {
        "codec": "h264",
        "bitrate": 1_500_000,
        "keyframe_interval": 30,
        "cpu_used": 8,
    }
    rust = told((FOLDER / "rust.toml").read_text())
    assert not {name for name in rust if "-" in name or name.startswith("camera_")}
    assert (rust["camera1"]["target_width"], rust["camera1"]["flip_method"]) == (480, "rotate-90")
    assert (rust["camera2"]["flip_method"], rust["camera2"]["webrtc_port"]) == ("rotate-180", 16558)
    assert rust["video"]["encoder_preset"] == "ultrafast"


def test_clients_are_told_what_holds_where_the_file_says_nothing():
    assert told(
        "[camera-1]\ncrop = { x = 16 }\n[WebRTC]\nmtu = 1100\n[webrtc]\ntimeout = 5000"
    ) == {
        "server": {"web_port": 8080, "bind_ip": "0.0.0.0", "pi_ip": ""},
        "camera1": {
            "device": "",
            "width": 640,
            "height": 480,
            "target_width": 0,
            "target_height": 0,
            "scaling_enabled": False,
            "fps": 30,
            "webrtc_port": 5557,
            "flip_method": "rotate-180",
            "crop": {"x": 16, "y": 0, "width": 0, "height": 0},
        },
        "video": {"codec": "h264", "bitrate": 2_000_000},
        "encoding": {"codec": "h264", "bitrate": 2_000_000},
        "webrtc": {
            "enabled": True,
            "stun_server": "",
            "max_clients": 4,
            "bitrate": 2_000_000,
            "mtu": 1100,
            "timeout": 5000,
            "webrtc_port_1": 5557,
            "webrtc_port_2": 0,
            "codec": "h264",
        },
        "logging": {"stats_log_interval_seconds": 60.0},
        "limits": {"max_memory_usage_mb": 0},
        "debug": {"enable_memory_monitoring": True, "memory_check_interval_seconds": 30.0},
        "timeouts": {"shutdown_timeout_seconds": 2.0},
    }
    assert told("")["camera1"]["flip_method"] == "vertical-flip"
    both = told("[camera1]\nfps = 5\n[camera-1]\nfps = 6")
    assert both["camera1"]["fps"] == 5, "that of the section that counts"


def test_a_config_toml_may_have_any_name(tmp_path):
    file = tmp_path / "robot.conf"
    file.write_text("# nothing yet\n")
    with pytest.raises(ConfigError, match="is not a mapping of node names"):
        read_config(str(file))
    assert read_config(str(file), toml=True).cameras == ["camera1"]


def test_what_json_does_not_have_is_left_empty():
    text = (
        f"[Camera-1]\nwidth = 0x{'f' * 5000}\n[app]\nday = 2026-11-22\nfar = [inf, 0x{'f' * 5000}]"
    )
    (error,) = errors(text)
    assert "[Camera-1] width = a value of the type int: expected a whole number" in error
    document = told(text.replace("width", "unknown-key"))
    assert document["camera1"]["unknown_key"] is None
    assert document["app"] == {"day": "2026-11-22", "far": [None, None]}


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
