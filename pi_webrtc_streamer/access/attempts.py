# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Wrong tokens cost time: who gives them waits, longer each time, and nobody else does."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from .clients import client_of

FREE = 5  # wrong tokens that cost nothing: people mistype
FIRST_WAIT = 1.0  # seconds, doubled with each further one
LONGEST_WAIT = 60.0  # seconds
FORGOTTEN_AFTER = 600.0  # seconds without a wrong token
CAPACITY = 1024  # clients; the one that was silent longest gives way


@dataclass
class _Record:
    wrong: int
    last: float  # seconds


class Attempts:
    """Counts wrong tokens by the client that they come from. Times are in seconds."""

    def __init__(self) -> None:
        self._records: OrderedDict[str, _Record] = OrderedDict()  # in the order of their last

    def __len__(self) -> int:
        return len(self._records)

    def wait(self, address: str, now: float) -> float:
        """Return how long until a token from an address is looked at again: 0 or seconds."""
        record = self._records.get(client_of(address))
        if record is None or record.wrong < FREE:
            return 0.0
        # A long row of wrong tokens must not overflow.
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(record.wrong - FREE, 16))
        return max(0.0, record.last + wait - now)

    def failed(self, address: str, now: float) -> int:
        """Count a wrong token, and return how many there were in a row."""
        self._forget(now)
        key = client_of(address)
        record = self._records.pop(key, None) or _Record(0, now)
        record.wrong += 1
        record.last = now
        self._records[key] = record
        if len(self._records) > CAPACITY:
            self._records.popitem(last=False)
        return record.wrong

    def succeeded(self, address: str) -> None:
        """Forget the wrong tokens that came before the right one."""
        self._records.pop(client_of(address), None)

    def _forget(self, now: float) -> None:
        while self._records:
            oldest = next(iter(self._records.values()))
            if now - oldest.last < FORGOTTEN_AFTER:
                return
            self._records.popitem(last=False)
