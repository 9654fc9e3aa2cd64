"""What the portal knows of an agent's chains.

Chains belong to `footage`, which stands above this package; it registers its look-up when it starts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True)
class Tip:
    """The newest accepted record of one chain: `chain` (16 bytes), `seq`, `hash` (32 bytes)."""

    chain: bytes
    camera: UUID
    stream: int
    seq: int
    hash: bytes


TipSource = Callable[[UUID, int | None, int | None], Sequence[Tip]]
_source: TipSource | None = None


def register_tip_source(source: TipSource) -> None:
    """`source(agent_id, most, signed_until_us)` gives the tips of an agent's newest chains, inside its tenant's scope; `most`
    None: of all. With `signed_until_us` each is the last record that claims to be signed no later, and chains without one are
    left out."""
    global _source
    _source = source


def known_tips(
    agent_id: UUID, most: int | None = None, *, signed_until_us: int | None = None
) -> Sequence[Tip]:
    """The tips of an agent's chains, newest chain first; of all of them unless `most` is given (see `register_tip_source`).

    Raises ImproperlyConfigured while nobody has registered.
    """
    if _source is None:
        raise ImproperlyConfigured("no source of chain tips: footage registers one in its AppConfig.ready")
    return _source(agent_id, most, signed_until_us)
