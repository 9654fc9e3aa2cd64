"""The newest recorded second of cameras.

Recordings belong to `footage`, which stands above this package; it registers its look-up when it starts.
"""

from collections.abc import Callable, Collection, Mapping
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured

NewestSource = Callable[[Collection[UUID]], Mapping[UUID, int]]
_source: NewestSource | None = None


def register_newest_source(source: NewestSource) -> None:
    """`source(camera_ids)` gives, inside their tenant's scope, the end of each camera's newest recorded segment in
    UTC µs; cameras with nothing recorded are left out. One query, however many cameras."""
    global _source
    _source = source


def newest_recorded_us(camera_ids: Collection[UUID]) -> Mapping[UUID, int]:
    """As the registered source says. Raises ImproperlyConfigured while nobody has registered."""
    if _source is None:
        raise ImproperlyConfigured(
            "no source of newest recordings: footage registers one in its AppConfig.ready"
        )
    return _source(camera_ids)
