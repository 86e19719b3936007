# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What each step towards a short way brings: glass to glass with one of them left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from playwright.sync_api import Browser, Page

from .browser import chromium, our_page
from .figures import Part, percentile
from .glass import Contestant
from .processes import HD_ALL_PHASES, streamer
from .turns import take_turns

# The page offers no playout-delay, and so gets a plain stream.
NO_PLAYOUT_DELAY = """
const addTransceiver = RTCPeerConnection.prototype.addTransceiver;
RTCPeerConnection.prototype.addTransceiver = function (...given) {
    const transceiver = addTransceiver.apply(this, given);
    transceiver.setHeaderExtensionsToNegotiate(
        transceiver.getHeaderExtensionsToNegotiate().map((each) =>
            each.uri.includes('playout-delay') ? { ...each, direction: 'stopped' } : each));
    return transceiver;
};
"""
NO_JITTER_BUFFER_TARGET = """
delete RTCRtpReceiver.prototype.jitterBufferTarget;
delete RTCRtpReceiver.prototype.playoutDelayHint;
"""


STEPS = (
    ("as it is", "", ()),
    ("without playout-delay", NO_PLAYOUT_DELAY, ()),
    ("without jitterBufferTarget", NO_JITTER_BUFFER_TARGET, ()),
    ("without both", NO_PLAYOUT_DELAY + NO_JITTER_BUFFER_TARGET, ()),
    ("with one encoder thread", "", ("encoder_threads:=1",)),
)


def run(progress: Callable[[str], None]) -> Iterator[Part]:
    """Measure them in turn."""
    part = Part(f"Glass to glass in Chromium, {HD_ALL_PHASES}, H.264, with something left out")
    contestants = [
        Contestant(name, _opener(before, given), "ours") for name, before, given in STEPS
    ]
    with chromium() as browser:
        take_turns("steps", contestants, browser, part, progress)
    for each in contestants:
        part.add(f"{each.name}: p50", percentile(each.lags, 0.5), "ms")
        part.add(f"{each.name}: p95", percentile(each.lags, 0.95), "ms")
    part.details["rounds"] = {
        each.name: [seen.lags for seen in each.rounds] for each in contestants
    }
    yield part


def _opener(
    before: str, parameters: tuple[str, ...]
) -> Callable[[Browser], AbstractContextManager[Page]]:
    @contextmanager
    def opened(browser: Browser) -> Iterator[Page]:
        with (
            streamer(HD_ALL_PHASES, "127.0.0.1", *parameters) as running,
            our_page(browser, running.url, before=before) as page,
        ):
            yield page

    return opened
