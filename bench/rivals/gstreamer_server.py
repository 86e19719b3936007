# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""GStreamer: one x264enc, and a payloader and a webrtcbin for each viewer.

Reads pictures from its standard input, each one's length in four bytes before it: JPEG, or the
planes of YUV 4:2:0 if a size is given. Runs with the system's Python, which has GStreamer's
bindings, and imports nothing of this project.

    /usr/bin/python3 gstreamer_server.py PORT BITRATE FRAMERATE [WIDTH HEIGHT] < pictures
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstVideo", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstVideo, GstWebRTC  # noqa: E402

PAGE = Path(__file__).parents[1] / "pages" / "gstreamer.html"
PAYLOAD_TYPE = 96
ENCODE = """
    appsrc name=camera is-live=true do-timestamp=true format=time max-buffers=1
        leaky-type=downstream caps={caps},framerate={framerate}/1
    ! {to_planes}
    x264enc name=encoder tune=zerolatency speed-preset=ultrafast bitrate={kilobits}
        key-int-max=100000 vbv-buf-capacity=200
    ! video/x-h264,profile=constrained-baseline,stream-format=byte-stream
    ! tee name=encoded allow-not-linked=true
"""
JPEG = {"caps": "image/jpeg", "to_planes": "jpegdec ! videoconvert ! video/x-raw,format=I420 !"}
RAW = "video/x-raw,format=I420,width={width},height={height}"
RTP = f"media=video,encoding-name=H264,payload={PAYLOAD_TYPE},packetization-mode=(string)1"
SEND = f"""
    queue name=queue max-size-buffers=3 leaky=downstream
    ! rtph264pay config-interval=-1 aggregate-mode=zero-latency pt={PAYLOAD_TYPE}
    ! capsfilter caps=application/x-rtp,{RTP}
"""
ANSWER_WITHIN = 10  # seconds


class Viewer:
    """One peer: a branch of the pipeline."""

    def __init__(self, pipeline: Gst.Pipeline) -> None:
        self._pipeline = pipeline
        self._gathered = threading.Event()
        self._branch = Gst.parse_bin_from_description(SEND, True)
        self._peer = Gst.ElementFactory.make("webrtcbin")
        self._peer.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self._peer.connect("notify::ice-gathering-state", self._on_gathering)
        self._peer.connect("notify::connection-state", self._on_connection)
        for element in (self._branch, self._peer):
            pipeline.add(element)
        self._branch.link(self._peer)
        transceiver = self._peer.emit("get-transceiver", 0)
        transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
        transceiver.set_property("do-nack", True)
        self._tee = pipeline.get_by_name("encoded")
        self._tee_pad = self._tee.request_pad_simple("src_%u")
        for element in (self._branch, self._peer):
            element.sync_state_with_parent()
        self._tee_pad.link(self._branch.get_static_pad("sink"))

    def offer(self) -> str:
        """Return an offer with all candidates."""
        # Its caps are known when the first picture has come through.
        pad = self._branch.get_static_pad("src")
        for _ in range(200):
            if pad.get_current_caps() is not None:
                break
            threading.Event().wait(0.01)
        promise = Gst.Promise.new()
        self._peer.emit("create-offer", None, promise)
        promise.wait()
        reply = promise.get_reply()
        offer = reply.get_value("offer")
        self._peer.emit("set-local-description", offer, None)
        self._gathered.wait(ANSWER_WITHIN)
        description = self._peer.get_property("local-description")
        return str(description.sdp.as_text())

    def answer(self, text: str) -> None:
        """Take the answer."""
        _, sdp = GstSdp.SDPMessage.new_from_text(text)
        kind = GstWebRTC.WebRTCSDPType.ANSWER
        answer = GstWebRTC.WebRTCSessionDescription.new(kind, sdp)
        promise = Gst.Promise.new()
        self._peer.emit("set-remote-description", answer, promise)
        promise.wait()

    def remove(self) -> bool:
        """Take the branch out of the pipeline."""
        self._tee.release_request_pad(self._tee_pad)
        for element in (self._branch, self._peer):
            element.set_state(Gst.State.NULL)
            self._pipeline.remove(element)
        return False

    def _on_gathering(self, peer: Gst.Element, _: object) -> None:
        if peer.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            self._gathered.set()

    def _on_connection(self, peer: Gst.Element, _: object) -> None:
        states = GstWebRTC.WebRTCPeerConnectionState
        state = peer.get_property("connection-state")
        if state == states.CONNECTED:
            event = GstVideo.video_event_new_upstream_force_key_unit(Gst.CLOCK_TIME_NONE, True, 0)
            self._pipeline.get_by_name("encoder").get_static_pad("src").send_event(event)
        elif state in (states.FAILED, states.CLOSED):
            GLib.idle_add(self.remove)


class Server(ThreadingHTTPServer):
    """Signalling."""

    daemon_threads = True

    def __init__(self, port: int, pipeline: Gst.Pipeline) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.pipeline = pipeline
        self.ids = itertools.count()
        self.viewers: dict[str, Viewer] = {}
        self.lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    """POST /session for an offer, POST /session/ID with the answer, DELETE /session/ID."""

    server: Server

    def do_GET(self) -> None:
        """Serve the page."""
        self._reply(PAGE.read_bytes(), "text/html")

    def do_POST(self) -> None:
        """Begin a session, or take its answer."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path == "/session":
            with self.server.lock:
                session, viewer = str(next(self.server.ids)), Viewer(self.server.pipeline)
                self.server.viewers[session] = viewer
                offer = viewer.offer()
            self._reply(json.dumps({"id": session, "sdp": offer}).encode(), "application/json")
        else:
            self.server.viewers[self.path.rpartition("/")[2]].answer(body)
            self._reply(b"", "text/plain")

    def do_DELETE(self) -> None:
        """End a session."""
        viewer = self.server.viewers.pop(self.path.rpartition("/")[2], None)
        if viewer is not None:
            GLib.idle_add(viewer.remove)
        self._reply(b"", "text/plain")

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _reply(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def feed(source: Gst.Element, loop: GLib.MainLoop) -> None:
    """Push every picture from the standard input until it ends."""
    pictures = sys.stdin.buffer
    while len(header := pictures.read(4)) == 4:
        picture = pictures.read(int.from_bytes(header, "big"))
        source.emit("push-buffer", Gst.Buffer.new_wrapped(picture))
    loop.quit()


def main(port: int, bitrate: int, framerate: int, width: int = 0, height: int = 0) -> None:
    """Serve until the pictures end."""
    Gst.init(None)
    loop = GLib.MainLoop()
    raw = {"caps": RAW.format(width=width, height=height), "to_planes": ""}
    encode = ENCODE.format(
        kilobits=bitrate // 1000, framerate=framerate, **(raw if width else JPEG)
    )
    pipeline = Gst.parse_launch(encode)
    pipeline.set_state(Gst.State.PLAYING)
    source = pipeline.get_by_name("camera")
    threading.Thread(target=feed, args=(source, loop), daemon=True).start()
    threading.Thread(target=Server(port, pipeline).serve_forever, daemon=True).start()
    bus = pipeline.get_bus()
    bus.add_signal_watch()
    bus.connect("message::error", lambda _, message: print(message.parse_error(), file=sys.stderr))
    loop.run()
    pipeline.set_state(Gst.State.NULL)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:6]))
