"""The heartbeat an agent posts every ten seconds (`POST /agent/v1/health`, JSON)."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from typing import Any, Final

from protocol import limits
from protocol.enrolment import uuid_of
from protocol.errors import ProtocolError

CAMERA_STATES: Final = (
    "recording",
    "connecting",
    "offline",
    "refused",
    "stalled",
    "unusable",
    "disabled",
    "disk-full",
    "wrong-certificate",
    "by-plan",
    "waiting-for-event",
)


UPDATE_STATES: Final = (
    "off",
    "idle",
    "downloading",
    "waiting",
    "handed-over",
    "installed",
    "rolled-back",
    "refused",
)
ALARMS_MAX: Final = 20


@dataclass(frozen=True)
class StreamHealth:
    """`state` is one of CAMERA_STATES; `since_us` when it began; bit rate and frame rate as measured over the last segment.

    `certificate`: SHA-256 (hex) of the certificate the camera showed last; "" without TLS. `packets_lost` on the way from
    the camera and `restarts` (connections made anew) count since the agent started. `last_frame_us`: when the last picture
    came. `clock_offset_us`: the camera's clock minus the box's, where it tells it; `clock_drift_ppm`: how fast that grows.
    `oldest_unsent_us`: where what waits here of the stream begins, None when all is in the store. From `certificate` on
    absent from agents of the first release.
    """

    camera: uuid.UUID
    stream: int
    state: str
    since_us: int
    detail: str = ""
    bits_per_s: int = 0
    frames_per_s: float = 0.0
    codec: str = ""
    certificate: str = ""
    width: int = 0
    height: int = 0
    packets_lost: int = 0
    restarts: int = 0
    last_frame_us: int | None = None
    clock_offset_us: int | None = None
    clock_drift_ppm: float | None = None
    oldest_unsent_us: int | None = None


@dataclass(frozen=True)
class BoxHealth:
    """The box the agent runs on. None: it does not tell.

    `disk_wear_percent`: of its expected life used, of the disk that holds the spool. `link`: the interface of the route to
    everywhere, "" without one. `temperature_c`: the hottest place measured.
    """

    cpu_percent: float
    memory_used_bytes: int
    memory_total_bytes: int
    disk_total_bytes: int
    disk_wear_percent: int | None
    temperature_c: float | None
    link: str
    link_up: bool
    link_mbit_per_s: int | None


@dataclass(frozen=True)
class UpdateHealth:
    """What became of the update ordered. `state`: one of UPDATE_STATES (`off`: this box cannot update itself, `waiting`:
    tried again later, `handed-over`: with the box's own installer). `version` and `attempt`: those of the order.

    `reason` says why it is off, waits or was not kept. `interruption_ms`: the longest time a stream was not recorded for it.
    """

    state: str
    version: str = ""
    attempt: int = 0
    reason: str = ""
    interruption_ms: int | None = None


@dataclass(frozen=True)
class Heartbeat:
    """`instance` is random per start of the agent process: two of them taking turns betray a cloned box.

    Times in UTC µs, sizes in bytes. `alarms`: what a person must look at (a portal that forgot statements, a refused
    command document, a damaged segment), at most 20 texts; absent from agents of the first release, as `box` and `update` are.
    """

    instance: uuid.UUID
    software: str
    utc_us: int
    started_us: int
    clock_synchronised: bool
    spool_bytes: int
    spool_budget_bytes: int
    disk_free_bytes: int
    days_left: float | None
    oldest_unsent_us: int | None
    streams: tuple[StreamHealth, ...]
    alarms: tuple[str, ...] = ()
    box: BoxHealth | None = None
    update: UpdateHealth | None = None

    def to_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if name not in ("instance", "streams", "alarms", "box", "update")
        }
        data["update"] = None if self.update is None else asdict(self.update)
        data["box"] = None if self.box is None else asdict(self.box)
        data["alarms"] = list(self.alarms)
        data["instance"] = str(self.instance)
        data["streams"] = [
            {name: getattr(stream, name) for name in stream.__dataclass_fields__ if name != "camera"}
            | {"camera": str(stream.camera)}
            for stream in self.streams
        ]
        return data

    @classmethod
    def from_json(cls, data: object) -> Heartbeat:
        """Raises ProtocolError `bad-field`."""
        row = _object(data, "heartbeat")
        streams = row.get("streams")
        if not isinstance(streams, list) or len(streams) > 2000:
            raise ProtocolError("bad-field", "streams is not a list of at most 2000")
        alarms = row.get("alarms", [])
        if not isinstance(alarms, list) or len(alarms) > ALARMS_MAX:
            raise ProtocolError("bad-field", f"alarms is not a list of at most {ALARMS_MAX}")
        oldest, days = row.get("oldest_unsent_us"), row.get("days_left")
        return cls(
            instance=uuid_of(row.get("instance"), "instance"),
            software=_short(row, "software"),
            utc_us=_whole(row, "utc_us"),
            started_us=_whole(row, "started_us"),
            clock_synchronised=row.get("clock_synchronised") is True,
            spool_bytes=_whole(row, "spool_bytes"),
            spool_budget_bytes=_whole(row, "spool_budget_bytes"),
            disk_free_bytes=_whole(row, "disk_free_bytes"),
            days_left=None if days is None else _number(row, "days_left"),
            oldest_unsent_us=None if oldest is None else _whole(row, "oldest_unsent_us"),
            streams=tuple(_stream(item) for item in streams),
            alarms=tuple(_text(item, "alarm") for item in alarms),
            box=None if row.get("box") is None else _box(row["box"]),
            update=None if row.get("update") is None else _update(row["update"]),
        )


def _update(value: object) -> UpdateHealth:
    row = _object(value, "update")
    state = _short(row, "state")
    if state not in UPDATE_STATES:
        raise ProtocolError("bad-field", f"update state {state!r} is not one of {', '.join(UPDATE_STATES)}")
    return UpdateHealth(
        state=state,
        version=_short(row, "version"),
        attempt=_whole(row, "attempt"),
        reason=_short(row, "reason"),
        interruption_ms=_whole_or_none(row, "interruption_ms"),
    )


def _box(value: object) -> BoxHealth:
    row = _object(value, "box")
    return BoxHealth(
        cpu_percent=_number(row, "cpu_percent"),
        memory_used_bytes=_whole(row, "memory_used_bytes"),
        memory_total_bytes=_whole(row, "memory_total_bytes"),
        disk_total_bytes=_whole(row, "disk_total_bytes"),
        disk_wear_percent=_whole_or_none(row, "disk_wear_percent"),
        temperature_c=None if row.get("temperature_c") is None else _number(row, "temperature_c"),
        link=_short(row, "link"),
        link_up=row.get("link_up") is True,
        link_mbit_per_s=_whole_or_none(row, "link_mbit_per_s"),
    )


def _stream(value: object) -> StreamHealth:
    row = _object(value, "stream")
    state = _short(row, "state")
    if state not in CAMERA_STATES:
        raise ProtocolError("bad-field", f"state {state!r} is not one of {', '.join(CAMERA_STATES)}")
    return StreamHealth(
        camera=uuid_of(row.get("camera"), "camera"),
        stream=_whole(row, "stream"),
        state=state,
        since_us=_whole(row, "since_us"),
        detail=_short(row, "detail"),
        bits_per_s=_whole(row, "bits_per_s"),
        frames_per_s=_number(row, "frames_per_s"),
        codec=_short(row, "codec"),
        certificate=_short(row, "certificate") if "certificate" in row else "",
        width=_whole(row, "width") if "width" in row else 0,
        height=_whole(row, "height") if "height" in row else 0,
        packets_lost=_whole(row, "packets_lost") if "packets_lost" in row else 0,
        restarts=_whole(row, "restarts") if "restarts" in row else 0,
        last_frame_us=_whole_or_none(row, "last_frame_us"),
        clock_offset_us=_offset(row, "clock_offset_us"),
        clock_drift_ppm=_signed(row, "clock_drift_ppm"),
        oldest_unsent_us=_whole_or_none(row, "oldest_unsent_us"),
    )


def _object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ProtocolError("bad-field", f"{what} is not a JSON object")
    return value


def _whole(row: dict[str, Any], name: str) -> int:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise ProtocolError("bad-field", f"{name} is not a whole number")
    if name.endswith("_us") and value > limits.LAST_US:
        raise ProtocolError("bad-field", f"{name} lies after the year 9999")
    return value


def _whole_or_none(row: dict[str, Any], name: str) -> int | None:
    return None if row.get(name) is None else _whole(row, name)


def _offset(row: dict[str, Any], name: str) -> int | None:
    value = row.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise ProtocolError("bad-field", f"{name} is not a whole number")
    return value


def _number(row: dict[str, Any], name: str) -> float:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise ProtocolError("bad-field", f"{name} is not a number")
    return float(value)


def _signed(row: dict[str, Any], name: str) -> float | None:
    value = row.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e9 < value < 1e9:
        raise ProtocolError("bad-field", f"{name} is not a number")
    return float(value)


def _short(row: dict[str, Any], name: str) -> str:
    return _text(row.get(name), name)


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or len(value) > 200 or not value.isprintable():
        raise ProtocolError("bad-field", f"{name} is not a text of at most 200 printable characters")
    return value
