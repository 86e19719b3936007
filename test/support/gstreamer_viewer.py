# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""GStreamer's webrtcbin as a viewer, by WHEP.

Runs with the system's Python, which has GStreamer's bindings, and imports nothing of this project.
Says what happens in lines of JSON, and ends when its standard input does::

    /usr/bin/python3 gstreamer_viewer.py URL CAPS [CAPS...] < nothing

Each of CAPS (``application/x-rtp,media=video,...``) is a media section of the offer, in this order.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import urllib.error
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

GATHERED_WITHIN = 10.0  # seconds


def say(**what: object) -> None:
    print(json.dumps(what), flush=True)


class Viewer:
    """Offers, takes the answer and counts decoded pictures."""

    def __init__(self, url: str, sections: list[str]) -> None:
        self._url = url
        self._frames = 0
        self._gathered = threading.Event()
        self.pipeline = Gst.Pipeline.new()
        self._peer = Gst.ElementFactory.make("webrtcbin")
        self._peer.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self._peer.connect("notify::ice-gathering-state", self._on_gathering)
        self._peer.connect("notify::connection-state", self._on_connection)
        self._peer.connect("pad-added", self._on_pad)
        self.pipeline.add(self._peer)
        receive = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
        for caps in sections:
            self._peer.emit("add-transceiver", receive, Gst.Caps.from_string(caps))
        self.pipeline.set_state(Gst.State.PLAYING)

    def watch(self) -> None:
        """Offer with all candidates, and take the answer."""
        promise = self._ask("create-offer", None)
        reply = promise.get_reply()  # what is in it lives as long as both do
        offered = reply.get_value("offer")
        self._ask("set-local-description", offered)
        self._gathered.wait(GATHERED_WITHIN)
        offer = self._peer.get_property("local-description").sdp.as_text()
        request = urllib.request.Request(
            self._url, offer.encode(), {"Content-Type": "application/sdp"}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                say(status=response.status, answer=(answer := response.read().decode()))
        except urllib.error.HTTPError as error:
            say(status=error.code, error=error.read().decode(), offer=offer)
            return
        _, sdp = GstSdp.SDPMessage.new_from_text(answer)
        kind = GstWebRTC.WebRTCSDPType.ANSWER
        description = GstWebRTC.WebRTCSessionDescription.new(kind, sdp)
        self._peer.emit("set-remote-description", description, None)

    def _ask(self, action: str, argument: object) -> Gst.Promise:
        promise = Gst.Promise.new()
        self._peer.emit(action, argument, promise)
        promise.wait()
        return promise

    def _on_gathering(self, peer: Gst.Element, _: object) -> None:
        if peer.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            self._gathered.set()

    def _on_connection(self, peer: Gst.Element, _: object) -> None:
        say(state=peer.get_property("connection-state").value_nick)

    def _on_pad(self, _: Gst.Element, pad: Gst.Pad) -> None:
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        decode = Gst.ElementFactory.make("decodebin")
        decode.connect("pad-added", self._on_decoded)
        self.pipeline.add(decode)
        decode.sync_state_with_parent()
        pad.link(decode.get_static_pad("sink"))

    def _on_decoded(self, _: Gst.Element, pad: Gst.Pad) -> None:
        sink = Gst.ElementFactory.make("fakesink")
        sink.set_property("sync", False)
        sink.set_property("signal-handoffs", True)
        sink.connect("handoff", self._on_frame)
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def _on_frame(self, _: Gst.Element, buffer: Gst.Buffer, pad: Gst.Pad) -> None:
        self._frames += 1
        caps = pad.get_current_caps().get_structure(0)
        size = [caps.get_int(side).value for side in ("width", "height")]
        say(frame=self._frames, size=size)


def main(url: str, *sections: str) -> None:
    """Watch until the standard input ends."""
    Gst.init(None)
    loop = GLib.MainLoop()
    viewer = Viewer(url, list(sections))
    bus = viewer.pipeline.get_bus()
    bus.add_signal_watch()
    bus.connect("message::error", lambda _, message: say(gstreamer=str(message.parse_error()[0])))

    def work() -> None:
        viewer.watch()
        sys.stdin.read()
        os._exit(0)  # without a word to the bridge

    threading.Thread(target=work, daemon=True).start()
    loop.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
