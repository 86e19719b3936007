# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The predecessor's part of the command line, and of the environment."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

from ..settings.addresses import LARGEST_PORT
from ..settings.config import Config
from ..settings.schema import Value
from .config.given import Given

FOR_BRIDGE = ("pi_ip",)  # options that are parameters of the bridge
NO_PARAMETERS = ("base_port",)


def add_options(parser: argparse.ArgumentParser, both: Callable[[str], tuple[str, str]]) -> None:
    """Add the options to a parser; ``both`` returns an option's two spellings."""
    parser.add_argument(
        *both("base-port"),
        type=_port,
        metavar="PORT",
        help="where the predecessor's clients ask for the first camera; the next one's is one more",
    )
    parser.add_argument(
        *both("pi-ip"), metavar="ADDRESS", help="this machine's, for the predecessor's clients"
    )


def _port(text: str) -> int:
    port = int(text) if text.isdecimal() else 0
    if not 1 <= port <= LARGEST_PORT:
        raise argparse.ArgumentTypeError(f"{text} is no port from 1 to {LARGEST_PORT}")
    return port


def given(options: argparse.Namespace) -> Given:
    """Return what is said to a config.toml; the environment's word where the options have none."""
    options.pi_ip = options.pi_ip or os.environ.get("PI_IP") or None
    return Given(options.port, options.base_port, options.pi_ip or "")


def for_bridge(options: argparse.Namespace, config: Config) -> dict[str, Value]:
    """Return what follows for the bridge from the options; a config.toml has that already."""
    if options.base_port is None or config.translated:
        return {}
    return {
        f"{name}.signalling_port": options.base_port + number
        for number, name in enumerate(config.cameras)
    }
