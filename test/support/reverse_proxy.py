# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Debian's nginx before a bridge, both as docs/security.md has them."""

import datetime
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pi_webrtc_streamer.web.self_signed import kept_certificate

from .program import Program, free_port, program_path
from .waiting import wait_for

NAME = "robot.example.org"
ORIGIN = f"https://{NAME}"
URL = f"{ORIGIN}/"
PATH = "robot1/"
SOCKET_PATH = f"{PATH}camera1/"
SECURITY = Path(__file__).parents[2] / "docs" / "security.md"
NGINX_CONF = """
daemon off;
{user}
pid {folder}/pid;
worker_processes 1;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""


def bridge_parameters(folder: Path) -> Path:
    """Write the bridge's parameters as the documentation has them into a file."""
    path = folder / "bridge.yaml"
    path.write_text(_block("yaml", "trusted_proxies:"))
    return path


def tokens(home: Path) -> dict[str, str]:
    """Return the tokens that the bridge has made where its parameters say, by their role."""
    text = (home / ".ros" / "pi_webrtc_streamer" / "tokens").read_text()
    return dict(line.split(" = ") for line in text.splitlines())


@contextmanager
def nginx(folder: Path, bridge_port: int, signalling_port: int | None = None) -> Iterator[int]:
    """Run nginx before a bridge with the documentation's configuration; yields its port.

    The bridge is there at the root and below :data:`PATH`, and the predecessor's socket below
    :data:`SOCKET_PATH`, if it has one.
    """
    if not program_path("nginx").exists():
        pytest.skip("there is no nginx in the environment (tools/nginx)")
    certificate, port = folder / "robot.pem", free_port()
    kept_certificate(certificate, {NAME}, datetime.datetime.now(datetime.timezone.utc))
    server = _block("nginx", "server {").rstrip().removesuffix("}")
    server += _block("nginx", f"location /{PATH} {{") + _block("nginx", "teleop/socket")
    if signalling_port is not None:
        socket_location = _block("nginx", f"location /{SOCKET_PATH} {{")
        server += socket_location.replace("127.0.0.1:5557", f"127.0.0.1:{signalling_port}")
    server += "}"
    for written, here in (
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("/etc/ssl/robot.pem", str(certificate)),
        ("/etc/ssl/private/robot.key", str(certificate)),  # it has both
    ):
        assert server.count(written) == 1, written
        server = server.replace(written, here)
    server = server.replace("127.0.0.1:8080", f"127.0.0.1:{bridge_port}")
    user = "user root;" if os.getuid() == 0 else ""  # nobody else may look into the folder
    conf = folder / "nginx.conf"
    conf.write_text(NGINX_CONF.format(user=user, folder=folder, server=server))
    with Program("nginx", "-p", str(folder), "-c", str(conf)) as program:
        wait_for(lambda: _listens(port, program), f"nginx:\n{program.output}")
        yield port


def _block(language: str, with_text: str) -> str:
    """Return the one code block of the documentation that has a text."""
    blocks = re.findall(
        rf"^```{language}\n(.*?)^```", SECURITY.read_text(), re.DOTALL | re.MULTILINE
    )
    (block,) = (block for block in blocks if with_text in block)
    return block


def _listens(port: int, program: Program) -> bool:
    assert program.process.poll() is None, program.output
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
