"""What is signed of the current tenant's log, as pages and programs are told."""

from __future__ import annotations

from dataclasses import dataclass

from vsaas.audit.checkpoints import of_row
from vsaas.audit.models import AuditCheckpoint, AuditEntry
from vsaas.audit.proof import Checkpoint, key_text

LOOKED_THROUGH = 20


@dataclass(frozen=True, slots=True)
class SignedState:
    """`newest`: the newest checkpoint whose signature holds, None when there is none; `key`: the public key it holds under.
    Whether that is the worker's own key, the portal cannot know: compare it with what `manage.py audit_init` prints."""

    newest: Checkpoint | None
    key: str
    entries: int

    @property
    def unsigned(self) -> int:
        return self.entries - (self.newest.size if self.newest else 0)


def signed_state() -> SignedState:
    """Of the current tenant."""
    last = AuditEntry.objects.order_by("-seq").values_list("seq", flat=True).first()
    entries = 0 if last is None else last + 1
    for row in AuditCheckpoint.objects.filter(size__lte=entries).order_by("-size")[:LOOKED_THROUGH]:
        found, public_key = of_row(row), bytes(row.public_key)
        if found.holds(public_key):
            return SignedState(found, key_text(public_key), entries)
    return SignedState(None, "", entries)
