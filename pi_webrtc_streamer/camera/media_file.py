# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Files with pictures: opened, bounded, and asked for the stream that is meant."""

from __future__ import annotations

from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream

from ..runtime.owning import Owned
from ..settings.camera import LARGEST_SIDE
from .location import is_url, without_password
from .source import SourceError

# For URLs, in microseconds. With PyAV's own, FFmpeg calls Python from a thread that may have been
# left behind, and that crashes when the process ends.
PATIENCE = {"rw_timeout": "5000000"}
# FFmpeg decodes a picture to find out what a file holds, so it must know this when it opens it.
BOUNDS = {"max_pixels": str(LARGEST_SIDE * LARGEST_SIDE)}


def open_media(location: str) -> tuple[InputContainer, VideoStream]:
    """Open a file or URL, and choose what is to be shown of it.

    :raises SourceError: if there is none, if it holds no picture, or one that is too large.
    """
    name = without_password(location)
    if not is_url(location):
        _check_path(Path(location))
    options = BOUNDS | PATIENCE if is_url(location) else BOUNDS
    try:
        container = av.open(location, options=options, metadata_errors="replace")
    except FFmpegError as error:
        raise SourceError(
            f'"{name}" cannot be opened as a video or picture: {error.strerror}'
        ) from error
    with Owned() as owned:
        owned.at_end("a file that cannot be used", container.close)
        stream = _choose(container, name)
        _check_size(stream, name)
        owned.pop_all()
    stream.codec_context.options = BOUNDS
    stream.thread_type = "NONE"  # frame threads would hold pictures back
    return container, stream


def _check_path(path: Path) -> None:
    if path.is_char_device():
        raise SourceError(f"{path} is a device: give source v4l2, and camera {path}")
    if path.is_dir():
        raise SourceError(f'"{path}" is a folder; give source one file in it')
    if not path.is_file():
        raise SourceError(
            f'there is no file "{path}"; give source the path or URL of a video or picture, '
            "or one of auto, picamera2, v4l2, pattern, pattern:busy, pattern:still"
        )


def is_attached(stream: VideoStream) -> bool:
    """Whether a stream is a picture that goes with others: the cover of a piece of music."""
    return bool(stream.disposition & Disposition.attached_pic)


def _choose(container: InputContainer, name: str) -> VideoStream:
    """Return the stream to show: a cover only if there is no video."""
    streams = container.streams.video
    if not streams:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
        raise SourceError(f'"{name}" has no video stream, but {kinds}; give source another file')
    moving = [stream for stream in streams if not is_attached(stream)]
    best = container.streams.best("video")
    chosen = next((stream for stream in moving if stream is best), (moving or streams)[0])
    if getattr(chosen, "codec_context", None) is None:
        raise SourceError(
            f'"{name}" has video of a kind that FFmpeg does not know; recode it as H.264'
        )
    if chosen.disposition & Disposition.dependent:
        raise SourceError(
            f'"{name}" is a picture in tiles, which cannot be put together here; convert it: '
            "heif-convert OLD NEW.jpg"
        )
    return chosen


def _check_size(stream: VideoStream, name: str) -> None:
    largest = f"the largest that is shown has {LARGEST_SIDE}x{LARGEST_SIDE} pixels"
    if max(stream.width, stream.height) > LARGEST_SIDE:
        raise SourceError(
            f'"{name}" has pictures of {stream.width}x{stream.height}; {largest}: scale it down, '
            f"ffmpeg -i OLD -vf scale={LARGEST_SIDE // 4}:-2 NEW"
        )
    if not stream.width or not stream.height:
        raise SourceError(
            f'"{name}" ({stream.codec_context.name}) has pictures that cannot be decoded: they are '
            f"damaged, of a kind that FFmpeg does not know, or too large ({largest})"
        )
