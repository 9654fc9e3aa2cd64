"""The cameras the log speaks of, with their names and the time zones of their sites.

Cameras belong to `cameras`, which stands above this package; it registers its look-up when it starts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True, slots=True)
class LogCamera:
    """A camera of the current tenant; `deleted`: it records no more."""

    id: UUID
    name: str
    site: str
    time_zone: str
    deleted: bool

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


CameraSource = Callable[[UUID | None], list[LogCamera]]
_source: CameraSource | None = None


def register_camera_source(source: CameraSource) -> None:
    """`source(None)` gives every camera of the current tenant by name, deleted ones last; `source(id)` that one, or none."""
    global _source
    _source = source


def cameras_of_log(camera_id: UUID | None = None) -> list[LogCamera]:
    """As the registered source says. Raises ImproperlyConfigured while nobody has registered."""
    if _source is None:
        raise ImproperlyConfigured(
            "no source of cameras: the cameras app registers one in its AppConfig.ready"
        )
    return _source(camera_id)
