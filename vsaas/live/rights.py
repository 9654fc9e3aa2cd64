"""Whether viewers may still watch: asked when a ticket is used, on news, and every two seconds while they watch.

A constant number of queries per tenant, whatever the number of its viewers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from django.db.models import QuerySet

from tenants import access
from tenants.access import Actor, calendar_now, grants_of, in_force, require
from tenants.errors import Denied, NotFound, OutsideHours
from tenants.hours import Calendar
from tenants.permissions import CAMERA_LIVE
from tenants.scope import current_tenant_id
from vsaas.accounts.limits import limits_of, usual
from vsaas.accounts.models import AccessToken, Account, Session
from vsaas.accounts.sessions import SessionStore
from vsaas.accounts.tokens import holding_among, lend
from vsaas.approvals import signing_in
from vsaas.approvals.people import bound
from vsaas.cameras.models import Camera
from vsaas.common import clock
from vsaas.live.viewer import Ticket

ENDED = "your right or your session ended"


def may_listen(actor: Actor, camera: Camera) -> bool:
    """Sound is recorded, and a right of its own."""
    return camera.audio and access.hears_live(actor, camera)


def refusals(tickets: Sequence[Ticket]) -> dict[Ticket, Denied]:
    """Those tickets of the current tenant that open nothing any more, and why: the session or token has ended, or the
    person holds no more what the ticket says, or not at this time (OutsideHours)."""
    actors = _actors({ticket.account for ticket in tickets})
    alive = _sessions_alive(tickets, actors)
    tokens = holding_among({ticket.token_row for ticket in tickets if ticket.token_row is not None})
    wanted = {ticket.camera for ticket in tickets}
    rows = Camera.objects.select_related("agent").prefetch_related("groups").filter(id__in=wanted)
    cameras = {camera.id: camera for camera in rows}
    now_us, calendar = clock.now_us(), _calendar(actors.values())
    refused: dict[Ticket, Denied] = {}
    for ticket in tickets:
        actor = _actor_now(ticket, actors.get(ticket.account), alive, tokens)
        if actor is None:
            refused[ticket] = Denied(ENDED)
            continue
        refusal = _refusal(ticket, in_force(actor, now_us, calendar), cameras.get(ticket.camera))
        if refusal is not None:
            refused[ticket] = refusal
    return refused


def _calendar(actors: Iterable[Actor]) -> Calendar | None:
    """The organisation's, read once, when the hours of anybody need it."""
    timed = any(grant.role.hours for actor in actors for grant in actor.grants)
    return calendar_now() if timed else None


def _actor_now(
    ticket: Ticket,
    owner: Actor | None,
    alive: set[tuple[UUID, UUID]],
    tokens: dict[UUID, AccessToken],
) -> Actor | None:
    """The ticket's person with the rights of its session, or of its access token; None when that has ended."""
    if owner is None:
        return None
    if ticket.token_row is None:
        return owner if (ticket.session_row, ticket.account) in alive else None
    token = tokens.get(ticket.token_row)
    if token is None or token.account_id != ticket.account or bound(owner):
        return None
    return lend(token, owner)


def _sessions_alive(tickets: Sequence[Ticket], actors: Mapping[UUID, Actor]) -> set[tuple[UUID, UUID]]:
    """The (session, account) that let their person in now, under the limits of the person's roles; those of accounts that
    need a second person's approval only while it holds."""
    wanted = {ticket.session_row for ticket in tickets if ticket.session_row is not None}
    rows = Session.objects.filter(usual().living(), id__in=wanted, account__is_active=True)
    alive = {
        (row.id, row.account_id)
        for row in rows.only("id", "account_id", "last_seen_at", "created_at")
        if row.account_id in actors and limits_of(actors[row.account_id].grants).allow(row)
    }
    needing = {account for account, actor in actors.items() if bound(actor)}
    if needing:
        alive -= _unapproved(rows.filter(account_id__in=needing))
    return alive


def _unapproved(rows: QuerySet[Session]) -> set[tuple[UUID, UUID]]:
    named = {(row.id, row.account_id): signing_in.id_in(SessionStore().decode(row.data)) for row in rows}
    holding = signing_in.letting_in((request, key[1]) for key, request in named.items() if request)
    return {key for key, request in named.items() if (request, key[1]) not in holding}


def _actors(accounts: set[UUID]) -> dict[UUID, Actor]:
    grants = grants_of(accounts)
    tenant = current_tenant_id()
    names = Account.objects.filter(id__in=accounts).values_list("id", "name")
    return {account: Actor(tenant, account, name, grants.get(account, ())) for account, name in names}


def _refusal(ticket: Ticket, actor: Actor, camera: Camera | None) -> Denied | None:
    if camera is None or not camera.enabled or camera.agent.revoked_at is not None:
        return Denied(ENDED)
    try:
        require(actor, CAMERA_LIVE, camera)
    except OutsideHours as refused:
        return refused
    except (Denied, NotFound):
        return Denied(ENDED)
    return None if may_listen(actor, camera) or not ticket.audio else Denied(ENDED)
