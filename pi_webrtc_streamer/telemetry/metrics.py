# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The bridge's state as Prometheus takes it; docs/monitoring.md lists the metrics.

Names follow Prometheus' conventions: base units (seconds, bytes, ratios), and ``_total`` for what
only grows. No label says which viewer: there is no end of them.

Imports prometheus_client, for which most robots have no use: loaded when somebody first asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from ..media.pictures import Way
from .state import CAMERA_STATES, BridgeState, Described

PREFIX = "pi_webrtc_streamer_"
UNITS = ("seconds", "bytes", "ratio")
BITS = 8  # in a byte

CAMERA = ("camera",)
CODEC = ("camera", "codec")
STREAM = ("camera", "codec", "tier")

Samples = Iterable[tuple[Sequence[str], float]]  # the labels' values, and the metric's


def exposition(state: BridgeState, process: Described, accept: str) -> tuple[bytes, str]:
    """Return all metrics in the format that a request's Accept asks for, and its content type.

    An Accept that says nothing of use is disregarded (RFC 9110, 12.4.1). ``process`` is what
    ``/stats`` says of the process.
    """
    registry = CollectorRegistry()
    registry.register(_Collector((*families(state), *process_families(**process))))
    ProcessCollector(registry=registry)
    try:
        encode, content_type = choose_encoder(accept)
    except (TypeError, ValueError):  # as prometheus_client 0.26 has for version=abc
        encode, content_type = choose_encoder("")
    return encode(registry), content_type


class _Collector(Collector):
    """Hands on metrics that are made already."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def families(state: BridgeState) -> Iterator[Metric]:
    """Yield the metrics of cameras, streams and viewers; some may have no sample now."""
    stats = state.stats
    yield from _bridge(state)
    yield from _cameras(state.cameras, stats["frames"])
    yield from _streams(stats.get("streams", {}))
    yield from _traffic(stats.get("traffic", {}))
    by_camera = _by_camera(state.cameras, stats.get("viewers", {}))
    yield from _viewers(by_camera)
    yield from _worst_links(by_camera)
    if state.driving is not None:
        yield from _driving(state.driving, stats.get("drivers", ()))


def _bridge(state: BridgeState) -> Iterator[Metric]:
    stats = state.stats
    yield _gauge("active", "1 while the bridge is active.", _one(state.active))
    yield _gauge("warnings", "What /health warns of, in number.", _one(state.warnings))
    yield _counter("faults", "Exceptions that nobody has foreseen.", _one(stats["errors"]))
    yield _counter(
        "viewers_disconnected",
        "Viewers who were let go since their link was beyond help.",
        _one(stats.get("disconnected")),
    )


def _cameras(cameras: Sequence[Described], frames: Mapping[str, Described]) -> Iterator[Metric]:
    yield _gauge(
        "camera_state",
        "1 for the state that a camera is in, 0 for the others.",
        (
            ((camera["name"], state), camera["state"] == state)
            for camera in cameras
            for state in CAMERA_STATES
        ),
        (*CAMERA, "state"),
    )
    yield _gauge(
        "camera_way",
        "1 for the way by which a camera's pictures come to viewers, 0 for the others.",
        (
            ((camera["name"], way.value), camera["way"] == way.value)
            for camera in cameras
            for way in Way
        ),
        (*CAMERA, "way"),
    )
    ages = (((camera["name"],), camera["age"]) for camera in cameras)
    yield _gauge(
        "camera_frame_age_seconds",
        "Time since the last picture of a camera came.",
        ((labels, age) for labels, age in ages if age is not None),
        CAMERA,
    )
    for what, text in (
        ("received", "Pictures that came from a camera while somebody wanted them."),
        ("rejected", "Messages on a camera's topic that could not be used."),
        ("overwritten", "Pictures that made way for a newer one before anybody took them."),
    ):
        samples = (((name,), counts[what]) for name, counts in frames.items())
        yield _counter(f"frames_{what}", text, samples, CAMERA)


def _streams(streams: Mapping[str, Sequence[Described]]) -> Iterator[Metric]:
    """Yield what there is of the streams that are open."""
    opened = [
        ((camera, stream["codec"], stream["tier"]), stream)
        for camera, several in streams.items()
        for stream in several
    ]

    def each(key: str, unit: int = 1) -> Samples:
        return ((labels, stream[key] / unit) for labels, stream in opened)

    yield _gauge("stream_viewers", "Whom a stream is sent to, in number.", each("viewers"), STREAM)
    yield _gauge(
        "stream_target_bytes_per_second",
        "The bitrate that a stream's encoder is given.",
        each("bitrate", BITS),
        STREAM,
    )
    for name, key, text in (
        ("frames_encoded", "encoded", "Pictures that were encoded."),
        ("frames_skipped", "skipped", "Pictures not encoded since the last one was still unsent."),
        ("frames_withheld", "withheld", "Pictures not encoded since the viewers' links were full."),
        ("encoder_failures", "failed", "Pictures with which an encoder failed."),
    ):
        yield _counter(name, text, each(key), STREAM)
    yield from _latencies([(labels, stream["stages"]) for labels, stream in opened])


def _latencies(streams: Sequence[tuple[Sequence[str], Described]]) -> Iterator[Metric]:
    """Yield percentiles, as gauges: across machines, whose clocks differ, a time may be negative,
    which a summary's may not.
    """
    times = [
        ((*labels, stage, percentile[1:]), round(milliseconds / 1000, 5))
        for labels, stages in streams
        for stage, percentiles in stages.items()
        for percentile, milliseconds in percentiles.items()
    ]
    yield _gauge(
        "stage_seconds",
        "Time that a stage takes after the one before it, of the last 600 pictures.",
        ((labels, time) for labels, time in times if labels[-2] != "total"),
        (*STREAM, "stage", "percentile"),
    )
    yield _gauge(
        "latency_seconds",
        "Time from when a picture was captured until it was sent, of the last 600.",
        (((*labels[:-2], labels[-1]), time) for labels, time in times if labels[-2] == "total"),
        (*STREAM, "percentile"),
    )


def _traffic(traffic: Mapping[str, Mapping[str, Described]]) -> Iterator[Metric]:
    """Yield what was sent to all viewers there have been."""
    for name, key, text in (
        ("frames_sent", "frames", "Pictures that were sent, once for each viewer."),
        ("frames_dropped", "dropped", "Pictures that a viewer's network did not take in time."),
        ("packets_sent", "packets", "RTP packets of pictures, without those sent again."),
        ("packets_lost", "lost", "RTP packets that receivers say they miss."),
        ("sent_bytes", "bytes", "RTP payloads and padding, with what was sent again."),
    ):
        samples = (
            ((camera, codec), counts[key])
            for camera, codecs in traffic.items()
            for codec, counts in codecs.items()
        )
        yield _counter(name, text, samples, CODEC)


def _by_camera(
    cameras: Sequence[Described], viewers: Mapping[str, Described]
) -> dict[str, list[Described]]:
    found: dict[str, list[Described]] = {camera["name"]: [] for camera in cameras}
    for viewer in viewers.values():
        found[viewer["camera"]].append(viewer)
    return found


def _viewers(by_camera: Mapping[str, Sequence[Described]]) -> Iterator[Metric]:
    """Yield how many viewers each camera has."""
    states = {
        camera: {"connected": 0} | Counter(viewer["state"] for viewer in viewers)
        for camera, viewers in by_camera.items()
    }
    yield _gauge(
        "viewers",
        "Viewers by the state of their connections.",
        (((camera, state), n) for camera in states for state, n in states[camera].items()),
        (*CAMERA, "state"),
    )
    for name, key, text in (
        ("links_probed", "probed", "Links that are being probed for more."),
        ("links_repeated", "repeats", "Links over which each packet is sent twice."),
    ):
        sums = (((camera,), sum(each[key] for each in by_camera[camera])) for camera in by_camera)
        yield _gauge(name, text, sums, CAMERA)


def _worst_links(by_camera: Mapping[str, Sequence[Described]]) -> Iterator[Metric]:
    """Yield how the worst link is of each camera that somebody watches."""

    def worst(choose: Callable[[Iterable[float]], float], key: str, unit: int = 1) -> Samples:
        return (
            ((camera,), choose(viewer[key] for viewer in viewers) / unit)
            for camera, viewers in by_camera.items()
            if viewers
        )

    for name, samples, text in (
        (
            "link_worst_loss_ratio",
            worst(max, "loss"),
            "Share of packets that the worst link loses.",
        ),
        (
            "link_worst_round_trip_seconds",
            worst(max, "round_trip"),
            "Round trip of the slowest link.",
        ),
        (
            "link_least_capacity_bytes_per_second",
            worst(min, "capacity", BITS),
            "What the narrowest link is thought to carry.",
        ),
    ):
        yield _gauge(name, text, samples, CAMERA)


def _driving(driving: Described, drivers: Sequence[Described]) -> Iterator[Metric]:
    for name, value, text in (
        ("driving_armed", driving["state"] != "disarmed", "1 while a driver is armed or drives."),
        ("driving_stopped", driving["stopped"], "1 while somebody has stopped the robot."),
        ("driving_locked", driving["driver"] is not None, "1 while somebody has the lock."),
        ("driving_subscribers", driving["subscribers"], "Who listens to velocities, in number."),
        ("drivers", sum(each["connected"] for each in drivers), "Drivers who are connected."),
    ):
        yield _gauge(name, text, _one(value))


def process_families(memory: Mapping[str, int], held: Mapping[str, int]) -> Iterator[Metric]:
    """Yield what may leak; what every process has comes from prometheus_client."""
    for name, count in held.items():
        yield _gauge(f"held_{name}", f"Held by the process: {name}.", _one(count))
    for name, key, text in (
        ("python_blocks", "python_blocks", "Blocks of memory that Python has given out."),
        ("heap_bytes", "heap", "Memory that the C library has given out."),
    ):
        yield _gauge(name, text, _one(memory.get(key)))


def _one(value: float | None) -> Samples:
    """Return the one sample of a metric without labels; none where it is not known."""
    return () if value is None else (((), value),)


def _gauge(name: str, text: str, samples: Samples, labels: Sequence[str] = ()) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, text, labels=labels, unit=_unit(name))
    return _filled(family, samples)


def _counter(name: str, text: str, samples: Samples, labels: Sequence[str] = ()) -> Metric:
    """Return a counter; ``_total`` comes to its name by itself."""
    family = CounterMetricFamily(PREFIX + name, text, labels=labels, unit=_unit(name))
    return _filled(family, samples)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, samples: Samples) -> Metric:
    for labels, value in samples:
        family.add_metric(labels, float(value))
    return family


def _unit(name: str) -> str:
    return next((unit for unit in UNITS if name.endswith(f"_{unit}")), "")
