"""Figures for a local Prometheus, in its text format, over HTTP on a unix socket. No port is opened.

    curl --unix-socket /run/vsaas-agent/metrics.sock http://agent/metrics

Whoever may open the socket's folder may read them; they hold no secret, and cameras by id and stream.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from edge_agent.status import Status
from protocol.health import CAMERA_STATES
from sealing.ids import Stream

log = logging.getLogger(__name__)

_SOCKET_MODE: Final = 0o660
_REQUEST_BYTES_MAX: Final = 16 * 1024
_ANSWER_S: Final = 10.0
_NOT_FOUND: Final = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

_STREAM_FIGURES: Final = (
    ("bits_per_s", "Bits a second recorded", lambda s: s.bits_per_s),
    ("frames_per_s", "Pictures a second recorded", lambda s: s.frames_per_s),
    ("packets_lost", "Packets lost on the way from the camera since the start", lambda s: s.packets_lost),
    ("restarts", "Connections made anew since the start", lambda s: s.restarts),
    ("last_frame_seconds", "When the last picture came, Unix time", lambda s: _seconds(s.last_frame_us)),
    ("clock_drift_ppm", "How fast the camera's clock gains on the box's", lambda s: s.clock_drift_ppm),
    ("clock_offset_seconds", "The camera's clock minus the box's", lambda s: _seconds(s.clock_offset_us)),
    (
        "oldest_unsent_seconds",
        "Where what waits to be uploaded begins, Unix time",
        lambda s: _seconds(s.oldest_unsent_us),
    ),
)
_AGENT_FIGURES: Final = (
    ("started_seconds", "When the agent started, Unix time", lambda s: _seconds(s.heartbeat.started_us)),
    (
        "clock_synchronised",
        "1 while the clock is set by a time server",
        lambda s: s.heartbeat.clock_synchronised,
    ),
    ("clock_offset_seconds", "The box's clock minus the portal's", lambda s: _seconds(s.clock_ahead_us)),
    ("portal_seen_seconds", "When the portal last answered, Unix time", lambda s: _seconds(s.portal_seen_us)),
    ("portal_trouble", "1 while the portal is not reached", lambda s: s.portal_trouble is not None),
    ("control_connected", "1 while the control socket is open", lambda s: s.control_connected),
    ("spool_bytes", "Sealed footage held on the disk", lambda s: s.heartbeat.spool_bytes),
    ("spool_budget_bytes", "How much may be held", lambda s: s.heartbeat.spool_budget_bytes),
    ("disk_free_bytes", "Free on the disk of the spool", lambda s: s.heartbeat.disk_free_bytes),
    (
        "oldest_unsent_seconds",
        "Start of the oldest segment not sent",
        lambda s: _seconds(s.heartbeat.oldest_unsent_us),
    ),
    ("alarms", "What a person must look at", lambda s: len(s.alarms)),
)
_BOX_FIGURES: Final = (
    ("box_cpu_percent", "Load of all processors", lambda b: b.cpu_percent),
    ("box_memory_used_bytes", "Memory in use", lambda b: b.memory_used_bytes),
    ("box_memory_total_bytes", "Memory there is", lambda b: b.memory_total_bytes),
    ("box_disk_total_bytes", "Size of the spool's disk", lambda b: b.disk_total_bytes),
    ("box_disk_wear_percent", "Life of the spool's disk used, where it tells", lambda b: b.disk_wear_percent),
    ("box_temperature_celsius", "The hottest place measured", lambda b: b.temperature_c),
    ("box_link_up", "1 while the interface of the default route is up", lambda b: b.link_up),
    ("box_link_mbit_per_s", "Its speed, where it tells", lambda b: b.link_mbit_per_s),
)  # fmt: skip


def render(status: Status) -> bytes:
    """Everything `status` knows in figures, in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once(status))
    return generate_latest(registry)


class _Once(Collector):
    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        beat = self._status.heartbeat
        info = InfoMetricFamily("vsaas_agent", "The agent's version")
        info.add_metric([], {"software": beat.software})
        yield info
        yield from _figures(_AGENT_FIGURES, self._status)
        if beat.box is not None:
            yield from _figures(_BOX_FIGURES, beat.box)
        for name, text, figure in _STREAM_FIGURES:
            family = GaugeMetricFamily(f"vsaas_agent_stream_{name}", text, labels=["camera", "stream"])
            for stream in beat.streams:
                value = figure(stream)
                if value is not None:
                    family.add_metric([str(stream.camera), _stream_name(stream.stream)], value)
            yield family
        states = GaugeMetricFamily(
            "vsaas_agent_stream_state", "1 for the state a stream is in", labels=["camera", "stream", "state"]
        )
        for stream in beat.streams:
            for state in CAMERA_STATES:
                labels = [str(stream.camera), _stream_name(stream.stream), state]
                states.add_metric(labels, float(stream.state == state))
        yield states


def _figures(rows: object, of: object) -> Iterator[Metric]:
    for name, text, figure in rows:  # type: ignore[attr-defined]
        value = figure(of)
        if value is not None:
            family = GaugeMetricFamily(f"vsaas_agent_{name}", text)
            family.add_metric([], float(value))
            yield family


def _seconds(us: int | None) -> float | None:
    return None if us is None else us / 1e6


def _stream_name(number: int) -> str:
    return Stream(number).name.lower()


async def serve(path: Path, newest: Callable[[], Status]) -> None:
    """Answer until cancelled. A socket that cannot be made is told in the log: recording does not depend on figures."""
    try:
        _remove(path)  # what a killed agent left; the state folder's lock keeps a second agent away
        server = await asyncio.start_unix_server(
            lambda reader, writer: _answer(reader, writer, newest), path, limit=_REQUEST_BYTES_MAX
        )
        _open_to_group(path)
    except OSError as error:
        log.error(
            "no figures are told: cannot make the socket %s: %s; set 'metrics_socket' to another path",
            path,
            error.strerror or error,
        )
        return
    try:
        async with server:
            await server.serve_forever()
    finally:
        _remove(path)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _open_to_group(path: Path) -> None:
    path.chmod(_SOCKET_MODE)


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, newest: Callable[[], Status]
) -> None:
    """One request, one answer (HTTP/1.1, `Connection: close`). A caller that breaks off is nobody's concern."""
    with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        async with asyncio.timeout(_ANSWER_S):
            head = await reader.readuntil(b"\r\n\r\n")
            words = head.split(b"\r\n", 1)[0].split()
            if words[:2] == [b"GET", b"/metrics"]:
                body = await asyncio.to_thread(lambda: render(newest()))
                writer.write(
                    f"HTTP/1.1 200 OK\r\nContent-Type: {CONTENT_TYPE_PLAIN_0_0_4}\r\n"
                    f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
                    + body
                )
            else:
                writer.write(_NOT_FOUND)
            await writer.drain()
    writer.close()
