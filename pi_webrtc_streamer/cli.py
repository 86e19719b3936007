"""pi-webrtc-streamer: cameras and bridge in one process, for machines without the ros2 command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .lean import import_ros
from .owning import Owned
from .signals import StopRequest, stopping_on_signals

SUPPORTED = ((3, 10), (3, 13))

FOR_BRIDGE = ("host", "port", "auth", "token_file", "tls", "tls_certificate", "tls_key")

EPILOG = """\
examples:
  pi-webrtc-streamer                               the Raspberry Pi's camera, or a test pattern
  pi-webrtc-streamer --source clip.mp4 --port 8090
  pi-webrtc-streamer --host 0.0.0.0                reachable from the network, with a token
  pi-webrtc-streamer --host 0.0.0.0 --tls self-signed --token-file ~/.ros/robot.tokens
  pi-webrtc-streamer --config streamer.yaml --ros-args --log-level debug
"""


class ConfigError(ValueError):
    """A configuration file that cannot be used; the text names it and says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status: 0 after Ctrl-C or SIGTERM, 1 if it cannot run."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    own, ros = split_ros_arguments(arguments)
    options = parser().parse_args(own)
    if not SUPPORTED[0] <= sys.version_info[:2] <= SUPPORTED[1]:
        return _fail(
            f"Python {sys.version_info[0]}.{sys.version_info[1]} is not supported; "
            "use one from 3.10 to 3.13"
        )
    try:
        config = read_config(options.config) if options.config else {}
    except ConfigError as error:
        return _fail(str(error))
    try:
        import_ros()
    except ImportError as error:
        return _fail(
            f"ROS 2's rclpy cannot be imported ({error}); source a ROS 2 installation "
            "(. /opt/ros/jazzy/setup.bash) or use make run, which installs its wheels"
        )
    if options.config:
        ros = ["--params-file", options.config, *ros]
    with stopping_on_signals() as stop:
        return _run(options, camera_names(config), ros, stop)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="pi-webrtc-streamer",
        description="Show a robot's cameras in a browser over WebRTC, and publish them to ROS 2.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--source", help="auto, picamera2, pattern, or the path or URL of a video (auto)")
    add("--camera", help="the Raspberry Pi camera: its number, or its libcamera id (0)")
    add("--width", type=int, help="width to capture, in pixels (1280)")
    add("--height", type=int, help="height to capture, in pixels (720)")
    add("--framerate", type=float, help="pictures a second (30)")
    add("--host", help="address to serve on: 0.0.0.0 for the network (127.0.0.1)")
    add("--port", type=int, help="port to serve on (8080)")
    add("--auth", help="who may come in: auto (with a token, from elsewhere), token or none (auto)")
    add("--token-file", metavar="FILE", help="keeps the tokens; made if it is missing")
    add("--tls", help="HTTPS: none, self-signed, or files, which the next two name (none)")
    add("--tls-certificate", metavar="FILE", help="PEM file")
    add("--tls-key", metavar="FILE", help="PEM file")
    add("--config", metavar="FILE", help="a ROS 2 parameter file, like config/streamer.yaml")
    return parser


def split_ros_arguments(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Return what is for us and what, after ``--ros-args``, is for ROS."""
    if "--ros-args" not in arguments:
        return arguments, []
    place = arguments.index("--ros-args")
    return arguments[:place], [each for each in arguments[place + 1 :] if each != "--"]


def read_config(path: str) -> dict[str, Any]:
    """Return a ROS parameter file's content, having seen that it is one.

    :raises ConfigError: if it is missing or is none.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the configuration {path} cannot be read: {error}") from error
    return parse_config(text, path)


def parse_config(text: str, path: str) -> dict[str, Any]:
    """Return the content of a ROS parameter file that was read from ``path``.

    :raises ConfigError: if it is none.
    """
    import yaml

    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # 2026-13-01 is a ValueError
        raise ConfigError(f"the configuration {path} is no YAML: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"the configuration {path} is not a mapping of node names")
    for node, section in content.items():
        if not isinstance(section, dict) or not isinstance(section.get("ros__parameters"), dict):
            raise ConfigError(
                f'the configuration {path} has no "ros__parameters:" below "{node}:"; '
                "config/streamer.yaml shows the form"
            )
    nodes = {"bridge", *camera_names(content)}
    for node in content:
        if node != "/**" and str(node).removeprefix("/") not in nodes:
            raise ConfigError(
                f'the configuration {path} has a section "{node}"; the nodes are '
                f"bridge and the cameras that it names: {', '.join(camera_names(content))}"
            )
    return content


def camera_names(config: dict[str, Any]) -> list[str]:
    """Return the cameras that a parameter file gives the bridge."""
    for node in ("/bridge", "bridge", "/**"):
        cameras = config.get(node, {}).get("ros__parameters", {}).get("cameras")
        if isinstance(cameras, list) and cameras:
            return [str(name) for name in cameras]
    return ["camera"]


def _run(options: argparse.Namespace, cameras: list[str], ros: list[str], stop: StopRequest) -> int:
    from rclpy.impl.implementation_singleton import rclpy_implementation

    from .process import longest_end, owning, ros_context, spinning

    with Owned() as owned:
        try:
            owned.enter("ROS", ros_context(["pi-webrtc-streamer", "--ros-args", *ros]))
        except (
            rclpy_implementation.RCLError,
            rclpy_implementation.RCLInvalidROSArgsError,
            rclpy_implementation.UnknownROSArgsError,
        ) as error:
            return _fail(f"ROS 2 does not take these arguments: {error}")
        nodes = owned.enter("the nodes", owning(_make_nodes(options, cameras)))
        stop.longest_end = longest_end(nodes)
        if not all(node.bring_up() for node in nodes):
            return _fail("it cannot start; the error above says why")
        owned.enter("what the nodes run in", spinning(nodes))
        if not stop.is_set():
            print(f"\n  Open {nodes[-1].link} in a browser. Ctrl-C ends.\n", flush=True)
        stop.wait()
    return 0


def _make_nodes(options: argparse.Namespace, cameras: list[str]) -> list[Any]:
    """Make a node for each camera and, last, the bridge."""
    from .bridge_node import BridgeNode
    from .camera_node import CameraNode

    given = {name: value for name, value in vars(options).items() if value is not None}
    given.pop("config", None)
    for_bridge: dict[str, Any] = {name: given.pop(name) for name in FOR_BRIDGE if name in given}
    nodes = [CameraNode(name, given) for name in cameras]
    return [*nodes, BridgeNode(overrides=for_bridge)]


def _fail(why: str) -> int:
    print(f"pi-webrtc-streamer: {why}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
