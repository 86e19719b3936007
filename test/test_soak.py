# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The soak test in a minute: everything happens at least once, and nothing is left over.

What memory does shows in hours only; ``make soak`` looks at that.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from soak.events import EVENTS

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_whatever_viewers_and_cameras_do_everything_is_given_back(tmp_path):
    paths = os.pathsep.join([str(ROOT), str(ROOT / "test"), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        [sys.executable, "-m", "soak", "--minutes", "1", "--folder", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=400)
        finally:
            process.terminate()  # if it still runs, it ends all that it has started
    assert process.returncode == 0, output
    outcome = json.loads((tmp_path / "soak.json").read_text())
    assert set(outcome["events"]) == {event.__name__ for event in EVENTS}, output
    assert outcome["base"] is not None, output
    for name, base in outcome["base"].items():
        assert outcome["final"][name] <= base, output
    for name in ("viewers", "frames", "pictures", "encoders", "peers"):
        assert outcome["final"][name] == 0, output
