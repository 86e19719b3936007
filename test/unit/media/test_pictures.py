# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which way pictures come: JPEG over DDS is wanted exactly while nothing comes directly."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pi_webrtc_streamer.media.distributor import NOBODY, FrameDistributor, Mailbox
from pi_webrtc_streamer.media.frame import JpegFrame
from pi_webrtc_streamer.media.pictures import Pictures, Way
from pi_webrtc_streamer.media.stages import StageTimes


def jpeg() -> JpegFrame:
    return JpegFrame(memoryview(b""), StageTimes(0), 16, 16)


class Ways(RuleBasedStateMachine):
    """Viewers come and go, and whoever knows says which way pictures come."""

    def __init__(self) -> None:
        super().__init__()
        self.jpegs: FrameDistributor[JpegFrame] = FrameDistributor()
        self.told: list[int] = []
        self.asked: list[int] = []
        self.pictures = Pictures("camera", self.jpegs, self.told.append)
        self.viewers: list[Mailbox] = []
        self.seeks = False
        self.over_dds = True

    @property
    def audience(self) -> int:
        return self.told[-1] if self.told else NOBODY

    @rule()
    def come(self) -> None:
        if not self.viewers:
            self.over_dds = not self.seeks
        self.viewers.append(Mailbox())
        self.pictures.distributor.attach(self.viewers[-1])

    @rule()
    def go(self) -> None:
        if self.viewers:
            self.pictures.distributor.detach(self.viewers.pop())

    @rule(way=st.sampled_from(Way))
    def say(self, way: Way) -> None:
        if self.seeks and self.viewers:
            self.pictures.come_by(way, self.audience)
            self.over_dds = way is Way.DDS

    @rule(way=st.sampled_from(Way))
    def say_of_an_audience_from_before(self, way: Way) -> None:
        self.pictures.come_by(way, self.audience + 1000)

    @rule()
    def seek(self) -> None:
        self.pictures.seek(self.asked.append)
        self.seeks = True

    @rule()
    def seek_no_more(self) -> None:
        self.pictures.seek(None)
        self.seeks = False
        self.over_dds = True

    @invariant()
    def jpeg_is_wanted_only_where_it_is_needed(self) -> None:
        over_dds = bool(self.viewers) and self.over_dds and self.pictures.way is Way.DDS
        assert self.jpegs.wanted == over_dds
        frame = jpeg()
        self.jpegs.publish(frame)
        for viewer in self.viewers:
            assert (viewer.take() is frame) == over_dds

    @invariant()
    def who_is_asked_for_direct_pictures_knows_the_audience(self) -> None:
        if self.seeks and self.viewers:
            assert self.asked[-1] == self.audience


TestWays = Ways.TestCase
TestWays.settings = settings(max_examples=100, stateful_step_count=30)


def test_what_is_for_an_audience_from_before_is_not_shown():
    jpegs: FrameDistributor[JpegFrame] = FrameDistributor()
    audiences: list[int] = []
    pictures = Pictures("camera", jpegs, audiences.append)
    with pictures.distributor.subscribed(Mailbox()):
        before = pictures._relay
    with pictures.distributor.subscribed(Mailbox()) as mailbox:
        before.put(jpeg())
        assert mailbox.take() is None
        jpegs.publish(jpeg())
        assert mailbox.take() is not None
    assert not jpegs.wanted
