# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How long the page waits for a picture over a connection that brings something, or nothing."""

import pytest

from support.browser import operator as looking
from support.program import Program, free_port

# Between network and decoder, so that what arrives is counted and not decoded. The second
# connection is left alone.
WITHHOLD = """
const work = `onrtctransform = ({ transformer: { readable, writable } }) => {
    let withhold = false;
    onmessage = () => { withhold = true; };
    const sieve = (frame, control) => { if (!withhold) control.enqueue(frame); };
    readable.pipeThrough(new TransformStream({ transform: sieve })).pipeTo(writable);
};`;
const add = RTCPeerConnection.prototype.addTransceiver;
RTCPeerConnection.prototype.addTransceiver = function (...what) {
    const transceiver = add.apply(this, what);
    if (!window.withhold) {
        const worker = new Worker(URL.createObjectURL(new Blob([work])));
        window.withhold = () => worker.postMessage('withhold');
        transceiver.receiver.transform = new RTCRtpScriptTransform(worker, {});
    }
    return transceiver;
};
"""

# Notes what each second of the first connection brought, once nothing is decoded.
WATCH = """() => {
    const tile = streamer.cameras.get('camera');
    const seen = window.seen = [];
    let last = tile.stats;
    const look = setInterval(() => {
        if (tile.reconnects > 0) return clearInterval(look);
        if (tile.stats === last) return;
        if (tile.stats.framesDecoded === last.framesDecoded) seen.push(tile.stats.kbps);
        last = tile.stats;
    }, 50);
    window.withhold();
}"""


@pytest.fixture
def patient(browser):
    """Somebody whose browser can be told to withhold pictures from its decoder."""
    with looking(browser, bypass_csp=True) as operator:
        operator.page.add_init_script(WITHHOLD)
        yield operator


def test_a_connection_that_brings_something_is_given_time(patient):
    """A weak link is given pictures that it carries; a new connection would begin too large."""
    with Program(
        "pi-webrtc-streamer", "--source", "pattern", "--port", str(free_port())
    ) as program:
        program.wait_for_output("Open http")
        patient.open(program.link)
        patient.wait_for_frames()
        patient.page.evaluate(WATCH)
        patient.wait_for_state("frozen")
        patient.page.wait_for_function("() => streamer.cameras.get('camera').reconnects > 0")
        patient.wait_for_frames()
        seen = patient.page.evaluate("() => window.seen")
        # With nothing at all, it would be given up after the second of them.
        assert len(seen) >= 3
        assert all(kbps > 0 for kbps in seen)
        assert patient.reconnects() == 1
