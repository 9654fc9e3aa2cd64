"""Sending what waits: claimed by one worker, written, handed over, settled.

A message is claimed by a conditional UPDATE and handed over outside any transaction. When a worker dies in between nobody
knows whether it went out; it is tried again after STUCK_AFTER, under the same Message-ID: none is lost, and none is sent
twice knowingly.
"""

from __future__ import annotations

import datetime as dt
import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import translation

from tenants.models import Tenant
from tenants.scope import platform_scope, tenant_scope
from vsaas.audit.services import record_act, system, what
from vsaas.common import clock
from vsaas.common.secretbox import SecretUnreadable
from vsaas.mail import acts, transport
from vsaas.mail.compose import compose
from vsaas.mail.errors import NotSent
from vsaas.mail.letters import kind_of
from vsaas.mail.models import PLATFORM, Message, Outgoing, PlatformMessage
from vsaas.mail.sealed import content_of, seal

logger = logging.getLogger(__name__)

STUCK_AFTER = dt.timedelta(minutes=15)
FIRST_WAIT_S = 60
LONGEST_WAIT_S = 3600
KEEP_ROWS = dt.timedelta(days=7)
KEEP_CONTENT = dt.timedelta(days=1)

State = Outgoing.State


@dataclass(frozen=True)
class Box:
    """An outbox: a tenant's, or the platform's (`tenant_id` None)."""

    tenant_id: UUID | None

    def open(self) -> AbstractContextManager[object]:
        """The scope in which its messages are reached."""
        return platform_scope(PLATFORM) if self.tenant_id is None else tenant_scope(self.tenant_id)

    def messages(self) -> QuerySet[Any]:
        """Its messages."""
        return PlatformMessage.objects.all() if self.tenant_id is None else Message.objects.all()

    def organisation(self) -> str | None:
        """Whose it is."""
        return None if self.tenant_id is None else Tenant.objects.get().name


def due(box: Box) -> list[UUID]:
    """The messages to be sent now; those of a worker that died are given free first."""
    now = clock.now()
    messages = box.messages()
    messages.filter(state=State.SENDING, claimed_at__lt=now - STUCK_AFTER).update(state=State.WAITING)
    return list(messages.filter(state=State.WAITING, next_at__lte=now).values_list("pk", flat=True)[:500])


def send(box: Box, message_id: UUID) -> bool:
    """Send one message, if it waits; whether it was this call that took it."""
    with box.open():
        claimed = box.messages().filter(pk=message_id, state=State.WAITING, next_at__lte=clock.now())
        if not claimed.update(state=State.SENDING, claimed_at=clock.now(), attempts=F("attempts") + 1):
            return False
    try:
        with box.open():
            mail = _written(box, box.messages().get(pk=message_id))
        if mail is not None:
            transport.hand_over(mail)
            with box.open():
                _settle(box, message_id, state=State.SENT, sealed=None, error="")
    except NotSent as error:
        with box.open():
            _not_sent(box, box.messages().get(pk=message_id), error)
    return True


def _written(box: Box, message: Outgoing) -> EmailMessage | None:
    """The message, or None where it is settled already: nothing is to be said, or it is read on this machine."""
    if clock.now() >= message.give_up_at:
        raise NotSent(message.error or "it waited too long", for_good=True)
    try:
        about = content_of(message)["about"]
    except SecretUnreadable:
        raise NotSent("it was sealed under another VSAAS_SECRET_KEY", for_good=True) from None
    with translation.override(message.language):
        letter = kind_of(message.kind).write(about, message.to)
        if letter is None:
            box.messages().filter(pk=message.pk).delete()
            return None
        if settings.ENV.smtp_url is None:
            kept = seal(message, {"letter": letter.as_json()})
            _settle(box, message.pk, state=State.KEPT, sealed=kept, error="")
            return None
        return compose(letter, message, box.organisation())


def _settle(box: Box, message_id: UUID, **values: object) -> None:
    box.messages().filter(pk=message_id, state=State.SENDING).update(settled_at=clock.now(), **values)


def _not_sent(box: Box, message: Outgoing, error: NotSent) -> None:
    """Wait twice as long as before, or give up."""
    wait_s = min(FIRST_WAIT_S * 2 ** min(message.attempts - 1, 10), LONGEST_WAIT_S)
    next_at = clock.now() + dt.timedelta(seconds=wait_s)
    logger.warning(
        "a message (%s) was not sent at attempt %d: %s", message.kind, message.attempts, error.error
    )
    if not error.for_good and next_at < message.give_up_at:
        box.messages().filter(pk=message.pk, state=State.SENDING).update(
            state=State.WAITING, next_at=next_at, error=error.error
        )
        return
    _settle(box, message.pk, state=State.FAILED, error=error.error)
    if isinstance(message, Message):
        record_act(acts.NOT_DELIVERED, system("mail"), what(message), to=message.to, error=error.error)


def try_again(message: Message) -> bool:
    """Put one that failed back; False when it waits already, or its content is gone."""
    hours = dt.timedelta(hours=kind_of(message.kind).hours)
    failed = Message.objects.filter(pk=message.pk, state=State.FAILED, sealed__isnull=False)
    now = clock.now()
    return bool(
        failed.update(state=State.WAITING, next_at=now, attempts=0, settled_at=None, give_up_at=now + hours)
    )


def remove_old(box: Box) -> None:
    """What was in a message goes after a day, its row after a week."""
    now = clock.now()
    settled = box.messages().exclude(state__in=Outgoing.OPEN)
    settled.filter(settled_at__lt=now - KEEP_ROWS).delete()
    settled.filter(Q(settled_at__lt=now - KEEP_CONTENT) & Q(sealed__isnull=False)).update(sealed=None)
