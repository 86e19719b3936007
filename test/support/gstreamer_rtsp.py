# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""GStreamer's RTSP server, which sends what comes by standard input.

Runs with the system's Python, which has GStreamer's bindings, and imports nothing of this project.
Says the port in a line, and ends when its standard input does::

    /usr/bin/python3 gstreamer_rtsp.py CAPS PAYLOADER [USER PASSWORD] < pictures

CAPS are of the pictures, PAYLOADER is what they go through (``rtpjpegpay``). Before each picture
come its length in bytes and its stamp in nanoseconds, as big-endian numbers of 4 and 8 bytes.
"""

from __future__ import annotations

import os
import struct
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

HEADER = struct.Struct(">IQ")


class Feed:
    """Hands each picture to everybody who watches."""

    def __init__(self) -> None:
        self._sources: list[Gst.Element] = []
        self._changing = threading.Lock()

    def configure(self, _: GstRtspServer.RTSPMediaFactory, media: GstRtspServer.RTSPMedia) -> None:
        media.connect("new-state", send_at_once)
        source = media.get_element().get_by_name_recurse_up("source")
        with self._changing:
            self._sources = [source]

    def push(self, picture: bytes, stamp: int) -> None:
        buffer = Gst.Buffer.new_wrapped(picture)
        buffer.pts = buffer.dts = stamp
        with self._changing:
            for source in self._sources:
                source.emit("push-buffer", buffer)

    def read(self) -> None:
        pictures = sys.stdin.buffer
        while len(header := pictures.read(HEADER.size)) == HEADER.size:
            length, stamp = HEADER.unpack(header)
            self.push(pictures.read(length), stamp)
        os._exit(0)


def send_at_once(media: GstRtspServer.RTSPMedia, _: int) -> None:
    """Have pictures sent when they come, and not when their stamps say."""
    sinks = media.get_element().get_parent().iterate_all_by_element_factory_name
    for name in ("udpsink", "multiudpsink", "appsink"):
        sinks(name).foreach(lambda sink: sink.set_property("sync", False))


def main(caps: str, payloader: str, *login: str) -> None:
    """Serve until the standard input ends."""
    Gst.init(None)
    feed = Feed()
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    factory = GstRtspServer.RTSPMediaFactory()
    source = f'appsrc name=source is-live=true format=time caps="{caps}"'
    factory.set_launch(f"( {source} ! {payloader} name=pay0 )")
    factory.set_shared(True)
    factory.connect("media-configure", feed.configure)
    if login:
        protect(server, factory, *login)
    server.get_mount_points().add_factory("/camera", factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    threading.Thread(target=feed.read, daemon=True).start()
    GLib.MainLoop().run()


def protect(
    server: GstRtspServer.RTSPServer,
    factory: GstRtspServer.RTSPMediaFactory,
    user: str,
    password: str,
) -> None:
    """Let in only who knows the password."""
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    factory.set_permissions(permissions)


if __name__ == "__main__":
    main(*sys.argv[1:])
