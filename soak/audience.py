# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Those who watch: over WebRTC in processes of their own, and over HTTP."""

from __future__ import annotations

import os
import signal
import socket
import struct
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

from aiortc import RTCConfiguration, RTCPeerConnection

from bench.counting import receive
from bench.viewers import ViewerProcess, viewer_process


class Group:
    """Viewers of one camera, in one codec, in a process; ended in any of four ways."""

    def __init__(self, url: str, camera: str, codec: str, number: int) -> None:
        self.number = number
        self._stack = ExitStack()
        self._process: ViewerProcess = self._stack.enter_context(
            viewer_process("whep", url, camera, codec)
        )
        self._process.begin(watch=number)

    def arrive(self) -> None:
        """Wait until each viewer has a picture.

        :raises RuntimeError: if one gets none.
        """
        self._process.finish()

    def stall(self, seconds: float) -> None:
        """Stand still: the process takes no packet and says nothing."""
        os.kill(self._process.process.pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            os.kill(self._process.process.pid, signal.SIGCONT)

    def leave(self) -> None:
        """Say good-bye, as WHEP has it."""
        self._process.order(leave=True)
        self._stack.close()

    def close(self) -> None:
        """Close the connections, which the bridge learns from DTLS."""
        self._process.order(drop=True)
        self._stack.close()

    def vanish(self) -> None:
        """Be gone without a word."""
        self._process.process.kill()
        self._stack.close()


class MjpegClient:
    """Reads a multipart stream over a plain socket, until it leaves, or while it does not stall."""

    def __init__(self, url: str, camera: str) -> None:
        self._socket = connect(url)
        self._socket.sendall(
            f"GET /cameras/{camera}/stream.mjpg HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        )
        self._reading = threading.Event()
        self._reading.set()
        self._leaving = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def stall(self) -> None:
        """Read no more; the bridge's socket fills."""
        self._reading.clear()

    def leave(self, vanish: bool = False) -> None:
        """Close the connection; or reset it, as the kernel does for a process that is killed."""
        self._leaving = True
        self._reading.set()
        if vanish:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            with suppress(OSError):  # the bridge was faster
                self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _read(self) -> None:
        while not self._leaving:
            self._reading.wait()
            try:
                if not self._socket.recv(1 << 16):
                    return
            except TimeoutError:
                continue
            except OSError:
                return


def connect(url: str) -> socket.socket:
    """Return a connection to the bridge."""
    place = urlsplit(url)
    connection = socket.create_connection((place.hostname, place.port))
    connection.settimeout(0.2)
    return connection


def request(url: str, body: str | None = None) -> int:
    """Get whatever is at an address, or post an offer there, and return the status."""
    data = body.encode() if body is not None else None
    headers = {"Content-Type": "application/sdp"} if body is not None else {}
    try:
        asked = urllib.request.Request(url, data, headers)
        with urllib.request.urlopen(asked, timeout=30) as response:
            response.read()
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def post_and_run(url: str, camera: str, offer: str) -> None:
    """Post an offer and close the connection before the answer."""
    body = offer.encode()
    head = (
        f"POST /whep/{camera} HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with connect(url) as connection:
        connection.sendall(head.encode() + body)


async def make_offer() -> str:
    """Return an offer of a viewer who is gone already."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    receive(connection)
    await connection.setLocalDescription()
    offer: str = connection.localDescription.sdp
    await connection.close()
    return offer
