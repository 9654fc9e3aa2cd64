"""Mail in the REST API: what became of it, never what stands in it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from pydantic import BaseModel, Field
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import access
from tenants.declare import Requires
from tenants.permissions import PEOPLE_EDIT
from vsaas.audit.services import record_act, what, who
from vsaas.common import clock
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.errors import Conflict
from vsaas.common.shapes import Id, Micros, Next, page_example
from vsaas.mail import acts, sending
from vsaas.mail.models import Message
from vsaas.mail.pages import ROWS, messages


class MessageReply(BaseModel):
    """A message to somebody, without what stands in it."""

    id: Id
    kind: str
    to: str
    state: str = Field(json_schema_extra={"enum": [state.value for state in Message.State]})
    error: str | None = Field(description="What the mail server said at the last attempt that failed.")
    attempts: int
    created_us: Micros
    next_us: Micros | None = Field(description="When it is tried next; null when it is settled.")


class MessagePage(BaseModel):
    """Messages, those not delivered first, then the newest."""

    items: list[MessageReply]
    next: Next


MESSAGE: dict[str, Any] = {
    "id": "019ac108-6071-7283-8495-0f1a2b3c4d5e",
    "kind": "invitation",
    "to": "nora@example.org",
    "state": "failed",
    "error": "the mail server said 550 no such user",
    "attempts": 1,
    "created_us": 1764064990000000,
    "next_us": None,
}


def message_json(message: Message) -> dict[str, Any]:
    """What the API tells of a message."""
    waits = message.state in Message.OPEN
    return {
        "id": str(message.pk),
        "kind": message.kind,
        "to": message.to,
        "state": message.state,
        "error": message.error or None,
        "attempts": message.attempts,
        "created_us": clock.to_us(message.created_at),
        "next_us": clock.to_us(message.next_at) if waits else None,
    }


class Mail(ApiView):
    """GET: the newest messages and what became of them."""

    access = Requires(PEOPLE_EDIT)
    tag = "People"

    @describe("List mail", reply=MessagePage, example=page_example(MESSAGE))
    def get(self, request: Request) -> Response:
        """Messages to people, those not delivered first, then the newest; at most 100."""
        rows = messages(self.actor)[:ROWS]
        return Response({"items": [message_json(row) for row in rows], "next": None})


class MailRetry(ApiView):
    """POST: sends one again that was not delivered."""

    access = Requires(PEOPLE_EDIT)
    tag = "People"

    @describe(
        "Send a message again",
        reply=MessageReply,
        example=MESSAGE | {"state": "waiting"},
        problems=(Conflict,),
    )
    def post(self, request: Request, message_id: UUID) -> Response:
        """One whose state is `failed`, within a day."""
        message = access.get(self.actor, PEOPLE_EDIT, Message.objects.all(), pk=message_id)
        if not sending.try_again(message):
            raise Conflict(_("this message is on its way already, or what stood in it is not kept any more"))
        record_act(acts.TRIED_AGAIN, who(self.actor), what(message), request=request._request, to=message.to)
        message.refresh_from_db()
        return Response(message_json(message))
