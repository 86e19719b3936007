# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A machine that has no network: the viewer is told so, and does not wait for a picture."""

import asyncio
import json
import subprocess
import sys

import pytest

from support.network import NoNetwork, loopback_alone
from support.program import Program, free_port
from support.whep import make_offer

POST = """
import json, sys, urllib.error, urllib.request
headers = {"Content-Type": "application/sdp"}
request = urllib.request.Request(sys.argv[1], sys.stdin.buffer.read(), headers)
try:
    with urllib.request.urlopen(request) as response:
        print(json.dumps([response.status, response.read().decode()]))
except urllib.error.HTTPError as error:
    print(json.dumps([error.code, json.load(error)["error"]]))
"""


@pytest.fixture
def alone():
    try:
        with loopback_alone() as within:
            yield within
    except NoNetwork as error:
        pytest.skip(str(error))


def test_an_answer_without_candidates_is_none(alone):
    offer, port = asyncio.run(make_offer()), free_port()
    address = ("--source", "pattern", "--port", str(port))
    with Program("pi-webrtc-streamer", *address, within=alone) as program:
        program.wait_for_output("Open http")
        posted = subprocess.run(
            [*alone, sys.executable, "-c", POST, f"http://127.0.0.1:{port}/whep/camera"],
            input=offer.encode(),
            capture_output=True,
            check=True,
            timeout=30,
        )
    status, why = json.loads(posted.stdout)
    assert status == 503
    assert "no network address that a viewer could reach" in why
