# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a bridge says of its cameras over HTTP."""

import asyncio

import aiohttp


async def get_json(url: str) -> tuple[int, dict]:
    """Return an answer's status and body."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.json()


async def camera_state(url: str, name: str = "camera") -> dict:
    """Return what the bridge at this address says of a camera."""
    _, body = await get_json(f"{url}cameras")
    return next(camera for camera in body["cameras"] if camera["name"] == name)


async def get_stats(url: str) -> dict:
    """Return what the bridge at this address says of its streams and viewers."""
    _, body = await get_json(f"{url}stats")
    return body


async def goes(url: str, way: str) -> None:
    """Poll /cameras until the camera's pictures come some way."""
    for _ in range(600):
        if (camera := await camera_state(url))["way"] == way:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"pictures never came by way of {way}, but {camera}")


async def reaches(url: str, state: str, why: str = "") -> dict:
    """Poll /cameras until the camera is in a state, for a reason that holds a text."""
    for _ in range(600):
        camera = await camera_state(url)
        if camera["state"] == state and why in camera["reason"]:
            return camera
        await asyncio.sleep(0.05)
    raise AssertionError(f"never {state} ({why}), but {camera}")
