# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A crowd that behaves badly towards a bridge."""

import asyncio

import aiohttp

from .whep import SDP, WhepViewer, session_address

AT_ONCE = 200  # connections
IN_A_ROW = 1000


async def make_offer() -> str:
    async with aiohttp.ClientSession() as session:
        viewer = WhepViewer(session, "")
        offer = await viewer.offer("h264")
        await viewer.connection.close()
    return offer


async def many_in_a_row(url: str, count: int) -> None:
    """Connect and go, again and again; every fourth connection opens a session and ends it."""
    offer = await make_offer()
    host, port = url.split("/")[2].split(":")
    async with aiohttp.ClientSession() as session:
        for number in range(count):
            if number % 4:
                _, writer = await asyncio.open_connection(host, int(port))
                writer.close()
                continue
            async with session.post(f"{url}whep/camera", data=offer, headers=SDP) as response:
                assert response.status == 201, await response.text()
                resource = session_address(response)
            async with session.delete(resource) as response:
                assert response.status == 200


async def many_at_once(url: str) -> list[int]:
    """Open connections, of which every other one offers to watch and never connects, and the others
    send their request a byte at a time, for ever; returns the answers, 0 for none.
    """
    offer = await make_offer()
    host, port = url.split("/")[2].split(":")
    request = (
        f"POST /whep/camera HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/sdp\r\n"
        f"Content-Length: {len(offer)}\r\n\r\n{offer}"
    ).encode()

    async def one(number: int) -> int:
        try:
            reader, writer = await asyncio.open_connection(host, int(port))
            sending = asyncio.create_task(_send(writer, request, 1 if number % 2 else len(request)))
            try:
                line = await reader.readline()
                return int(line.split()[1]) if line else 0
            finally:
                sending.cancel()
                writer.close()
        except ConnectionError:
            return 0

    return await asyncio.gather(*(one(number) for number in range(AT_ONCE)))


async def _send(writer: asyncio.StreamWriter, request: bytes, pieces: int) -> None:
    """Send a request in pieces."""
    size = len(request) // pieces
    for place in range(0, len(request), size):
        writer.write(request[place : place + size])
        await asyncio.sleep(0.1)
