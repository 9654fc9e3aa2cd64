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


@dataclass(frozen=True)
class SignedUntil:
    """Asks for tips that claim to be signed no later than `us`. What stands up to `after(chain)` (-1: nothing) is not looked
    at: it is trusted already, whatever it claims."""

    us: int
    after: Callable[[bytes], int]


TipSource = Callable[[UUID, int | None, SignedUntil | None], Sequence[Tip]]
_source: TipSource | None = None


def register_tip_source(source: TipSource) -> None:
    """`source(agent_id, most, until)` gives the tips of an agent's newest chains, inside its tenant's scope; `most`
    None: of all. With `until` each is the last record before the first behind `after` that claims a later time, and chains
    with nothing behind `after` are left out."""
    global _source
    _source = source


def known_tips(agent_id: UUID, most: int | None = None, *, until: SignedUntil | None = None) -> Sequence[Tip]:
    """The tips of an agent's chains, newest chain first; of all of them unless `most` is given (see `register_tip_source`).

    Raises ImproperlyConfigured while nobody has registered.
    """
    if _source is None:
        raise ImproperlyConfigured("no source of chain tips: footage registers one in its AppConfig.ready")
    return _source(agent_id, most, until)
