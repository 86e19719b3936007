# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The schedule of statuses, and what drivers by WebSocket do without."""

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.webrtc.controllers import next_due

INTERVAL = 0.05


@given(st.integers(0, 10**6), st.floats(0, 100))
def test_a_schedule_neither_drifts_nor_catches_up(start, late):
    """What is due next is on the grid, comes later, and at once no more than one."""
    due = start * INTERVAL
    now = due + late
    following = next_due(due, now, INTERVAL)
    steps = (following - due) / INTERVAL
    assert abs(steps - round(steps)) < 1e-4
    assert round(steps) >= 1
    assert now - 1e-6 <= following <= now + INTERVAL + 1e-6


def test_a_schedule_that_is_kept_goes_on_from_when_it_was_due():
    assert next_due(10, 10.01, 1) == 11
    assert next_due(10, 9.99, 1) == 11, "a clock's rounding"
    assert next_due(10, 14.5, 1) == 15


def test_no_aiortc_is_loaded_for_drivers_by_websocket():
    look = (
        "import sys; import pi_webrtc_streamer.webrtc.controllers; "
        "assert {'aiortc', 'aioice', 'av', 'cryptography'}.isdisjoint(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", look], check=True, timeout=60)
