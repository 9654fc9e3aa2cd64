"""Mail as owners see it: what waits, what went out, what could not be delivered. What stands in a message is shown only where
the portal has no mail server and serves this machine alone (VSAAS_MAIL_OUTBOX_PAGE)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tenants import access
from tenants.access import Actor
from tenants.declare import requires
from tenants.middleware import signed_in
from tenants.permissions import PEOPLE_EDIT
from vsaas.audit.services import record_act, what, who
from vsaas.common.errors import Conflict, NotFound
from vsaas.common.links import tenant_url
from vsaas.mail import acts, sending
from vsaas.mail.letters import title_of
from vsaas.mail.models import Message
from vsaas.mail.sealed import letter_of

ROWS = 100


def messages(actor: Actor) -> QuerySet[Message]:
    """The organisation's messages, the newest first; those not delivered before all others."""
    rows: QuerySet[Message] = access.visible(actor, PEOPLE_EDIT, Message.objects.all())
    failed = Case(When(state=Message.State.FAILED, then=Value(0)), default=Value(1))
    return rows.order_by(failed, "-created_at", "-id")


def shown(message: Message) -> dict[str, Any]:
    """A message as the templates draw it."""
    return {
        "id": message.pk,
        "title": title_of(message.kind),
        "to": message.to,
        "state": message.state,
        "error": message.error,
        "attempts": message.attempts,
        "created_at": message.created_at,
        "next_at": message.next_at,
        "may_read": settings.ENV.mail_outbox_page
        and message.state == Message.State.KEPT
        and message.sealed is not None,
        "may_retry": message.state == Message.State.FAILED and message.sealed is not None,
    }


@requires(PEOPLE_EDIT)
@require_safe
def mail_list(request: HttpRequest) -> HttpResponse:
    """The newest messages and what became of them."""
    rows = messages(signed_in(request))[:ROWS]
    context = {"messages": [shown(row) for row in rows], "read_here": settings.ENV.mail_outbox_page}
    return render(request, "mail/list.html", context)


def _message(request: HttpRequest, message_id: UUID) -> Message:
    return access.get(signed_in(request), PEOPLE_EDIT, Message.objects.all(), pk=message_id)


@requires(PEOPLE_EDIT)
@require_safe
def mail_message(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """What stands in a message, links included: on a portal of this machine alone, for a day."""
    message = _message(request, message_id)
    letter = letter_of(message) if settings.ENV.mail_outbox_page else None
    if letter is None:
        raise NotFound(_("what stood in this message is not kept"))
    record_act(acts.READ_HERE, who(signed_in(request)), what(message), request=request, to=message.to)
    return render(request, "mail/message.html", {"message": shown(message), "letter": letter})


@requires(PEOPLE_EDIT)
@require_POST
def mail_retry(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """Send one again that was not delivered."""
    message = _message(request, message_id)
    if not sending.try_again(message):
        raise Conflict(_("this message is on its way already, or what stood in it is not kept any more"))
    record_act(acts.TRIED_AGAIN, who(signed_in(request)), what(message), request=request, to=message.to)
    return HttpResponseRedirect(tenant_url(request, "mail"))
