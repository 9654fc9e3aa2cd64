"""Enrolling an agent: a one-time code, three public keys, one signed statement."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import redis
from django.db import IntegrityError, transaction
from django.db.models import F

from protocol import limits
from protocol.enrolment import SECRET_BYTES, EnrolRequest
from protocol.enrolment import EnrolmentCode as Code
from protocol.rollover import KeyOffer
from sealing.ids import StatementKind, box_kid, kid
from sealing.statement import AgentKeys
from tenants import lookups
from tenants.models import Site, Tenant
from tenants.scope import tenant_scope
from vsaas.agents import acts
from vsaas.agents.acts import CODE_ISSUED, ENROLLED, ENROLMENT_REFUSED, REPLACEMENT_ASKED
from vsaas.agents.commands import current_command, issue_command
from vsaas.agents.errors import EnrolmentRefused, WaitsForHolder
from vsaas.agents.models import Agent, AgentKey, AgentKeyPurpose, EnrolmentCode
from vsaas.agents.succession import require_replaceable, succeed
from vsaas.agents.tips import Tip, known_tips
from vsaas.audit.services import NOBODY, Who, record_act, record_refusal, what
from vsaas.audit.services import agent as audit_agent
from vsaas.common import clock
from vsaas.common.errors import TooMany, Unavailable
from vsaas.common.redis import client
from vsaas.keys.models import StatementRequest
from vsaas.keys.services import root_fingerprint, state, statements_since, waits

WRONG_CODES_AT_MOST = 20
WRONG_CODES_S = 600
ASK_AGAIN_S = 15
"""How often an agent asks whether a holder has signed for it."""


@dataclass(frozen=True)
class IssuedCode:
    """A new enrolment code: `text` is shown once and not kept; it carries the root `fingerprint` (64 hex digits)."""

    id: UUID
    text: str
    fingerprint: str
    expires_at: datetime


@dataclass(frozen=True)
class Enrolled:
    """An agent enrolled just now, or again by the same keys and code (the first reply was lost)."""

    tenant_id: UUID
    tenant_slug: str
    agent_id: UUID
    statements: tuple[bytes, ...]
    command: bytes
    follows: tuple[Tip, ...] = ()
    """Newest chain of each stream of the agent whose place it took."""


def issue_code(tenant_id: UUID, site: Site, issued_by: Who, replaces: Agent | None = None) -> IssuedCode:
    """A code that enrols one agent on `site` within 30 minutes, in the place of `replaces` where that is given. Needs the
    tenant's scope and keys. Raises AlreadyReplaced.

    The caller has checked that `issued_by` holds `agent:enrol` there, and `agent:edit` on the agent that is replaced.
    """
    if replaces is not None:
        require_replaceable(replaces)
    secret = secrets.token_bytes(SECRET_BYTES)
    fingerprint = root_fingerprint(tenant_id)
    issued_at = clock.now()
    expires_at = issued_at + timedelta(seconds=limits.ENROLMENT_CODE_SECONDS)
    row = EnrolmentCode.objects.create(
        site=site,
        secret_hash=_hash(secret),
        issued_by=issued_by.id,
        issued_at=issued_at,
        expires_at=expires_at,
        replaces=replaces,
    )
    if replaces is None:
        record_act(CODE_ISSUED, issued_by, what(site))
    else:
        record_act(REPLACEMENT_ASKED, issued_by, what(replaces))
    return IssuedCode(row.id, Code(secret, fingerprint).text(), fingerprint.hex(), expires_at)


def enrol(request: EnrolRequest, source: str) -> Enrolled:
    """Registers the agent whose transport key signed `request` (the caller has verified that).

    `source`: the network address, to slow down guessing. Raises EnrolmentRefused or TooMany.
    """
    _check_guessing(source)
    found = lookups.find("lookup_enrolment_code", _hash(request.secret))
    if found is None:
        _count_guess(source)
        raise EnrolmentRefused(
            "this code is not known here: ask for a new one, and check the portal's address"
        )
    # The attempt is counted and committed before anything else, so that whatever fails further on has used it up.
    with tenant_scope(found.tenant_id):
        code = _take_attempt(found.id, request)
    with tenant_scope(found.tenant_id):
        agent = code.used_by or _register(code, request)
        held_up = waits(agent.id, StatementKind.AGENT_KEYS)
    if held_up:
        raise WaitsForHolder(
            "your organisation holds its keys itself: one of its holders has to sign that this agent belongs to it, on the "
            "page Keys of the portal",
            retry_after_s=ASK_AGAIN_S,
        )
    with tenant_scope(found.tenant_id):
        _succeed_once_admitted(agent)
        return Enrolled(
            found.tenant_id,
            Tenant.objects.get(id=found.tenant_id).slug,
            agent.id,
            tuple(statements_since(found.tenant_id)),
            current_command(agent.id),
            _follows(agent),
        )


def _succeed_once_admitted(agent: Agent) -> None:
    """Gives an agent the place it enrolled for, if it has not got it: a holder had to sign first."""
    if agent.replaces_id is None:
        return
    old = Agent.objects.select_for_update().get(id=agent.replaces_id)
    succeed(old, agent, audited(agent))


def _follows(agent: Agent) -> tuple[Tip, ...]:
    if agent.replaces_id is None:
        return ()
    newest: dict[tuple[UUID, int], Tip] = {}
    for tip in known_tips(agent.replaces_id):
        newest.setdefault((tip.camera, tip.stream), tip)
    return tuple(newest.values())


def _take_attempt(code_id: UUID, request: EnrolRequest) -> EnrolmentCode:
    """Counts an attempt. Returns the code when it may enrol, or has enrolled these very keys (their reply was lost, or the
    statement that names them waited for a holder, for which there is no haste)."""
    waiting = EnrolmentCode.objects.select_related("site", "used_by").filter(id=code_id).first()
    if waiting is not None and waiting.used_by is not None and _asked_again(waiting.used_by, request):
        return waiting
    open_codes = EnrolmentCode.objects.filter(
        id=code_id, attempts__lt=limits.ENROLMENT_CODE_ATTEMPTS, expires_at__gt=clock.now()
    )
    taken = open_codes.update(attempts=F("attempts") + 1)
    code = EnrolmentCode.objects.select_related("site", "used_by").get(id=code_id)
    if code.expires_at <= clock.now():
        raise _refused(code, acts.RUN_OUT)
    if not taken:
        raise _refused(code, acts.TRIED_TOO_OFTEN)
    if code.used_by is not None and not _same_keys(code.used_by, request):
        raise _refused(code, acts.USED_ALREADY)
    return code


def _refused(code: EnrolmentCode, reason: str) -> EnrolmentRefused:
    record_refusal(ENROLMENT_REFUSED, NOBODY, what(code.site), tenant_id=code.tenant_id, reason=reason)
    return EnrolmentRefused(reason)


def _same_keys(agent: Agent, request: EnrolRequest) -> bool:
    rows = AgentKey.objects.filter(agent=agent, replaced_at=None)
    stored = {key.purpose: bytes(key.public_key) for key in rows}
    return agent.revoked_at is None and stored == _publics(request)


def _asked_again(agent: Agent, request: EnrolRequest) -> bool:
    """Whether these are the keys of an agent that a holder had to vouch for: it asks until one has."""
    asked = StatementRequest.objects.filter(subject=agent.id, kind=int(StatementKind.AGENT_KEYS))
    return asked.exists() and _same_keys(agent, request)


def _publics(request: EnrolRequest | KeyOffer) -> dict[str, bytes]:
    return {
        AgentKeyPurpose.RECORD.value: request.record_public,
        AgentKeyPurpose.TRANSPORT.value: request.transport_public,
        AgentKeyPurpose.BOX.value: request.box_public,
    }


def _register(code: EnrolmentCode, request: EnrolRequest) -> Agent:
    now = clock.now()
    old = None if code.replaces_id is None else _held_for_succession(code, code.replaces_id)
    agent = Agent.objects.create(
        site=code.site,
        name=request.name,
        software=request.software,
        enrolled_at=now,
        last_contact_at=now,
        replaces=old,
    )
    used = EnrolmentCode.objects.filter(id=code.id, used_at=None).update(used_at=now, used_by=agent)
    if not used:
        raise _refused(code, acts.USED_JUST_NOW)
    try:
        with transaction.atomic():
            AgentKey.objects.bulk_create(key_rows(agent, request))
    except IntegrityError as error:
        raise _refused(code, acts.KEYS_KNOWN) from error
    keys = AgentKeys(agent.id, request.record_public, request.transport_public, request.box_public)
    state(agent.tenant_id, keys, what(agent), audited(agent))
    issue_command(agent, [])
    record_act(ENROLLED, audited(agent), what(code.site), kid=kid(request.transport_public).hex())
    # Where a holder has to vouch for the new one, a box still in service stays so until then.
    if old is not None and not (old.revoked_at is None and waits(agent.id, StatementKind.AGENT_KEYS)):
        succeed(old, agent, audited(agent))
    return agent


def _held_for_succession(code: EnrolmentCode, old_id: UUID) -> Agent:
    """The agent that is replaced; who else would replace it or change its cameras waits."""
    old = Agent.objects.select_for_update().get(id=old_id)
    if Agent.objects.filter(replaces=old).exists():
        raise _refused(code, acts.REPLACED_ALREADY)
    return old


def key_rows(agent: Agent, request: EnrolRequest | KeyOffer) -> list[AgentKey]:
    """The keys of an agent as rows, not yet stored."""
    now = clock.now()
    return [
        AgentKey(
            agent=agent,
            purpose=purpose,
            kid=box_kid(public) if purpose == AgentKeyPurpose.BOX else kid(public),
            public_key=public,
            created_at=now,
        )
        for purpose, public in _publics(request).items()
    ]


def audited(agent: Agent) -> Who:
    """An agent, as the audit log names it."""
    return audit_agent(agent.id, agent.name)


def _hash(secret: bytes) -> bytes:
    return hashlib.sha256(b"vsaas-enrolment-v1" + secret).digest()


def _check_guessing(source: str) -> None:
    try:
        wrong = client().get(_guess_key(source))
    except redis.RedisError as error:
        raise Unavailable("cannot enrol now: try again in a few seconds") from error
    if wrong is not None and int(wrong) >= WRONG_CODES_AT_MOST:
        raise TooMany("too many wrong codes from this address", retry_after_s=WRONG_CODES_S)


def _count_guess(source: str) -> None:
    try:
        with client().pipeline() as pipe:
            pipe.incr(_guess_key(source))
            pipe.expire(_guess_key(source), WRONG_CODES_S)
            pipe.execute()
    except redis.RedisError as error:
        raise Unavailable("cannot enrol now: try again in a few seconds") from error


def _guess_key(source: str) -> str:
    return f"vsaas:enrol-guesses:{source}"
