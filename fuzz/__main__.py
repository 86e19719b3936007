# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Fuzz one target: python -m fuzz TARGET [LIBFUZZER OPTION OR FOLDER...]."""

from __future__ import annotations

import hashlib
import logging
import sys
from pathlib import Path

import atheris

INSTRUMENTED = ["pi_webrtc_streamer", "aiortc.sdp", "aiortc.rtp", "aiortc.rtcsctptransport"]
with atheris.instrument_imports(include=INSTRUMENTED):
    from .targets import TARGETS

CORPUS = Path(__file__).with_name("corpus")


def main() -> None:
    """Write the target's seeds, and hand over to libFuzzer, which ends the process."""
    logging.disable()
    name, *options = sys.argv[1:]
    target = TARGETS[name]
    folder = CORPUS / name
    folder.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds() if not any(folder.iterdir()) else ():
        (folder / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
    # libFuzzer runs this, as a shell would, when it sorts the corpus out.
    again = f"{sys.executable} -m fuzz {name}"
    atheris.Setup([again, *options], target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
