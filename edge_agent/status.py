"""What the agent says about itself on this machine: a small file it rewrites every few seconds, and its reading.

The file is written whole or not at all and holds no secret. When no agent runs, what waits in the spool is counted
from the spool's own index.
"""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge_agent import called
from edge_agent.errors import StateUnusable
from edge_agent.files import read_private, write_private
from edge_agent.identity import Identity, hold_state
from protocol.errors import ProtocolError
from protocol.health import BoxHealth, Heartbeat, StreamHealth, UpdateHealth
from protocol.limits import AGENT_OFFLINE_SECONDS
from protocol.states import SegmentState
from sealing.ids import Stream

FILE: Final = "status.json"
SPOOL_INDEX: Final = "spool/index.sqlite3"
_BYTES_MAX: Final = 4 * 1024 * 1024
_CLOCK_WRONG_US: Final = 2_000_000
_LATE_US: Final = 600_000_000


@dataclass(frozen=True)
class Status:
    """Facts of one moment (`heartbeat.utc_us`). `clock_ahead_us`: this box's clock minus the portal's."""

    heartbeat: Heartbeat
    portal_seen_us: int | None
    portal_trouble: str | None
    control_connected: bool
    clock_ahead_us: int | None
    camera_names: Mapping[uuid.UUID, str]
    alarms: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "heartbeat": self.heartbeat.to_json(),
            "portal_seen_us": self.portal_seen_us,
            "portal_trouble": self.portal_trouble,
            "control_connected": self.control_connected,
            "clock_ahead_us": self.clock_ahead_us,
            "camera_names": {str(camera): name for camera, name in self.camera_names.items()},
            "alarms": list(self.alarms),
        }

    def line(self) -> str:
        """All in one line."""
        streams = self.heartbeat.streams
        recording = sum(stream.state == "recording" for stream in streams)
        portal = "portal not reached" if self.portal_trouble else "portal reached"
        return f"{recording} of {len(streams)} streams recorded, {portal}"

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Status:
        """Raises KeyError, TypeError, ValueError or ProtocolError for a file of another release."""
        return cls(
            heartbeat=Heartbeat.from_json(data["heartbeat"]),
            portal_seen_us=data["portal_seen_us"],
            portal_trouble=data["portal_trouble"],
            control_connected=bool(data["control_connected"]),
            clock_ahead_us=data["clock_ahead_us"],
            camera_names={uuid.UUID(camera): str(name) for camera, name in data["camera_names"].items()},
            alarms=tuple(str(item) for item in data["alarms"]),
        )


def write_status(state: Path, status: Status) -> None:
    """Raises StateUnusable."""
    write_private(state / FILE, json.dumps(status.to_json()).encode(), durable=False)


@dataclass(frozen=True)
class Waiting:
    """What the spool still has to send. `oldest_us`: start of the oldest segment, UTC µs."""

    segments: int
    records: int
    oldest_us: int | None


@dataclass(frozen=True)
class Report:
    """Everything `status` shows. `status` is None when the agent never ran, and old when it does not run now."""

    identity: Identity
    running: bool
    status: Status | None
    waiting: Waiting | None
    now_us: int

    @property
    def troubles(self) -> list[str]:
        """What is not in order, in words; empty when all is well."""
        found = [] if self.running else [f"the agent does not run: start '{called.start_command()}'"]
        status = self.status
        if status is None:
            return [*found, "the agent never ran here"] if self.running else found
        found += status.alarms
        if not self.running:
            return found
        if status.portal_trouble:
            found.append(status.portal_trouble)
        elif (
            status.portal_seen_us is None
            or self.now_us - status.portal_seen_us > AGENT_OFFLINE_SECONDS * 1_000_000
        ):
            found.append("no contact with the portal for a while: check the network")
        if status.clock_ahead_us is not None and abs(status.clock_ahead_us) > _CLOCK_WRONG_US:
            found.append(
                f"this box's clock is {abs(status.clock_ahead_us) / 1e6:.0f} s "
                f"{'ahead of' if status.clock_ahead_us > 0 else 'behind'} the portal's: check its time service"
            )
        for stream in status.heartbeat.streams:
            if stream.state not in ("recording", "disabled", "by-plan", "waiting-for-event"):
                why = f": {stream.detail}" if stream.detail else ""
                found.append(f"{_stream_name(status, stream)}: {stream.state}{why}")
        return found

    def to_json(self) -> dict[str, Any]:
        identity, waiting = self.identity, self.waiting
        return {
            "running": self.running,
            "portal": identity.portal,
            "tenant": identity.tenant_slug,
            "agent": str(identity.agent),
            "name": identity.name,
            "root_fingerprint": identity.fingerprint.hex(),
            "waiting": None
            if waiting is None
            else {
                "segments": waiting.segments,
                "records": waiting.records,
                "oldest_unsent_us": waiting.oldest_us,
            },
            "status": None if self.status is None else self.status.to_json(),
            "troubles": self.troubles,
        }

    def text(self) -> str:
        """The report for people."""
        identity, status = self.identity, self.status
        lines = [
            f"agent     {identity.name} ({identity.agent}), organisation {identity.tenant_slug}",
            f"state     {'running' if self.running else 'not running'}",
        ]
        if status is not None:
            seen = "never" if status.portal_seen_us is None else _ago(self.now_us - status.portal_seen_us)
            control = ", control socket open" if status.control_connected and self.running else ""
            lines.append(f"portal    {identity.portal}, last answer {seen}{control}")
            lines.append(f"clock     {_clock_text(status)}")
            lines += self._camera_lines(status)
            beat = status.heartbeat
            if beat.box is not None and self.running:
                lines.append(f"box       {_box_text(beat.box)}")
            left = (
                ""
                if beat.days_left is None
                else f", room for {_span_s(beat.days_left * 86_400)} without uploads"
            )
            lines.append(
                f"spool     {_size(beat.spool_bytes)} of {_size(beat.spool_budget_bytes)}, "
                f"{_size(beat.disk_free_bytes)} free on the disk{left}"
            )
            if beat.update is not None:
                lines.append(f"update    {_update_text(beat.update)}")
        if self.waiting is not None:
            lines.append(f"unsent    {self._waiting_text(self.waiting)}")
        lines += [f"look at   {text}" for text in self.troubles]
        return "\n".join(lines)

    def _camera_lines(self, status: Status) -> list[str]:
        age = "" if self.running else f" (as of {_ago(self.now_us - status.heartbeat.utc_us)})"
        lines = []
        for stream in status.heartbeat.streams:
            since = _ago(self.now_us - stream.since_us).removesuffix(" ago")
            facts = ", ".join([f"{stream.state} for {since}", *_stream_facts(stream, self.now_us)])
            lines.append(f"camera    {_stream_name(status, stream)}: {facts}{age}")
        return lines or [f"camera    none ordered yet: add one in the portal{age}"]

    def _waiting_text(self, waiting: Waiting) -> str:
        if not waiting.segments and not waiting.records:
            return "nothing: all is with the portal"
        oldest = (
            "" if waiting.oldest_us is None else f", the oldest from {_ago(self.now_us - waiting.oldest_us)}"
        )
        return f"{waiting.segments} segments and {waiting.records} records{oldest}"


def read_report(state: Path) -> Report:
    """What is known now, whether the agent runs or not. Raises NotEnrolled, StateUnusable."""
    identity = Identity.load(state)
    return Report(identity, _is_running(state), _read_status(state), _waiting(state), time.time_ns() // 1000)


def _is_running(state: Path) -> bool:
    try:
        with hold_state(state, wait_s=0):
            return False
    except StateUnusable:
        return True


def _read_status(state: Path) -> Status | None:
    path = state / FILE
    if not path.exists():
        return None
    try:
        return Status.from_json(json.loads(read_private(path, most_bytes=_BYTES_MAX)))
    except (KeyError, TypeError, ValueError, AttributeError, ProtocolError):
        return None  # written by another release: the running agent replaces it in seconds


def _waiting(state: Path) -> Waiting | None:
    """Counts from the spool's index, read beside whoever writes it; None before the first recording."""
    path = state / SPOOL_INDEX
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=2.0)) as connection:
            segments, oldest_us = connection.execute(
                "SELECT count(*), min(start_us) FROM segments WHERE state IN (?, ?)",
                (SegmentState.SEALED, SegmentState.DECLARED),
            ).fetchone()
            records = connection.execute("SELECT count(*) FROM records WHERE state = 0").fetchone()[0]
    except sqlite3.Error as error:
        raise StateUnusable(f"the spool's index {path} cannot be read: {error}") from error
    return Waiting(segments, records, oldest_us)


def _stream_name(status: Status, stream: StreamHealth) -> str:
    name = status.camera_names.get(stream.camera, str(stream.camera))
    return f"{name} ({Stream(stream.stream).name.lower()})" if stream.stream in (1, 2) else name


def _clock_text(status: Status) -> str:
    said = "synchronised" if status.heartbeat.clock_synchronised else "not synchronised"
    if status.clock_ahead_us is None:
        return said
    return f"{said}, {status.clock_ahead_us / 1e6:+.0f} s against the portal"


def _stream_facts(stream: StreamHealth, now_us: int) -> list[str]:
    facts = [stream.codec] if stream.codec else []
    if stream.width:
        facts.append(f"{stream.width}×{stream.height}")
    if stream.bits_per_s:
        facts.append(f"{stream.bits_per_s / 1e6:.1f} Mbit/s, {stream.frames_per_s:.1f} pictures/s")
    if stream.last_frame_us is not None and stream.state not in ("recording", "by-plan", "waiting-for-event"):
        facts.append(f"last picture {_ago(now_us - stream.last_frame_us)}")
    if stream.oldest_unsent_us is not None and now_us - stream.oldest_unsent_us > _LATE_US:
        facts.append(f"not uploaded since {_ago(now_us - stream.oldest_unsent_us)}")
    if stream.packets_lost:
        facts.append(f"{stream.packets_lost} packets lost")
    if stream.restarts:
        facts.append(
            "connected anew once" if stream.restarts == 1 else f"connected anew {stream.restarts} times"
        )
    off_us = stream.clock_offset_us
    if off_us is not None and abs(off_us) > _CLOCK_WRONG_US:
        facts.append(f"its clock {_span_s(abs(off_us) / 1e6)} {'ahead' if off_us > 0 else 'behind'}")
    return facts


def _update_text(update: UpdateHealth) -> str:
    why = f": {update.reason}" if update.reason else ""
    if update.state == "off":
        return f"off{why}"
    return f"{update.version} {update.state}{why}" if update.version else "none ordered"


def _box_text(box: BoxHealth) -> str:
    facts = [
        f"processor {box.cpu_percent:.0f} %",
        f"memory {_size(box.memory_used_bytes)} of {_size(box.memory_total_bytes)}",
    ]
    if box.temperature_c is not None:
        facts.append(f"{box.temperature_c:.0f} °C")
    if box.disk_wear_percent is not None:
        facts.append(f"disk worn {box.disk_wear_percent} %")
    speed = "" if box.link_mbit_per_s is None else f" {box.link_mbit_per_s} Mbit/s"
    facts.append(
        f"link {box.link} {'up' if box.link_up else 'down'}{speed}" if box.link else "no default route"
    )
    return ", ".join(facts)


def _ago(us: int) -> str:
    return f"{_span_s(max(0, us) / 1e6)} ago"


def _span_s(seconds: float) -> str:
    for size_s, word in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size_s:
            return f"{seconds / size_s:.0f} {word}"
    return f"{seconds:.0f} s"


def _size(size_bytes: int) -> str:
    size = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
