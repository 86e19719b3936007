# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who makes JPEG; the hardware is a stand-in that answers as the documentation of Linux says."""

import logging
from functools import partial

import pytest

from pi_webrtc_streamer.camera import jpeg_encoder, v4l2_jpeg
from pi_webrtc_streamer.camera.jpeg import encode_jpeg
from pi_webrtc_streamer.camera.jpeg_encoder import AUTO, CHOICES, HARDWARE, SOFTWARE, JpegEncoder
from pi_webrtc_streamer.camera.v4l2_jpeg import KernelDevice
from pi_webrtc_streamer.settings.camera import CameraSettings
from support.pictures import random_picture
from support.v4l2_encoder import JpegDevice

PICTURE = random_picture(642, 482, seed=1)


@pytest.fixture(autouse=True)
def _heard(caplog):
    caplog.set_level(logging.INFO, "pi_webrtc_streamer.camera")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    """A stand-in answers at once or never, and how fast it is says nothing."""
    monkeypatch.setattr(v4l2_jpeg, "ANSWER_WITHIN", 0.01)
    monkeypatch.setattr(jpeg_encoder, "MOST_TIME", 1000)


def encoder_with(device, choice=AUTO):
    return JpegEncoder(choice, lambda: device)


def test_the_choices_are_those_of_the_setting():
    (choices,) = (
        each.metadata["setting"].choices
        for each in CameraSettings.__dataclass_fields__.values()
        if each.name == "jpeg_encoder"
    )
    assert tuple(choices) == CHOICES


@pytest.mark.parametrize("choice", CHOICES)
def test_without_hardware_all_is_as_ever(choice, caplog):
    def nothing():
        raise FileNotFoundError(2, "No such file or directory", "/dev/video31")

    encoder = JpegEncoder(choice, nothing)
    assert encoder(PICTURE, 85) == encode_jpeg(PICTURE, 85)
    assert encoder(PICTURE, 50) == encode_jpeg(PICTURE, 50)
    said = [] if choice == SOFTWARE else ["/dev/video31"]  # and once only
    assert [name for name in ("/dev/video31",) if name in caplog.text] == said
    assert len(caplog.records) == len(said)
    encoder.close()


def test_what_is_no_encoder_is_not_taken_for_one(caplog):
    """The kernel itself refuses."""
    encoder = JpegEncoder(AUTO, partial(KernelDevice, "/dev/null"))
    assert encoder(PICTURE, 85) == encode_jpeg(PICTURE, 85)
    assert "Inappropriate ioctl" in caplog.text


@pytest.mark.parametrize("choice", [AUTO, HARDWARE])
@pytest.mark.parametrize("stray_first", [False, True])
def test_hardware_that_works_is_used(choice, stray_first, caplog):
    device = JpegDevice(stray_first=stray_first)
    encoder = encoder_with(device, choice)
    tried = 0
    for _ in range(3):
        made = encoder(PICTURE, 70)
        tried = tried or device.encoded - 1
    assert device.encoded == tried + 3
    assert device.quality == 70
    assert "using it" in caplog.text
    assert jpeg_encoder._difference(made, encode_jpeg(PICTURE, 70)) == ""
    encoder.close()
    assert device.closed
    encoder.close()


def test_another_size_or_quality_is_another_trial():
    devices = []

    def another():
        devices.append(JpegDevice())
        return devices[-1]

    encoder = JpegEncoder(AUTO, another)
    for picture, quality in ((PICTURE, 70), (PICTURE, 80), (random_picture(64, 48, 2), 80)):
        encoder(picture, quality)
        assert [device.closed for device in devices] == [True] * (len(devices) - 1) + [False]
    assert [device.quality for device in devices] == [70, 80, 80]
    encoder.close()
    assert all(device.closed for device in devices)


@pytest.mark.parametrize(
    ("device", "why"),
    [
        (JpegDevice(knows="H264"), "does not know JPEG"),
        (JpegDevice(largest=480), "480x480 at most"),
        (JpegDevice(swaps=True), "wrong colours"),
        (JpegDevice(silent_from=1), "gives nothing back"),
        (JpegDevice(silent_from=3), "gives nothing back"),
        (JpegDevice(fails_from=2), "could not encode"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_hardware_that_does_not_do_is_given_back_and_said(device, why, caplog):
    encoder = encoder_with(device)
    assert encoder(PICTURE, 85) == encode_jpeg(PICTURE, 85)
    assert why in caplog.text
    assert device.closed
    assert encoder(PICTURE, 85) == encode_jpeg(PICTURE, 85)  # and is not tried again
    assert len(caplog.records) == 1


def test_slow_hardware_is_used_only_if_it_is_asked_for(monkeypatch, caplog):
    monkeypatch.setattr(jpeg_encoder, "MOST_TIME", 0)
    slow = JpegDevice()
    assert encoder_with(slow)(PICTURE, 85) == encode_jpeg(PICTURE, 85)
    assert slow.closed
    assert "takes" in caplog.text
    assert "using libjpeg-turbo" in caplog.text
    asked_for = JpegDevice()
    encoder_with(asked_for, HARDWARE)(PICTURE, 85)
    assert not asked_for.closed


@pytest.mark.parametrize("fault", ["silent_from", "fails_from"])
def test_where_it_fails_later_libjpeg_turbo_goes_on(fault, caplog):
    device = JpegDevice()
    encoder = encoder_with(device)
    encoder(PICTURE, 85)
    setattr(device, fault, device.encoded + 1)
    for _ in range(2):
        assert encoder(PICTURE, 85) == encode_jpeg(PICTURE, 85)
    assert device.closed
    assert caplog.text.count("has failed") == 1
