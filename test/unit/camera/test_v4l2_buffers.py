# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is said to a V4L2 encoder, against the kernel's own header."""

import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_webrtc_streamer.camera import v4l2_buffers as ours
from pi_webrtc_streamer.camera.v4l2_buffers import Layout, pack_format, write_yuv420
from support.pictures import pictures, planes

IN_THE_HEADER = {
    "sizeof(struct v4l2_format)": ours.FORMAT.size,
    "sizeof(struct v4l2_requestbuffers)": ours.REQUEST.size,
    "sizeof(struct v4l2_plane)": ours.PLANE.size,
    "sizeof(struct v4l2_buffer)": ours.BUFFER.size,
    "sizeof(struct v4l2_control)": ours.CONTROL.size,
    "VIDIOC_S_FMT": ours.SET_FORMAT,
    "VIDIOC_REQBUFS": ours.REQUEST_BUFFERS,
    "VIDIOC_QUERYBUF": ours.QUERY_BUFFER,
    "VIDIOC_QBUF": ours.QUEUE,
    "VIDIOC_DQBUF": ours.DEQUEUE,
    "VIDIOC_STREAMON": ours.STREAM_ON,
    "VIDIOC_STREAMOFF": ours.STREAM_OFF,
    "VIDIOC_S_CTRL": ours.SET_CONTROL,
    "V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE": ours.CAPTURE,
    "V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE": ours.OUTPUT,
    "V4L2_MEMORY_MMAP": ours.MMAP,
    "V4L2_FIELD_NONE": ours.FIELD_NONE,
    "V4L2_COLORSPACE_JPEG": ours.COLORSPACE_JPEG,
    "V4L2_BUF_FLAG_ERROR": ours.FAILED,
    "V4L2_PIX_FMT_YUV420": ours.YUV420,
    "V4L2_PIX_FMT_JPEG": ours.JPEG,
    "V4L2_CID_JPEG_COMPRESSION_QUALITY": ours.QUALITY,
}
FILLED = """
static struct v4l2_format f;
static struct v4l2_requestbuffers r;
static struct v4l2_buffer b;
static struct v4l2_plane p;
static void write_all(void) {
    f.type = 1; f.fmt.pix_mp.width = 2; f.fmt.pix_mp.height = 3; f.fmt.pix_mp.pixelformat = 4;
    f.fmt.pix_mp.field = 5; f.fmt.pix_mp.colorspace = 6; f.fmt.pix_mp.num_planes = 9;
    f.fmt.pix_mp.plane_fmt[0].sizeimage = 7; f.fmt.pix_mp.plane_fmt[0].bytesperline = 8;
    r.count = 1; r.type = 2; r.memory = 3; r.capabilities = 4; r.flags = 5;
    p.bytesused = 1; p.length = 2; p.m.mem_offset = 3; p.data_offset = 4;
    b.index = 1; b.type = 2; b.bytesused = 3; b.flags = 4; b.field = 5;
    b.timestamp.tv_sec = 6; b.timestamp.tv_usec = 7; b.sequence = 8; b.memory = 9;
    b.m.planes = (void *)10; b.length = 11; b.reserved2 = 12; b.request_fd = 13;
    fwrite(&f, sizeof f, 1, stdout); fwrite(&r, sizeof r, 1, stdout);
    fwrite(&p, sizeof p, 1, stdout); fwrite(&b, sizeof b, 1, stdout);
}
"""


def compiled(tmp_path, body):
    """Return what a C program writes that knows the kernel's header."""
    source = tmp_path / "program.c"
    source.write_text(f"#include <stdio.h>\n#include <linux/videodev2.h>\n{body}")
    program = tmp_path / "program"
    subprocess.run(("cc", source, "-o", program), check=True)
    return subprocess.run((program,), capture_output=True, check=True).stdout


def test_sizes_and_numbers_are_those_of_the_kernel(tmp_path):
    printing = "".join(f'printf("%lu\\n", (unsigned long)({name}));' for name in IN_THE_HEADER)
    output = compiled(tmp_path, f"int main(void) {{ {printing} return 0; }}")
    assert dict(zip(IN_THE_HEADER, map(int, output.split()), strict=True)) == IN_THE_HEADER


def test_fields_are_where_the_kernel_has_them(tmp_path):
    output = compiled(tmp_path, FILLED + "int main(void) { write_all(); return 0; }")
    expected = (
        ours.FORMAT.pack(*range(1, 10))
        + ours.REQUEST.pack(*range(1, 6))
        + ours.PLANE.pack(*range(1, 5))
        + ours.BUFFER.pack(*range(1, 14))
    )
    assert output == expected


def test_a_format_is_read_as_it_was_asked_for():
    asked = pack_format(ours.OUTPUT, 1280, 720, ours.YUV420)
    assert ours.unpack_format(asked) == Layout(1280, 720, ours.YUV420, 0, 0)


@given(pictures, st.integers(0, 20), st.integers(0, 20))
def test_planes_are_copied_with_padding_of_their_edges(picture, right, below):
    stride, rows = picture.width + 2 * right, picture.height + 2 * below
    buffer = bytearray(stride * rows * 3 // 2 + 5)
    layout = Layout(picture.width, rows, ours.YUV420, len(buffer), stride)
    used = write_yuv420(picture, memoryview(buffer), layout)
    assert used == stride * rows * 3 // 2
    offset = 0
    for plane, part in zip(planes(picture), (1, 2, 2), strict=True):
        shape = rows // part, stride // part
        size = shape[0] * shape[1]
        found = np.frombuffer(buffer, np.uint8)[offset : offset + size].reshape(shape)
        height, width = plane.shape
        padding = ((0, shape[0] - height), (0, shape[1] - width))
        assert np.array_equal(found, np.pad(plane, padding, "edge"))
        offset += size


@given(pictures, st.booleans())
def test_what_does_not_fit_is_refused(picture, low):
    stride = picture.width if low else picture.width - 2
    rows = picture.height - 2 if low else picture.height
    layout = Layout(picture.width, rows, ours.YUV420, 0, stride)
    with pytest.raises(ValueError, match="does not fit"):
        write_yuv420(picture, memoryview(bytearray(stride * rows * 3 // 2)), layout)
    whole = Layout(picture.width, picture.height, ours.YUV420, 0, picture.width)
    with pytest.raises(ValueError, match="does not fit"):
        write_yuv420(picture, memoryview(bytearray(4)), whole)
