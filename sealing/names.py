"""Names of stored objects (SPEC.md section 2.4): derived by portal and readers, never named by an agent."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from .errors import BadField
from .fields import MAX_TIME_US
from .ids import Stream

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAME: Final = re.compile(r"t/([0-9a-f]{32})/c/([0-9a-f]{32})/(main|sub)/(\d{10})/([0-9a-f]{32})", re.ASCII)


def hour(start_us: int) -> str:
    """`YYYYMMDDHH` in UTC. Raises BadField before 1970 or after 9999."""
    if not 0 <= start_us <= MAX_TIME_US:
        raise BadField(f"no object name can hold the time {start_us} µs")
    return _hour_name(start_us // 3_600_000_000)


@lru_cache(maxsize=1024)
def _hour_name(number: int) -> str:
    """The name of hour `number` since 1970."""
    return (_EPOCH + timedelta(hours=number)).strftime("%Y%m%d%H")


@lru_cache(maxsize=1024)
def stream_prefix(tenant: uuid.UUID, camera: uuid.UUID, stream: Stream) -> str:
    """Common beginning of all objects of one stream; add `YYYYMMDD` or `hour(…) + "/"` for a day or an hour."""
    return f"t/{tenant.hex}/c/{camera.hex}/{stream.name.lower()}/"


def object_name(
    tenant: uuid.UUID, camera: uuid.UUID, stream: Stream, segment: uuid.UUID, start_us: int
) -> str:
    """Name of a segment's object."""
    return f"{stream_prefix(tenant, camera, stream)}{hour(start_us)}/{segment.hex}"


@dataclass(frozen=True)
class ObjectName:
    """An object name taken apart."""

    tenant: uuid.UUID
    camera: uuid.UUID
    stream: Stream
    hour: str
    segment: uuid.UUID

    @property
    def about_us(self) -> int:
        """About when the segment began, UTC: by its UUIDv7 where that lies in the hour of the name, else the hour's begin."""
        hour_us = _hour_us(self.hour)
        made_us = (self.segment.int >> 80) * 1000
        return (
            made_us if self.segment.version == 7 and hour_us <= made_us < hour_us + 3_600_000_000 else hour_us
        )


def _hour_us(when: str) -> int:
    """Begin of the hour `YYYYMMDDHH`, UTC. Raises BadField for an hour that does not exist or lies before 1970."""
    try:
        begin = datetime.strptime(when, "%Y%m%d%H").replace(tzinfo=UTC)
    except ValueError as error:
        raise BadField(f"there is no hour {when}") from error
    if begin < _EPOCH:
        raise BadField("no object is older than 1970")
    return (begin - _EPOCH) // timedelta(microseconds=1)


def parse_object_name(name: str) -> ObjectName:
    """Raises BadField unless `name` is exactly an object name."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise BadField("not the name of a segment object")
    tenant, camera, stream, when, segment = match.groups()
    _hour_us(when)
    place = uuid.UUID(hex=tenant), uuid.UUID(hex=camera), Stream[stream.upper()]
    return ObjectName(*place, when, uuid.UUID(hex=segment))
