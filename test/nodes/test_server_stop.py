# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The HTTP server stops, and hangs up on everybody."""

import asyncio
import gc
import socket
from contextlib import suppress

import pytest

from pi_webrtc_streamer.bridge import Bridge
from pi_webrtc_streamer.runtime.loop import LoopThread
from pi_webrtc_streamer.settings.bridge import BridgeSettings
from pi_webrtc_streamer.web.access import make_access
from pi_webrtc_streamer.web.ports import listen
from pi_webrtc_streamer.web.server import WebServer, make_app
from support.waiting import GIVE_UP_AFTER


@pytest.mark.parametrize("turns", range(5))
def test_who_connects_while_it_stops_is_hung_up_on(turns):
    """However far asyncio has come with the connection, and without a garbage collection."""
    clients = [socket.socket() for _ in range(3)]
    settings = BridgeSettings()
    listener = listen("127.0.0.1", 0)
    access = make_access(settings, listener.getsockname(), print, print)
    bridge = Bridge(settings, {}, lambda topic: [])

    async def connect_and_stop() -> None:
        server = WebServer(make_app(bridge, access), settings, access.tls)
        await server.start(listener)
        for client in clients:
            client.settimeout(GIVE_UP_AFTER)
            client.connect(listener.getsockname())
        for _ in range(turns):
            await asyncio.sleep(0)
        await server.stop()
        listener.close()

    loop = LoopThread("test")
    gc.disable()
    try:
        loop.run(connect_and_stop())
        loop.close()
        for client in clients:
            with suppress(ConnectionResetError):  # it was not even accepted
                assert client.recv(1) == b""
    finally:
        gc.enable()
        loop.close()
        for client in clients:
            client.close()
