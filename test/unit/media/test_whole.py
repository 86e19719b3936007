# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures that have lost a part are told from whole ones, mostly without decoding them."""

import numpy as np
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.media.frame import JpegFrame
from pi_webrtc_streamer.media.stages import StageTimes
from pi_webrtc_streamer.media.whole import KNOWN, WholePictures


def picture(seed: int, detail: float = 40) -> bytes:
    rng = np.random.default_rng(seed)
    pixels = rng.normal(128, detail, (48, 64, 3)).clip(0, 255).astype(np.uint8)
    return simplejpeg.encode_jpeg(pixels, 85)


def frame(data: bytes) -> JpegFrame:
    return JpegFrame(memoryview(data), StageTimes(0), 64, 48)


def part(data: bytes, share: float) -> bytes:
    """Return a picture of which the rest was lost on its way, with the end marker."""
    return data[: round(share * len(data))] + b"\xff\xd9"


def test_pictures_alike_are_decoded_only_in_the_beginning():
    whole = WholePictures()
    looked_at = 0
    for seed in range(50):
        each = frame(picture(seed))
        if whole.is_suspicious(each):
            looked_at += 1
            assert whole.find_flaw(each) == ""
    assert looked_at == KNOWN


@given(st.lists(st.booleans(), max_size=60), st.floats(0.3, 0.75))
def test_no_part_of_a_picture_passes(losses, share):
    whole = WholePictures()
    for seed, lost in enumerate(losses):
        data = picture(seed % 5)
        each = frame(part(data, share) if lost else data)
        flaw = whole.find_flaw(each) if whole.is_suspicious(each) else ""
        assert bool(flaw) is lost, flaw


def test_a_darker_scene_is_not_taken_for_a_loss():
    whole = WholePictures()
    for detail in (60, 60, 5, 5):
        for seed in range(20):
            each = frame(picture(seed, detail))
            if whole.is_suspicious(each):
                assert whole.find_flaw(each) == ""
    assert not whole.is_suspicious(frame(picture(1, 5)))


def test_a_frame_that_two_ask_for_is_decoded_once(monkeypatch):
    decoded = []
    monkeypatch.setattr(
        "pi_webrtc_streamer.media.decoder.check_jpeg", lambda data, _: decoded.append(data)
    )
    whole, each = WholePictures(), frame(picture(1))
    assert whole.find_flaw(each) == whole.find_flaw(each) == ""
    assert len(decoded) == 1
