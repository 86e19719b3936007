"""The HTTP server stops, and hangs up on everybody."""

import asyncio
import gc
import socket
from contextlib import suppress

import pytest

from pi_webrtc_streamer.bridge import Bridge
from pi_webrtc_streamer.loop import LoopThread
from pi_webrtc_streamer.settings.bridge import BridgeSettings
from pi_webrtc_streamer.web.access import make_access
from pi_webrtc_streamer.web.server import WebServer, listen
from support.waiting import GIVE_UP_AFTER


@pytest.mark.parametrize("turns", range(5))
def test_who_connects_while_it_stops_is_hung_up_on(turns):
    """However far asyncio has come with the connection, and without a garbage collection."""
    clients = [socket.socket() for _ in range(3)]
    listening = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]

    async def connect_and_stop() -> None:
        settings = BridgeSettings()
        access = make_access(settings, ("127.0.0.1", port), print, print)
        server = WebServer(Bridge(settings, {}, lambda topic: []), access)
        await server.start(listening)
        for client in clients:
            client.settimeout(GIVE_UP_AFTER)
            client.connect(("127.0.0.1", port))
        for _ in range(turns):
            await asyncio.sleep(0)
        await server.stop()

    loop = LoopThread("test")
    gc.disable()
    try:
        loop.run(connect_and_stop())
        loop.close()
        listening.close()
        for client in clients:
            with suppress(ConnectionResetError):  # it was not even accepted
                assert client.recv(1) == b""
    finally:
        gc.enable()
        loop.close()
        for client in [*clients, listening]:
            client.close()
