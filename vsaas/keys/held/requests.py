"""Statements the portal needs and cannot sign any more: asked for here, signed in a holder's browser, taken in here."""

from collections import Counter
from collections.abc import Collection, Sequence
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from sealing.canonical import encode_canonical
from sealing.errors import SealingError
from sealing.ids import StatementKind
from sealing.statement import (
    AgentKeys,
    AgentRevoked,
    Body,
    CameraKeys,
    CommandKey,
    DeletionKey,
    MemberKeys,
    Recipients,
    Statement,
    Trust,
    parse_statement,
)
from tenants import access
from tenants.access import Actor
from tenants.models import Tenant
from tenants.words import Text
from vsaas.accounts.models import Account
from vsaas.audit.services import What, Who, record_act, what, who
from vsaas.common import clock
from vsaas.keys import acts
from vsaas.keys.errors import StatementRefused, StatementsMoved
from vsaas.keys.held.custody import is_held
from vsaas.keys.held.rolls import end_unused, take_camera_keys
from vsaas.keys.models import OwnKey, StatementRequest
from vsaas.keys.statements import next_place, one_at_a_time, sign_statement, store_signed, verified_trust

AT_ONCE = 200
AS_REQUESTED = (AgentKeys, AgentRevoked, Recipients, CommandKey, DeletionKey)
WORDS = {
    StatementKind.AGENT_KEYS: "an agent's keys",
    StatementKind.RECIPIENTS: "recipients",
    StatementKind.COMMAND_KEY: "the command key",
    StatementKind.DELETION_KEY: "the deletion key",
    StatementKind.AGENT_REVOKED: "a revoked agent",
    StatementKind.ROOT_HANDOVER: "another root",
    StatementKind.CAMERA_KEYS: "keys of cameras",
    StatementKind.MEMBER_KEYS: "people's own keys",
}
"""What a kind of statement says, as the audit log keeps it."""


def state(tenant_id: UUID, body: Body, on: What, by: Who) -> int | None:
    """Has the tenant state this: signed at once where the portal holds the root, and its number given; else asked of the
    holders, and None. `on`: what it is about, whose id is a UUID."""
    if not is_held():
        return sign_statement(tenant_id, body)
    StatementRequest.objects.create(
        kind=int(body.kind),
        body=encode_canonical(body.encode()),
        subject=UUID(on.id),
        about=on.name[:200],
        asked_by=by.name[:200],
        asked_at=clock.now(),
    )
    record_act(acts.STATEMENT_ASKED, by, on, what=WORDS[body.kind])
    return None


def open_requests() -> list[StatementRequest]:
    """What waits for a holder, the oldest first."""
    return list(StatementRequest.objects.filter(number=None).order_by("asked_at", "id"))


def waits(subject: UUID, kind: StatementKind) -> bool:
    """Whether a statement of this kind about it waits for a holder."""
    found: bool = StatementRequest.objects.filter(subject=subject, kind=int(kind), number=None).exists()
    return found


def sentence(request: StatementRequest) -> Text:
    """What a request asks to state, for people."""
    about = {"name": request.about}
    if request.kind == StatementKind.AGENT_KEYS:
        return _("The agent %(name)s and its keys belong to the organisation") % about
    if request.kind == StatementKind.AGENT_REVOKED:
        return (
            _("The agent %(name)s is revoked, and of its recordings only those that arrived until then count")
            % about
        )
    return _("%(name)s has another key") % about


def take_statements(
    request: HttpRequest, actor: Actor, signed: Sequence[bytes], request_ids: Collection[UUID]
) -> list[Statement]:
    """Takes statements in that a holder signed: verified against the chain, each of them something that was asked for or
    that holders decide. The caller has checked that the actor is a holder.

    Raises StatementsMoved when the chain went on meanwhile, StatementRefused.
    """
    one_at_a_time(actor.tenant_id)
    check_follows(signed)
    extended(verified_trust(actor.tenant_id), signed)
    asked = list(StatementRequest.objects.filter(pk__in=request_ids, number=None).select_for_update())
    wanted = Counter((row.kind, bytes(row.body)) for row in asked)
    bodies = Counter(
        (int(body.kind), encode_canonical(body.encode()))
        for body in (parse_statement(one)[0].body for one in signed)
        if isinstance(body, AS_REQUESTED)
    )
    if bodies != wanted:
        raise StatementRefused(
            _("what was signed is not what waits for a signature: look at the page again and repeat it")
        )
    statements = store_signed(signed)
    for row in asked:
        number = next(
            one.number
            for one in statements
            if (int(one.body.kind), encode_canonical(one.body.encode())) == (row.kind, bytes(row.body))
        )
        StatementRequest.objects.filter(pk=row.pk, number=None).update(number=number)
    follow(request, actor, statements)
    return statements


def check_follows(signed: Sequence[bytes]) -> None:
    """Raises StatementsMoved unless the first of these goes on where the chain ends now."""
    place = next_place()
    try:
        first = parse_statement(signed[0])[0]
    except SealingError as error:
        raise StatementRefused(_("a statement cannot be read: %(error)s") % {"error": error}) from error
    if (first.number, first.prev) != (place.number, place.prev):
        raise StatementsMoved(_("another statement was added meanwhile: look at it, and sign anew"))


def extended(trust: Trust, signed: Sequence[bytes]) -> Trust:
    """What follows from the statements with these behind them. Raises StatementRefused."""
    try:
        return trust.extend(signed)
    except SealingError as error:
        raise StatementRefused(_("these statements do not hold: %(error)s") % {"error": error}) from error


def follow(request: HttpRequest, actor: Actor, statements: Sequence[Statement]) -> None:
    """Keeps what the statements name, for the look-ups of every day, and writes down who signed them. Raises
    StatementRefused for what nobody asked for."""
    for statement in statements:
        body = statement.body
        if isinstance(body, CameraKeys):
            take_camera_keys(request, actor, body)
        elif isinstance(body, MemberKeys):
            _take_member_keys(statement.number, body)
        elif not isinstance(body, AS_REQUESTED):
            raise StatementRefused(_("a statement of this kind is not signed here"))
    if any(isinstance(statement.body, CameraKeys) for statement in statements):
        end_unused()
    said = list(dict.fromkeys(WORDS[statement.body.kind] for statement in statements))
    record_act(
        acts.STATED,
        who(actor),
        what(Tenant.objects.get()),
        request=request,
        count=len(statements),
        what=", ".join(said),
        first=statements[0].number,
        last=statements[-1].number,
    )


def _take_member_keys(number: int, body: MemberKeys) -> None:
    own = {key.account_id: key for key in OwnKey.objects.select_for_update().order_by("id")}
    for account_id, public in body.named:
        if account_id not in own or bytes(own[account_id].public_key) != public:
            raise StatementRefused(
                _("somebody's own key is another one now: compare its fingerprint again, and sign anew")
            )
    OwnKey.objects.filter(account_id__in=[account for account, _public in body.named]).update(
        stated_number=number
    )
    OwnKey.objects.filter(account_id__in=body.ended).update(stated_number=None)


def names_of(account_ids: Collection[UUID]) -> dict[UUID, str]:
    """Names of accounts that are still there."""
    return {account.pk: str(account) for account in Account.objects.filter(pk__in=account_ids)}


def cameras_named(camera_ids: Collection[UUID]) -> dict[UUID, str]:
    """Names of cameras, deleted ones too."""
    return {camera.id: camera.name for camera in access.cameras().filter(id__in=camera_ids)}
