"""Time zones as devices are told them."""

from __future__ import annotations

import importlib.resources
import zoneinfo
from pathlib import Path


def posix_rule(name: str) -> str:
    """The POSIX rule of an IANA time zone, as the last line of its file states it (RFC 8536 section 3.3): for Europe/Berlin
    `CET-1CEST,M3.5.0,M10.5.0/3`. Raises LookupError for a zone that is not known."""
    if name not in zoneinfo.available_timezones():
        raise LookupError(name)
    rule = _file_of(name).rstrip(b"\n").rpartition(b"\n")[2].decode("ascii")
    if not rule:
        raise LookupError(name)
    return rule


def _file_of(name: str) -> bytes:
    for folder in zoneinfo.TZPATH:
        file = Path(folder, name)
        if file.is_file():
            return file.read_bytes()
    return importlib.resources.files("tzdata.zoneinfo").joinpath(*name.split("/")).read_bytes()
