# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which H.264 of an offer can be served, and under which name it is answered."""

from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.webrtc.h264_offer import (
    FOR_AIORTC,
    formats,
    renamed,
    why_none,
    with_own_name,
)

profiles = st.one_of(
    st.none(),
    st.sampled_from(["42001f", "42e01f", "4d001f", "64001f", "640c1f", "f4001f", "2c001f", "zz"]),
    st.text(max_size=8).filter(lambda text: ";" not in text and text.splitlines() == [text]),
)
modes = st.sampled_from([None, "0", "1", "2"])
offered = st.lists(st.tuples(st.booleans(), profiles, modes), max_size=5)
SERVED = {"42", "4d", "64", "f4"}


def section(offered) -> list[str]:
    """Return a media section with H.264 (or VP8, where the first is not so) of several kinds."""
    numbers = range(96, 96 + len(offered))
    lines = [f"m=video 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, numbers))}", "a=recvonly"]
    for number, (is_h264, profile, mode) in zip(numbers, offered, strict=True):
        lines.append(f"a=rtpmap:{number} {'H264' if is_h264 else 'VP8'}/90000")
        said = [f"profile-level-id={profile}"] if profile is not None else []
        said += [f"packetization-mode={mode}"] if mode is not None else []
        if said:
            lines.append(f"a=fmtp:{number} {';'.join(said)}")
    return lines


@given(offered)
def test_what_can_be_served_gets_a_name_that_aiortc_knows_and_its_own_in_the_answer(offered):
    before = section(offered)
    after, chosen = renamed(before)
    if chosen is None:
        assert after == before
        return
    assert chosen.mode in (None, "1")
    number = chosen.payload_type
    assert f"a=fmtp:{number} {FOR_AIORTC}" in after
    others = [line for line in before if not line.startswith(f"a=fmtp:{number} ")]
    assert [line for line in after if not line.startswith(f"a=fmtp:{number} ")] == others
    answer = with_own_name(after, chosen)
    (fmtp,) = [line for line in answer if line.startswith(f"a=fmtp:{number} ")]
    assert "packetization-mode=1" in fmtp
    _, profile, _ = offered[int(number) - 96]
    assert (f"profile-level-id={profile}" in fmtp) if profile else "profile-level-id" not in fmtp


@given(offered)
def test_a_refusal_names_all_that_was_offered_and_nothing_is_refused_that_can_be_served(offered):
    lines = section(offered)
    h264 = [(profile, mode) for is_h264, profile, mode in offered if is_h264]
    served = [
        (profile, mode)
        for profile, mode in h264
        if mode in (None, "1") and (profile is None or profile[:2].lower() in SERVED)
    ]
    why = why_none([lines])
    if not h264 or any(len(profile or "42e01f") == 6 for profile, _ in served):
        assert why == ""
    elif not served:
        assert why.startswith("H.264 is offered with ")
        for each in formats(lines):
            assert each.why_not in why


@given(st.lists(st.text(max_size=40), max_size=20))
def test_any_lines_are_read(lines):
    renamed(lines)
    why_none([lines])
