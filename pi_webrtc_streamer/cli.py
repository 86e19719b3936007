# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""pi-webrtc-streamer: cameras and bridge in one process, for machines without the ros2 command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from .predecessor import command as predecessor
from .ros.lean import import_ros
from .runtime.owning import Owned
from .runtime.signals import StopRequest, stopping_on_signals
from .settings.config import Config, dump_parameters
from .settings.config_file import read_config
from .settings.schema import ConfigError, SettingsError, Value
from .settings.topics import bridge_parameters, name_topics

SUPPORTED = ((3, 10), (3, 14))

FOR_BRIDGE = (
    *("host", "port", "auth", "token_file", "tls", "tls_certificate", "tls_key"),
    "teleop.enabled",
    *predecessor.FOR_BRIDGE,
)
FOR_CAMERAS = ("source", "camera", "width", "height", "framerate")
NO_PARAMETERS = (
    *("config", "list_cameras", "print_parameters", "log_level", "topic"),
    *predecessor.NO_PARAMETERS,
)
LOG_LEVELS = ("debug", "info", "warn", "error", "fatal")
LOG_LEVELS_OF_OTHERS = {"trace": "debug", "warning": "warn"}

EPILOG = """\
examples:
  pi-webrtc-streamer                               the Raspberry Pi's camera, or a test pattern
  pi-webrtc-streamer --list-cameras                which cameras there are, and how each is shown
  pi-webrtc-streamer --source clip.mp4 --port 8090
  pi-webrtc-streamer --host 0.0.0.0                reachable from the network, with a token
  pi-webrtc-streamer --host 0.0.0.0 --tls self-signed --token-file ~/.ros/robot.tokens
  pi-webrtc-streamer --topic /usb_cam/image_raw    the bridge alone, for another node's pictures
  pi-webrtc-streamer --teleop                      drive from the page; velocities go to cmd_vel
  pi-webrtc-streamer --config streamer.yaml --log-level debug
  pi-webrtc-streamer --config config.toml          the predecessor's file; docs/migration.md
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status: 0 after Ctrl-C or SIGTERM, 1 if it cannot run."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    own, ros = split_ros_arguments(arguments)
    options = parser().parse_args(own)
    if not SUPPORTED[0] <= sys.version_info[:2] <= SUPPORTED[1]:
        return _fail(
            f"Python {sys.version_info[0]}.{sys.version_info[1]} is not supported; "
            "use one from 3.10 to 3.14"
        )
    if options.list_cameras:
        return _list_cameras()
    try:
        config = _read_config(options)
        options.topic = _topics(options)
    except (ConfigError, SettingsError) as error:
        return _fail(str(error))
    if options.print_parameters:
        _print_parameters(options, config)
        return 0
    try:
        import_ros()
    except ImportError as error:
        return _fail(
            f"ROS 2's rclpy cannot be imported ({error}); source a ROS 2 installation "
            "(. /opt/ros/jazzy/setup.bash) or use make run, which installs its wheels"
        )
    if options.log_level:
        ros = ["--log-level", options.log_level, *ros]
    with stopping_on_signals() as stop:
        return _run(options, config, ros, stop)


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
    add(
        "--source",
        help="auto, picamera2, v4l2, pattern, or the path or URL of a video or picture (auto)",
    )
    add("--camera", help="its number, its libcamera id, or /dev/video0 (0)")
    add("--width", type=int, help="width to capture, in pixels (1280)")
    add("--height", type=int, help="height to capture, in pixels (720)")
    add("--framerate", type=float, help="pictures a second (30)")
    add("--list-cameras", action="store_true", help="print which cameras there are, and end")
    add(
        "--topic",
        action="append",
        metavar="TOPIC",
        help="show another node's pictures (Image or CompressedImage), and start no camera; may be "
        "repeated",
    )
    add("--host", help="address to serve on: 0.0.0.0 for the network (127.0.0.1)")
    add("--port", *both("web-port"), type=int, help="port to serve on (8080)")
    add("--auth", help="who may come in: auto (from elsewhere with a token), token, open or none")
    add("--token-file", metavar="FILE", help="keeps the tokens; made if it is missing")
    add("--tls", help="HTTPS: none, self-signed, or files, which the next two name (none)")
    add("--tls-certificate", metavar="FILE", help="PEM file")
    add("--tls-key", metavar="FILE", help="PEM file")
    add(
        "--teleop",
        dest="teleop.enabled",
        action="store_const",
        const=True,
        help="let whoever has the role drive also drive the robot (docs/safety.md comes first)",
    )
    add(
        *both("config"),
        metavar="FILE",
        help="a ROS 2 parameter file, like config/streamer.yaml, or the predecessor's config.toml",
    )
    add("--print-parameters", action="store_true", help="print what that comes to, and end")
    add(
        *both("log-level"), type=_log_level, metavar="LEVEL", help=f"{', '.join(LOG_LEVELS)} (info)"
    )
    predecessor.add_options(parser, both)
    return parser


def both(name: str) -> tuple[str, str]:
    """Return an option's name and, as the Go streamer took it, the same with one dash."""
    return f"--{name}", f"-{name}"


def _log_level(text: str) -> str:
    level = LOG_LEVELS_OF_OTHERS.get(text.lower(), text.lower())
    if level not in LOG_LEVELS:
        raise argparse.ArgumentTypeError(f"{text} is none of {', '.join(LOG_LEVELS)}")
    return level


def split_ros_arguments(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Return what is for us and what, after ``--ros-args``, is for ROS."""
    if "--ros-args" not in arguments:
        return arguments, []
    place = arguments.index("--ros-args")
    return arguments[:place], [each for each in arguments[place + 1 :] if each != "--"]


def _read_config(options: argparse.Namespace) -> Config:
    """Read the file that is given.

    :raises ConfigError: if it cannot be used.
    """
    given = predecessor.given(options)
    return read_config(options.config, given) if options.config else Config()


def _topics(options: argparse.Namespace) -> dict[str, str]:
    """Return the topics of other nodes that are to be shown, by names for their cameras.

    :raises SettingsError: if they are none, or something is said of cameras of ours, too.
    """
    topics = name_topics(options.topic or [])
    given = [name for name in FOR_CAMERAS if getattr(options, name) is not None]
    if topics and given:
        raise SettingsError(
            f"--{given[0]} is for a camera of ours, and with --topic there is none: leave one out"
        )
    return topics


def _list_cameras() -> int:
    """Print the cameras, and to the other stream what else was found and why it is left out."""
    from .camera.listing import NO_CAMERA, list_cameras

    cameras, remarks = list_cameras()
    print("\n\n".join(cameras), end="\n" if cameras else "")
    for remark in remarks:
        print(f"pi-webrtc-streamer: {remark}", file=sys.stderr)
    return 0 if cameras else _fail(NO_CAMERA)


def _print_parameters(options: argparse.Namespace, config: Config) -> None:
    """Print each node's parameters as a file that --config takes, and say what there is to say."""
    for level, texts in (("info", config.infos), ("warning", config.warnings)):
        for text in texts:
            print(f"{level}: {text}", file=sys.stderr)
    for_cameras, for_bridge = _overrides(options, config)
    cameras = _own_cameras(options, config)
    nodes = {name: config.parameters(name) | for_cameras for name in cameras}
    nodes["bridge"] = {"cameras": config.cameras} | config.parameters("bridge") | for_bridge
    content = {name: {"ros__parameters": parameters} for name, parameters in nodes.items()}
    print(dump_parameters(content), end="")


def _own_cameras(options: argparse.Namespace, config: Config) -> list[str]:
    """Return the names of the cameras to start: none where others' topics are shown."""
    return [] if options.topic else config.cameras


def _run(options: argparse.Namespace, config: Config, ros: list[str], stop: StopRequest) -> int:
    from rclpy.impl.implementation_singleton import rclpy_implementation

    from .ros.process import longest_end, owning, ros_context, spinning

    with Owned() as owned:
        try:
            with config.parameter_file() as file:
                arguments = ["pi-webrtc-streamer", "--ros-args", *file, *ros]
                owned.enter("ROS", ros_context(arguments))
        except (
            rclpy_implementation.RCLError,
            rclpy_implementation.RCLInvalidROSArgsError,
            rclpy_implementation.UnknownROSArgsError,
        ) as error:
            return _fail(f"ROS 2 does not take these arguments: {error}")
        _log(config)
        nodes = owned.enter("the nodes", owning(_make_nodes(options, config)))
        stop.longest_end = longest_end(nodes)
        if not all(node.bring_up() for node in nodes):
            return _fail("it cannot start; the error above says why")
        owned.enter("what the nodes run in", spinning(nodes))
        if not stop.is_set():
            print(f"\n  Open {nodes[-1].link} in a browser. Ctrl-C ends.\n", flush=True)
        stop.wait()
    return 0


def _log(config: Config) -> None:
    from rclpy.logging import get_logger

    logger = get_logger("pi_webrtc_streamer")
    for text in config.infos:
        logger.info(text)
    for text in config.warnings:
        logger.warning(text)


def _make_nodes(options: argparse.Namespace, config: Config) -> list[Any]:
    """Make a node for each camera and, last, the bridge."""
    from .bridge_node import BridgeNode
    from .camera_node import CameraNode

    for_cameras, for_bridge = _overrides(options, config)
    nodes = [CameraNode(name, for_cameras) for name in _own_cameras(options, config)]
    return [*nodes, BridgeNode(overrides=for_bridge)]


def _overrides(
    options: argparse.Namespace, config: Config
) -> tuple[dict[str, Value], dict[str, Value]]:
    """Return the parameters that the options give: of every camera, and of the bridge."""
    given = {
        name: value
        for name, value in vars(options).items()
        if value is not None and name not in NO_PARAMETERS
    }
    for_bridge = {name: given.pop(name) for name in FOR_BRIDGE if name in given}
    if options.topic:
        for_bridge |= bridge_parameters(options.topic)
    return given, for_bridge | predecessor.for_bridge(options, config)


def _fail(why: str) -> int:
    print(f"pi-webrtc-streamer: {why}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
