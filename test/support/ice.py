# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Two of aioice's connections that have found each other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aioice import Connection


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[Connection, Connection]]:
    """Yield both ends."""
    first, second = Connection(ice_controlling=True), Connection(ice_controlling=False)
    try:
        for here, there in ((first, second), (second, first)):
            await here.gather_candidates()
            there.remote_username = here.local_username
            there.remote_password = here.local_password
            for candidate in here.local_candidates:
                await there.add_remote_candidate(candidate)
            await there.add_remote_candidate(None)
        await asyncio.gather(first.connect(), second.connect())
        yield first, second
    finally:
        await first.close()
        await second.close()
