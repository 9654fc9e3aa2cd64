"""Tickets: the portal decides who may watch, the hub lets in whoever brings its ticket. Single use, 30 s."""

import json
import secrets
from uuid import UUID

import redis
import redis.asyncio
from django.utils.translation import gettext_lazy as _

from protocol import b64
from protocol.limits import LIVE_TICKET_SECONDS
from vsaas.common.errors import Unavailable
from vsaas.common.redis import client
from vsaas.live.errors import TicketRefused
from vsaas.live.viewer import Ticket

TICKET_CHARS = 43


def issue(ticket: Ticket) -> str:
    """Keeps a ticket and returns the word that opens it, once. Raises Unavailable without Redis."""
    word = secrets.token_urlsafe(32)
    document = {
        "tenant": str(ticket.tenant),
        "account": str(ticket.account),
        "session_row": None if ticket.session_row is None else str(ticket.session_row),
        "token_row": None if ticket.token_row is None else str(ticket.token_row),
        "camera": str(ticket.camera),
        "stream": ticket.stream,
        "audio": ticket.audio,
        "hpke_public": b64.encode(ticket.hpke_public),
        "release_session": b64.encode(ticket.release_session),
    }
    try:
        client().set(_name(word), json.dumps(document), ex=LIVE_TICKET_SECONDS)
    except redis.RedisError as error:
        raise Unavailable(_("live view cannot begin: Redis does not answer; try again")) from error
    return word


async def redeem(word: object, connection: redis.asyncio.Redis) -> Ticket:
    """The ticket a word opens, which it does once. Raises TicketRefused, Unavailable."""
    if not isinstance(word, str) or len(word) != TICKET_CHARS:
        raise TicketRefused(_("this is not a live ticket"))
    try:
        found = await connection.getdel(_name(word))
    except redis.RedisError as error:
        raise Unavailable(_("live view cannot begin: Redis does not answer; try again")) from error
    if found is None:
        raise TicketRefused(
            _("this ticket was used, or is older than %(seconds)s s: ask for a new one")
            % {"seconds": LIVE_TICKET_SECONDS}
        )
    document = json.loads(found)
    return Ticket(
        tenant=UUID(document["tenant"]),
        account=UUID(document["account"]),
        session_row=_id_or_none(document["session_row"]),
        token_row=_id_or_none(document["token_row"]),
        camera=UUID(document["camera"]),
        stream=document["stream"],
        audio=document["audio"],
        hpke_public=b64.decode(document["hpke_public"], length=32),
        release_session=b64.decode(document["release_session"], length=16),
    )


def _id_or_none(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)


def _name(word: str) -> str:
    return f"vsaas:live:ticket:{word}"
