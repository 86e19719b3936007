# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""How the parts of a bridge are. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...media.feed import FeedStatus
from ...media.stream_load import StreamLoad
from ...media.timeline import LARGEST_LAG, LARGEST_LEAD
from ...runtime.status import Finding, Level, Status, sum_up

BUSY = 0.9  # share of the time that a camera's media thread encodes, from which on it is too much
SKIPPED = 0.1  # share of pictures that are not encoded since the last one is not sent yet


def judge_lifecycle(state: str, failure: str, errors: int, new_errors: int) -> Status:
    """Judge the node itself: ``failure`` is why it did not come up; ``errors`` were caught."""
    findings: list[Finding] = [(Level.ERROR, failure)] if failure else []
    if new_errors > 0:
        findings.append((Level.WARN, f"{new_errors} errors were caught: the log has their traces"))
    values = {"state": state, "errors caught": errors}
    return Status("lifecycle", *sum_up(state, findings), values=values)


def judge_camera(
    name: str, topic: str, feed: FeedStatus, publishers: int, viewers: int, stale_after: float
) -> Status:
    """Judge one camera by what arrives; ``stale_after`` is the setting, in seconds."""
    fine = "nobody watches" if feed.state == "idle" else f"{feed.rate:.4g} pictures/s"
    findings = [*_missing(feed, publishers), *_delayed(feed, stale_after)]
    values = {
        "state": feed.state,
        "topic": topic,
        "way": feed.way.value,
        "publishers": publishers,
        "viewers": viewers,
        "frequency (Hz)": round(feed.rate, 2),
        "age when received (s)": None if feed.delay is None else round(feed.delay, 4),
        "time since the last picture (s)": None if feed.age is None else round(feed.age, 3),
        "width (pixels)": feed.width,
        "height (pixels)": feed.height,
    }
    return Status(f"camera {name}", *sum_up(fine, findings), values=values)


def _missing(feed: FeedStatus, publishers: int) -> Iterator[Finding]:
    if feed.state == "live" and feed.loss:
        yield Level.WARN, feed.loss
    if not feed.reason:
        return
    # Who has just begun to watch is about to be found by the publisher: that is no error.
    certain = feed.state in ("stale", "error") or bool(feed.misfit) or not publishers
    certain = certain or bool(feed.loss)
    wanted = feed.state != "idle"
    yield Level.ERROR if wanted and certain else Level.WARN, feed.reason


def _delayed(feed: FeedStatus, stale_after: float) -> Iterator[Finding]:
    if feed.state != "live" or feed.delay is None:
        return
    if not -LARGEST_LEAD <= feed.delay <= LARGEST_LAG:
        yield (
            Level.WARN,
            f"by their stamps, pictures are {feed.delay:.2f} s old when they arrive: set the "
            "clocks of both machines by the same server (chrony), or mend the stamps",
        )
    elif feed.delay > stale_after:
        yield (
            Level.WARN,
            f"pictures are {feed.delay:.2f} s old when they arrive, and stale from "
            f"{stale_after:g} s on: see what delays them, in the camera's node or the network",
        )


def judge_viewers(
    viewers: Mapping[str, int],
    disconnected: int,
    most: int,
    most_of_camera: int,
    warnings: Sequence[str],
) -> Status:
    """Judge who watches, by camera, against how many may; ``warnings`` are of ICE servers."""
    total = sum(viewers.values())
    findings: list[Finding] = [(Level.WARN, text) for text in warnings]
    if total >= most:
        findings.append((Level.WARN, f"all {most} places are taken: raise max_viewers for more"))
    for camera, count in viewers.items():
        if count >= most_of_camera:
            why = f"all {count} places of {camera} are taken: raise max_viewers_per_camera for more"
            findings.append((Level.WARN, why))
    fine = "nobody watches" if not total else "1 viewer" if total == 1 else f"{total} viewers"
    values = {
        "viewers": total,
        "most viewers": most,
        "most viewers of one camera": most_of_camera,
        "viewers disconnected": disconnected,
        **{f"viewers of {camera}": count for camera, count in viewers.items()},
    }
    return Status("viewers", *sum_up(fine, findings), values=values)


class EncoderDiagnosis:
    """Judges what is encoded, by what has changed since the last look."""

    def __init__(self) -> None:
        self._before: dict[tuple[str, str, str], StreamLoad] = {}
        self._looked = 0.0

    def judge(
        self, loads: Mapping[str, Sequence[StreamLoad]], now: float, settings: Mapping[str, object]
    ) -> Status:
        """Judge the streams of each camera at ``now``, in seconds on one clock."""
        seconds, self._looked = now - self._looked, now
        new = {
            (camera, load.codec, load.tier): load
            for camera, streams in loads.items()
            for load in streams
        }
        before, self._before = self._before, new
        since = {key: _since(load, before.get(key)) for key, load in new.items()}
        findings: list[Finding] = []
        values = dict(settings)
        for (camera, codec, tier), load in since.items():
            findings += _troubles(f"{camera} in {codec}", load)
            values |= _describe(f"{camera} {codec} {tier}", load, seconds)
        for camera in loads:
            busy = sum(load.seconds for key, load in since.items() if key[0] == camera)
            findings += _too_busy(camera, busy / seconds if seconds > 0 else 0.0)
        streams = "1 stream" if len(new) == 1 else f"{len(new)} streams"
        fine = f"encoding {streams}" if new else "nothing to encode"
        values["streams"] = len(new)
        return Status("encoder", *sum_up(fine, findings), values=values)


def _since(load: StreamLoad, before: StreamLoad | None) -> StreamLoad:
    """Return what a stream has done since; one with lower figures was opened anew."""
    if before is None or before.encoded > load.encoded or before.seconds > load.seconds:
        return load
    return load._replace(
        encoded=load.encoded - before.encoded,
        skipped=load.skipped - before.skipped,
        failed=load.failed - before.failed,
        seconds=load.seconds - before.seconds,
    )


def _troubles(stream: str, load: StreamLoad) -> Iterator[Finding]:
    if load.failed > 0:
        yield Level.WARN, f"the encoder of {stream} fails: the log says why"
    if load.skipped > SKIPPED * (load.encoded + load.skipped):
        yield (
            Level.WARN,
            f"{load.skipped} pictures of {stream} were skipped, since they could not be sent in "
            "time: free CPU time, or have fewer viewers",
        )


def _too_busy(camera: str, busy: float) -> Iterator[Finding]:
    if busy > BUSY:
        yield (
            Level.WARN,
            f"encoding {camera} takes {busy:.0%} of the time that there is: set a smaller size, a "
            "lower framerate or fewer tiers",
        )


def _describe(stream: str, load: StreamLoad, seconds: float) -> dict[str, object]:
    rate = load.encoded / seconds if seconds > 0 else 0.0
    return {
        f"{stream} encoder": load.encoder,
        f"{stream} frequency (Hz)": round(rate, 2),
        f"{stream} time of a picture (ms)": (
            round(1000 * load.seconds / load.encoded, 2) if load.encoded > 0 else None
        ),
        f"{stream} skipped pictures": load.skipped,
        f"{stream} viewers": load.viewers,
    }


def judge_memory(resident: int, limit: float, warning: str) -> Status:
    """Judge the resident memory, in bytes, by the watch on it (limit in MB, 0 for none)."""
    used = resident / 1e6
    advice = "/stats says what it holds; restart the bridge if it goes on to grow"
    findings = [(Level.WARN, f"{warning}: {advice}")] if warning else []
    values = {"resident (MB)": round(used, 1), "limit (MB)": limit or None}
    return Status("memory", *sum_up(f"{used:.0f} MB", findings), values=values)


@dataclass(frozen=True)
class ServerFacts:
    """What is known of the HTTP server; counts are since the node was configured."""

    url: str
    address: str
    port: int
    tls: str
    auth: str
    connections: int
    most_connections: int
    refused_connections: int
    refused_requests: int


def judge_server(facts: ServerFacts, newly_refused: int, warning: str) -> Status:
    """Judge the HTTP server; ``warning`` is that of access, ``newly_refused`` of connections."""
    findings: list[Finding] = [(Level.WARN, warning)] if warning else []
    if newly_refused > 0:
        findings.append(
            (
                Level.WARN,
                f"{newly_refused} connections were refused: raise max_connections or "
                "max_connections_per_address if those were welcome",
            )
        )
    values = {
        "URL": facts.url,
        "address": facts.address,
        "port": facts.port,
        "TLS": facts.tls,
        "auth": facts.auth,
        "connections": facts.connections,
        "most connections": facts.most_connections,
        "connections refused": facts.refused_connections,
        "requests refused": facts.refused_requests,
    }
    return Status("HTTP server", *sum_up(f"serving {facts.url}", findings), values=values)
