# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pictures read in place: what rclpy writes is read, nothing else is believed."""

import array

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage, Image

from pi_webrtc_streamer.media.cdr import CdrError, read_compressed_image, read_image

# CDR strings end at a zero, and rclpy writes UTF-8.
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=40)


def serialized(
    frame_id: str, image_format: str, data: bytes, sec: int = 1, nanosec: int = 2
) -> bytes:
    message = CompressedImage(format=image_format, data=array.array("B", data))
    message.header.frame_id = frame_id
    message.header.stamp.sec, message.header.stamp.nanosec = sec, nanosec
    return serialize_message(message)


@given(
    texts,
    texts,
    st.binary(max_size=300),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(0, 999_999_999),
)
def test_reads_what_rclpy_writes(frame_id, image_format, data, sec, nanosec):
    image = read_compressed_image(serialized(frame_id, image_format, data, sec, nanosec))

    assert image.stamp == sec * 1_000_000_000 + nanosec
    assert image.frame_id == frame_id
    assert image.format == image_format
    assert bytes(image.data) == data


def test_data_is_a_readonly_view_of_the_message():
    message = serialized("optical", "jpeg", bytes(1000))

    data = read_compressed_image(message).data

    assert data.obj is message
    assert data.readonly


@given(st.binary(max_size=200))
def test_any_bytes_give_an_image_or_a_cdr_error(message):
    try:
        image = read_compressed_image(message)
    except CdrError:
        return
    assert len(image.data) <= len(message)


@given(st.data())
def test_a_message_cut_short_is_refused(data):
    message = serialized("optical", "jpeg", b"\xff\xd8 picture")
    length = data.draw(st.integers(0, len(message) - 1))

    # What rclpy appends to align the end may be missing.
    if b"picture" not in message[:length]:
        with pytest.raises(CdrError):
            read_compressed_image(message[:length])


def test_a_false_length_is_refused_by_name():
    message = bytearray(serialized("optical", "jpeg", b"1234"))
    place = message.rindex(b"\4\0\0\0")
    message[place : place + 4] = b"\xff\xff\xff\x7f"

    with pytest.raises(CdrError, match="data claims 2147483647 bytes where 4 are left"):
        read_compressed_image(bytes(message))


def test_big_endian_messages_are_read():
    little = serialized("", "", b"", sec=1, nanosec=2)
    assert little[1] == 1
    big = b"\0\0\0\0" + bytes([0, 0, 0, 1, 0, 0, 0, 2]) + b"\0\0\0\1\0\0\0\0" * 2 + b"\0\0\0\2ab"

    image = read_compressed_image(big)

    assert image.stamp == 1_000_000_002
    assert bytes(image.data) == b"ab"


@given(
    texts,
    texts,
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.binary(max_size=300),
)
def test_reads_an_image_that_rclpy_writes(
    frame_id, encoding, height, width, step, is_bigendian, data
):
    message = Image(encoding=encoding, height=height, width=width, step=step)
    message.is_bigendian = int(is_bigendian)
    message.data = array.array("B", data)
    message.header.frame_id = frame_id
    message.header.stamp.sec, message.header.stamp.nanosec = 3, 4
    raw = serialize_message(message)

    image = read_image(raw)

    assert image.stamp == 3_000_000_004
    assert (image.frame_id, image.encoding) == (frame_id, encoding)
    assert (image.height, image.width, image.step) == (height, width, step)
    assert image.is_bigendian is is_bigendian
    assert bytes(image.data) == data
    assert image.data.obj is raw


@given(st.binary(max_size=200))
def test_any_bytes_give_a_raw_image_or_a_cdr_error(message):
    try:
        image = read_image(b"\0\1\0\0" + message)
    except CdrError:
        return
    assert len(image.data) <= len(message)


@pytest.mark.parametrize(
    ("field", "names"), [("frame_id", ("x" * 2000, "")), ("format", ("", "x" * 2000))]
)
def test_a_string_that_is_no_name_is_refused(field, names):
    with pytest.raises(CdrError, match=f"{field} has 2001 bytes, more than 1024"):
        read_compressed_image(serialized(*names, b"1234"))
