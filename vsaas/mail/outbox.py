"""Writing to people: a row in the transaction of the act, sent when that commits."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.utils import translation

from tenants.scope import current_tenant_id, platform_scope
from vsaas.common import clock
from vsaas.mail import tasks
from vsaas.mail.letters import About, Kind
from vsaas.mail.models import PLATFORM, Message, PlatformMessage
from vsaas.mail.sealed import seal


def is_there() -> bool:
    """Whether this portal can write to anybody: it has a mail server, or a page on which messages are read."""
    return settings.ENV.smtp_url is not None or settings.ENV.mail_outbox_page


def undelivered() -> int:
    """How many messages of the current tenant could not be delivered, and were not tried again since."""
    return Message.objects.filter(state=Message.State.FAILED).count()


def post(kind: Kind, to: str, about: About | None = None, *, language: str | None = None) -> bool:
    """Write to somebody; False where there is no mail (nothing is written then).

    `about` is handed to the kind's writer when the message is sent. `language` None: that of this request.
    """
    if not is_there():
        return False
    message = Message(**_values(kind, to, language))
    message.sealed = seal(message, {"about": about or {}})
    message.save(force_insert=True)
    tasks.send_message.enqueue(str(current_tenant_id()), str(message.id))
    return True


def post_for_platform(kind: Kind, to: str, about: About | None = None) -> bool:
    """The same outside any tenant."""
    if not is_there():
        return False
    with platform_scope(PLATFORM):
        message = PlatformMessage(**_values(kind, to, None))
        message.sealed = seal(message, {"about": about or {}})
        message.save(force_insert=True)
        tasks.send_platform_message.enqueue(str(message.id))
    return True


def _values(kind: Kind, to: str, language: str | None) -> dict[str, Any]:
    now = clock.now()
    return {
        "kind": kind.name,
        "to": to,
        "language": language or translation.get_language() or settings.LANGUAGE_CODE,
        "next_at": now,
        "created_at": now,
        "give_up_at": now + dt.timedelta(hours=kind.hours),
    }
