# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Both nodes, as they are installed, run by a user without privileges."""

import signal
import ssl
import stat
import urllib.request
from pathlib import Path

import pytest

from support.ordinary_user import OrdinaryUser, ordinary_user
from support.program import Program, free_port, node


@pytest.fixture
def user():
    with ordinary_user() as user:
        yield user


def bridge_of(user: OrdinaryUser, port: int) -> Program:
    return node("bridge_node", f"port:={port}", "tls:=self-signed", user=user)


def assert_unprivileged(program: Program, user: OrdinaryUser) -> None:
    lines = Path(f"/proc/{program.process.pid}/status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines)
    assert {int(uid) for uid in status["Uid"].split()} == {user.uid}
    assert status["Groups"].strip() == ""
    assert int(status["CapPrm"], 16) == int(status["CapEff"], 16) == 0


def test_an_ordinary_user_gets_pictures_and_keeps_a_certificate(user):
    port = free_port()
    certificate = user.home / ".ros" / "pi_webrtc_streamer" / "self-signed.pem"
    camera = node("camera_node", "source:=pattern", "width:=320", "height:=240", user=user)
    with camera, bridge_of(user, port) as bridge:
        for program in (camera, bridge):
            program.wait_for_output("active")
            assert_unprivileged(program, user)
        trusting = ssl.create_default_context(cafile=certificate)
        url = f"https://127.0.0.1:{port}/cameras/camera/snapshot.jpg"
        with urllib.request.urlopen(url, context=trusting) as response:
            assert response.read().startswith(b"\xff\xd8"), "JPEG"
        made = certificate.stat()
        assert stat.S_IMODE(made.st_mode) == 0o600
        assert stat.S_IMODE(certificate.parent.stat().st_mode) == 0o700
        for program in (camera, bridge):
            assert program.end(signal.SIGTERM) == 0
            assert "[ERROR]" not in program.output
            assert "Traceback" not in program.output
    with bridge_of(user, port) as bridge:
        bridge.wait_for_output("active")
        assert bridge.end(signal.SIGTERM) == 0
    assert certificate.stat().st_mtime_ns == made.st_mtime_ns, "kept"
    assert list((user.home / "log").iterdir())
    assert {path.stat().st_uid for path in user.home.rglob("*")} == {user.uid}
