# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""pi-webrtc-streamer as its users run it: a process, its output, its exit status."""

import json
import signal
import socket
import urllib.error
import urllib.request

import pytest

from pi_webrtc_streamer.cli import split_ros_arguments
from pi_webrtc_streamer.settings.config import Config
from pi_webrtc_streamer.settings.config_file import read_config
from pi_webrtc_streamer.settings.schema import ConfigError
from support.nodes import Publisher, grey_jpeg
from support.program import Program, free_port


@pytest.fixture
def port():
    return str(free_port())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_serves_and_ends_cleanly(port, number):
    with Program("pi-webrtc-streamer", "--source", "pattern", "--port", port) as program:
        program.wait_for_output(f"Open http://127.0.0.1:{port}/ in a browser")
        url = f"http://127.0.0.1:{port}/cameras/camera/snapshot.jpg"
        with urllib.request.urlopen(url, timeout=30) as response:
            assert response.read(2) == b"\xff\xd8"
        assert program.end(number) == 0
        assert "Traceback" not in program.output
        assert "error" not in program.output.lower()


def test_ctrl_c_twice_is_no_worse_than_once(port):
    with Program("pi-webrtc-streamer", "--source", "pattern", "--port", port) as program:
        program.wait_for_output("Open http")
        program.process.send_signal(signal.SIGINT)
        assert program.end(signal.SIGINT) == 0
        assert "Traceback" not in program.output


def test_ctrl_c_while_it_starts(port):
    """Whenever the signal comes, the process ends, and without a trace."""
    with Program("pi-webrtc-streamer", "--source", "pattern", "--port", port) as program:
        program.wait_for_output("source: test pattern")
        assert program.end() == 0
        assert "Traceback" not in program.output


@pytest.mark.parametrize("module", ["camera_node", "bridge_node"])
def test_a_node_on_its_own_ends_cleanly_from_any_state(module, port):
    parameter = f"port:={port}" if module == "bridge_node" else "source:=pattern"
    for autostart in ("true", "false"):
        arguments = ["--ros-args", "-p", parameter, "-p", f"autostart:={autostart}"]
        with Program(module, *arguments) as program:
            ready = "page: " if module == "bridge_node" else "publishing "
            program.wait_for_output(ready if autostart == "true" else "waiting to be")
            assert program.end(signal.SIGTERM) == 0
            assert "Traceback" not in program.output


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--source", "nowhere.mp4"], 'there is no file "nowhere.mp4"'),
        (["--source", "pattern", "--width", "5"], "width is 5; it must be from 16 to 8192"),
        (["--source", "pattern", "--port", "99999"], "port is 99999; it must be from 0 to 65535"),
        (["--config", "/nowhere.yaml"], "the configuration /nowhere.yaml cannot be read"),
        (["--source", "pattern", "--ros-args", "-p", "nonsense"], "does not take these arguments"),
    ],
)
def test_what_is_wrong_is_said_and_the_status_is_1(arguments, why):
    with Program("pi-webrtc-streamer", *arguments) as program:
        assert program.process.wait(30) == 1
        assert why in program.output
        assert "Traceback" not in program.output


def test_a_port_in_use(port):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", int(port)))
        holder.listen()
        with Program("pi-webrtc-streamer", "--source", "pattern", "--port", port) as program:
            assert program.process.wait(30) == 1
            assert f"port {port} on 127.0.0.1 is in use by another program" in program.output
            assert "Traceback" not in program.output


def test_from_the_network_it_takes_the_token_that_it_prints(port):
    with Program(
        "pi-webrtc-streamer", "--source", "pattern", "--port", port, "--host", "0.0.0.0"
    ) as program:
        address, _, token = program.link.partition("?token=")
        assert address.endswith(f":{port}/")
        url = f"http://127.0.0.1:{port}/cameras/camera/snapshot.jpg"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(url, timeout=30)
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=30) as response:
            assert response.read(2) == b"\xff\xd8"


def test_unknown_options_and_help():
    with Program("pi-webrtc-streamer", "--sauce", "x") as program:
        assert program.process.wait(30) == 2
        assert "unrecognized arguments: --sauce x" in program.output
    with Program("pi-webrtc-streamer", "--help") as program:
        assert program.process.wait(30) == 0
        for option in ("source", "camera", "width", "height", "framerate", "host", "port", "tls"):
            assert f"--{option}" in program.output


def test_cameras_are_listed_without_ros():
    """Here there are none: what was looked at is said, and what to do."""
    with Program("pi-webrtc-streamer", "--list-cameras") as program:
        assert program.process.wait(30) == (0 if "--source v4l2" in program.output else 1)
        assert "/dev/video" in program.output
        assert "cameras on a ribbon cable" in program.output or "picamera2" in program.output
        assert "Traceback" not in program.output


def test_a_late_source_is_found_by_itself(tmp_path, big_buck_bunny):
    """With autostart, a node whose configuration fails tries again."""
    clip = tmp_path / "clip.mp4"
    arguments = ["--ros-args", "-p", f"source:={clip}", "-p", "autostart:=true"]
    with Program("camera_node", *arguments) as program:
        program.wait_for_output("there is no file")
        clip.symlink_to(big_buck_bunny)
        program.wait_for_output("publishing /camera/image_raw/compressed")
        assert program.output.count("there is no file") == 1, "said once, not at every attempt"
        assert program.end() == 0


def test_a_parameter_file_names_cameras_and_settings(tmp_path, port):
    config = tmp_path / "config.yaml"
    config.write_text(
        "bridge:\n  ros__parameters:\n    cameras: [front]\n"
        "front:\n  ros__parameters:\n    source: pattern\n    width: 320\n    height: 240\n"
    )
    with Program("pi-webrtc-streamer", "--config", str(config), "--port", port) as program:
        program.wait_for_output("Open http")
        assert "test pattern, 320x240" in program.output
        url = f"http://127.0.0.1:{port}/cameras/front/snapshot.jpg"
        assert urllib.request.urlopen(url, timeout=30).status == 200
        assert program.end() == 0


def test_another_nodes_topic_is_shown_without_a_camera_of_ours(remote, port):
    jpeg = grey_jpeg(320, 240)
    topics = ("/usb_cam/image_raw/compressed", "/eye/image")
    given = [argument for topic in topics for argument in ("--topic", topic)]
    with (
        Publisher(remote, jpeg, topic=topics[0]),
        Program("pi-webrtc-streamer", "--port", port, *given) as program,
    ):
        program.wait_for_output("Open http")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/cameras", timeout=30) as answer:
            assert [each["name"] for each in json.load(answer)["cameras"]] == ["usb_cam", "eye"]
        url = f"http://127.0.0.1:{port}/cameras/usb_cam/snapshot.jpg"
        with urllib.request.urlopen(url, timeout=30) as answer:
            assert answer.read() == jpeg
        assert "publishing" not in program.output
        assert program.end() == 0


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--topic", "a topic"], '"a topic" is no topic name'),
        (["--topic", "/a", "--topic", "/a"], "the topic /a is given twice"),
        (["--topic", "/a", "--source", "pattern"], "--source is for a camera of ours"),
    ],
)
def test_a_wrong_topic_is_named(arguments, why):
    with Program("pi-webrtc-streamer", *arguments) as program:
        assert program.process.wait(30) == 1
        assert why in program.output


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [", "is no YAML"),
        ("just text", "is not a mapping"),
        ("camera: {source: pattern}", 'has no "ros__parameters:" below "camera:"'),
    ],
)
def test_a_wrong_parameter_file_is_named(tmp_path, text, why):
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        read_config(str(path))
    assert str(path) in str(error.value)
    assert why in str(error.value)


def test_an_unknown_key_in_the_file_is_an_error_where_that_is_asked_for(tmp_path, port):
    config = tmp_path / "config.yaml"
    given = "{source: pattern, framrate: 10, strict_parameters: true}"
    config.write_text(f"camera: {{ros__parameters: {given}}}\n")
    with Program("pi-webrtc-streamer", "--config", str(config), "--port", port) as program:
        assert program.process.wait(30) == 1
        assert 'unknown parameter "framrate": did you mean "framerate"?' in program.output


def test_arguments_are_split_between_us_and_ros():
    assert split_ros_arguments(["--port", "1"]) == (["--port", "1"], [])
    assert split_ros_arguments(["--port", "1", "--ros-args", "-p", "a:=1", "--"]) == (
        ["--port", "1"],
        ["-p", "a:=1"],
    )


def test_cameras_are_those_of_the_bridge():
    assert Config().cameras == ["camera"]
    assert Config({"/**": {"ros__parameters": {"cameras": ["a", "b"]}}}).cameras == ["a", "b"]
