"""What people find in their mailboxes: the portal under test keeps messages to be read, as on one machine."""

from __future__ import annotations

from uuid import UUID

from vsaas.mail import sending
from vsaas.mail.letters import Letter
from vsaas.mail.models import Outgoing
from vsaas.mail.sealed import letter_of


def deliver(tenant_id: UUID | None) -> None:
    """Send what waits in an outbox (None: the platform's), as the worker does."""
    box = sending.Box(tenant_id)
    with box.open():
        waiting = sending.due(box)
    for message_id in waiting:
        assert sending.send(box, message_id)


def letters(tenant_id: UUID | None, to: str, kind: str = "") -> list[Letter]:
    """The letters an address was sent, the oldest first."""
    deliver(tenant_id)
    box = sending.Box(tenant_id)
    with box.open():
        kept = box.messages().filter(to=to, state=Outgoing.State.KEPT).order_by("created_at")
        found = [letter_of(one) for one in kept if kind in ("", one.kind)]
    return [one for one in found if one is not None]


def link_to(tenant_id: UUID | None, to: str, kind: str) -> str:
    """The path of the newest link an address was sent in a letter of this kind."""
    newest = letters(tenant_id, to, kind)[-1]
    assert newest.button is not None
    return newest.button[1].removeprefix("http://127.0.0.1:8400")
