"""How much footage of cameras is kept, and for how long by default.

Recordings belong to `footage`, which stands above this package; it registers its look-ups when it starts.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True)
class Kept:
    """What is kept of one camera: bytes of both streams, and the hours it reaches over (UTC µs). `stored_bytes`: so many of them
    the store was seen to hold; the others the agent has told of."""

    size_bytes: int
    from_us: int
    to_us: int
    stored_bytes: int


KeptSource = Callable[[Collection[UUID]], Mapping[UUID, Kept]]
_source: tuple[KeptSource, Callable[[], int]] | None = None


def register_kept_source(kept: KeptSource, default_days: Callable[[], int]) -> None:
    """`kept(camera_ids)` leaves out cameras with nothing kept, in one query; `default_days()` is the tenant's
    retention. Both run inside the tenant's scope."""
    global _source
    _source = kept, default_days


def _registered() -> tuple[KeptSource, Callable[[], int]]:
    if _source is None:
        raise ImproperlyConfigured("no source of kept footage: footage registers one in its AppConfig.ready")
    return _source


def kept_footage(camera_ids: Collection[UUID]) -> Mapping[UUID, Kept]:
    """As the registered source says. Raises ImproperlyConfigured while nobody has registered."""
    return _registered()[0](camera_ids)


def default_retention_days() -> int:
    """How many days a camera without a retention of its own is kept."""
    return _registered()[1]()
