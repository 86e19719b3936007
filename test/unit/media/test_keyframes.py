# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""When key frames are due."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.media.keyframes import KeyframeGate

steps = st.lists(st.tuples(st.floats(0, 0.2), st.booleans()), max_size=100)


@given(steps, st.floats(0.01, 0.5))
def test_key_frames_keep_their_distance_and_serve_every_request(script, interval):
    gate = KeyframeGate(interval)
    now = 0.0
    made: list[float] = []
    requested: float | None = None
    for step, request in script:
        now += step
        if request:
            gate.request(now)
            requested = now if requested is None else requested
        if gate.due(now):
            assert requested is not None, "nobody had asked"
            gate.made(now)
            made.append(now)
            requested = None
        elif requested is not None:
            assert made
            assert now < made[-1] + interval, "it could have been made"
    assert all(b - a >= interval - 1e-9 for a, b in itertools.pairwise(made))
    assert gate.pending == (requested is not None)
