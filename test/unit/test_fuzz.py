# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Everything that fuzzing has found to be of interest still goes well (make fuzz finds more)."""

from pathlib import Path

import pytest

from fuzz.targets import TARGETS

FUZZ = Path(__file__).parents[2] / "fuzz"


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_goes_well(name):
    target = TARGETS[name]
    kept = [path.read_bytes() for path in sorted((FUZZ / "corpus" / name).iterdir())]
    assert kept
    for data in [*target.seeds(), *kept]:
        target.run(data)
