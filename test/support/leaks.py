"""Sees that everything is given back."""

import gc

from pi_webrtc_streamer.bridge_node import BridgeNode
from pi_webrtc_streamer.counts import held_counts

from .waiting import until, wait_for


def held(bridge: BridgeNode | None = None) -> dict[str, int]:
    """Count what this process holds, the tasks of a configured bridge included."""
    gc.collect()
    return held_counts(bridge._loop.loop if bridge is not None else None)


async def all_given_back(before: dict[str, int], bridge: BridgeNode | None, after: str) -> None:
    """Wait until the counts are what they were."""
    try:
        await until(lambda: held(bridge) == before, f"everything given back {after}")
    except AssertionError as error:
        now = held(bridge)
        changed = {name: (before[name], now[name]) for name in before if before[name] != now[name]}
        raise AssertionError(f"{error}: {changed}") from None


def all_is_given_back(before: dict[str, int], after: str) -> None:
    """The same outside an event loop."""
    wait_for(lambda: held() == before, f"{before} {after}")
