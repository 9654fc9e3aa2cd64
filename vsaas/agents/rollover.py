"""New keys for an agent: asked for by a person or once a year, made on the box, stated by the tenant's root or its holders.

Nobody but a box that holds the keys in force can offer others, and none are stated while two boxes speak with one identity: a
thief with a copy of the disk cannot lock the true one out. Inside the tenant's scope.
"""

from __future__ import annotations

import datetime as dt
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from protocol.errors import ProtocolError
from protocol.rollover import FOR_HOLDER, SETTLING, STATED, KeyOffer
from sealing.ids import StatementKind, kid
from sealing.statement import AgentKeys
from vsaas.agents.acts import (
    ROLLOVER_ASKED,
    ROLLOVER_CLONED,
    ROLLOVER_ENDED,
    ROLLOVER_NO_ANSWER,
    ROLLOVER_REFUSED,
    ROLLOVER_STATED,
)
from vsaas.agents.enrolment import audited, key_rows
from vsaas.agents.errors import MalformedMessage
from vsaas.agents.health import is_cloned
from vsaas.agents.models import Agent, AgentHealth, AgentKey, AgentKeyPurpose, AgentRollover, RolloverState
from vsaas.agents.states import is_in_service
from vsaas.audit.services import Who, record_act, system, what
from vsaas.common import clock
from vsaas.common.errors import Conflict
from vsaas.keys.services import state, waits

SETTLE: Final = dt.timedelta(minutes=2)
"""How long an offer waits before it is stated: another box with this identity would have spoken by then."""
YEARLY: Final = dt.timedelta(days=365)
ANSWER_WITHIN: Final = dt.timedelta(days=7)
BY_ITSELF: Final = "yearly renewal of keys"


class RolloverUnderWay(Conflict):
    """The agent is being given new keys already."""

    problem = "rollover-under-way"


class NoRollover(Conflict):
    """New keys are not asked of this agent now, or others than those were offered."""

    problem = "no-rollover"


def ask(agent: Agent, by: Who) -> AgentRollover:
    """Asks an agent for new keys; it hears of it with its next heartbeat. Raises RolloverUnderWay, Conflict where it was revoked.

    The caller has checked that `by` holds `agent:edit` on the agent."""
    agent = Agent.objects.select_for_update(of=("self",)).get(id=agent.id)
    if agent.revoked_at is not None:
        raise Conflict(_("the agent %(agent)s is revoked: it needs no new keys") % {"agent": agent.name})
    row = AgentRollover.objects.filter(agent=agent).first()
    if row is not None and row.state in RolloverState.under_way():
        raise RolloverUnderWay(
            _("the agent %(agent)s is being given new keys already") % {"agent": agent.name}
        )
    rolled_at = None if row is None else row.rolled_at
    row, _made = AgentRollover.objects.update_or_create(
        agent=agent,
        defaults={
            "state": RolloverState.ASKED,
            "reason": "",
            "asked_at": clock.now(),
            "offered_at": None,
            "record_public": None,
            "transport_public": None,
            "box_public": None,
            "submitted": False,
            "rolled_at": rolled_at,
        },
    )
    record_act(ROLLOVER_ASKED, by, what(agent))
    return row


def wanted(agent_id: UUID) -> UUID | None:
    """The wish for new keys an agent is to hear of that has just told how it is. None is left where two boxes speak as this
    agent: whichever offers keys, they are not stated."""
    row = (
        AgentRollover.objects.select_related("agent__health", "agent__site")
        .filter(agent_id=agent_id, state__in=(RolloverState.ASKED, RolloverState.OFFERED))
        .first()
    )
    if row is None:
        return None
    if is_cloned(row.agent.health) and not row.submitted:
        AgentRollover.objects.filter(id=row.id).update(state=RolloverState.REFUSED, reason=ROLLOVER_CLONED)
        record_act(ROLLOVER_REFUSED, audited(row.agent), what(row.agent), reason=ROLLOVER_CLONED)
        return None
    return row.id


def take_offer(agent_id: UUID, offer: KeyOffer) -> str:
    """Takes new keys from the agent that holds those in force. Returns how far that is, a state of `protocol.rollover`.

    Raises NoRollover, MalformedMessage."""
    agent = Agent.objects.select_for_update(of=("self",)).select_related("site").get(id=agent_id)
    row = AgentRollover.objects.select_for_update(of=("self",)).filter(agent=agent).first()
    if row is None or row.state not in RolloverState.under_way():
        raise NoRollover("nobody asks this agent for new keys now")
    try:
        offer.check(agent.tenant_id, agent.id)
    except ProtocolError as error:
        raise MalformedMessage(error.detail) from error
    if row.state == RolloverState.ASKED:
        _keep(row, offer)
    elif _publics(row) != (offer.record_public, offer.transport_public, offer.box_public):
        raise NoRollover(
            "other keys were offered for this agent before: ask for new keys again in the portal"
        )
    if row.state == RolloverState.STATED:
        return STATED
    spoke_last = AgentHealth.objects.filter(agent=agent).values_list("instance", flat=True).first()
    if spoke_last != offer.instance or clock.now() < _settled_at(row):
        return SETTLING
    if not row.submitted:
        keys = AgentKeys(agent.id, offer.record_public, offer.transport_public, offer.box_public)
        state(agent.tenant_id, keys, what(agent), audited(agent))
        row.submitted = True
        row.save(update_fields=["submitted"])
    if waits(agent.id, StatementKind.AGENT_KEYS):
        return FOR_HOLDER
    _put_in_force(agent, row, offer)
    return STATED


def signs_anew(agent: Agent, transport_kid: bytes) -> bool:
    """Whether an agent that was given new keys speaks with them; its former transport key is let in no more then."""
    in_force = AgentKey.objects.filter(agent=agent, kid=transport_kid, replaced_at=None).exists()
    rolled = AgentRollover.objects.filter(
        agent=agent, state__in=(RolloverState.STATED, RolloverState.DONE)
    ).exists()
    if in_force and rolled:
        former = AgentKey.objects.filter(agent=agent, purpose=AgentKeyPurpose.TRANSPORT, ended_at=None)
        former.exclude(replaced_at=None).update(ended_at=clock.now())
    return in_force and rolled


def finish(agent: Agent) -> None:
    """The agent has sent all that its former keys signed, and nothing is sealed to them: they count for nothing new."""
    AgentKey.objects.filter(agent=agent, ended_at=None).exclude(replaced_at=None).update(ended_at=clock.now())
    done = AgentRollover.objects.filter(agent=agent, state=RolloverState.STATED).update(
        state=RolloverState.DONE
    )
    if done:
        record_act(ROLLOVER_ENDED, audited(agent), what(agent))


def look_after() -> None:
    """Gives up on agents that do not answer, and asks those for new keys whose keys are a year old."""
    now = clock.now()
    late = AgentRollover.objects.select_related("agent__site").filter(
        state__in=(RolloverState.ASKED, RolloverState.OFFERED),
        submitted=False,
        asked_at__lt=now - ANSWER_WITHIN,
    )
    for row in late:
        AgentRollover.objects.filter(id=row.id).update(state=RolloverState.NO_ANSWER)
        record_act(ROLLOVER_NO_ANSWER, system(BY_ITSELF), what(row.agent))
    old = AgentKey.objects.filter(
        purpose=AgentKeyPurpose.RECORD, replaced_at=None, created_at__lt=now - YEARLY, agent__revoked_at=None
    )
    for key in old.select_related("agent__site", "agent__health", "agent__rollover"):
        if is_in_service(key.agent) and _may_ask(getattr(key.agent, "rollover", None), now):
            ask(key.agent, system(BY_ITSELF))


def _may_ask(row: AgentRollover | None, now: dt.datetime) -> bool:
    """Whether nothing is under way, and whoever did not answer or was refused has had a month."""
    if row is None:
        return True
    month_ago = now - dt.timedelta(days=30)
    return row.state not in RolloverState.under_way() and row.asked_at < month_ago


def _keep(row: AgentRollover, offer: KeyOffer) -> None:
    row.state, row.offered_at = RolloverState.OFFERED, clock.now()
    row.record_public, row.transport_public, row.box_public = (
        offer.record_public,
        offer.transport_public,
        offer.box_public,
    )
    row.save()


def _publics(row: AgentRollover) -> tuple[bytes, ...]:
    kept = (row.record_public, row.transport_public, row.box_public)
    return tuple(bytes(public) for public in kept if public is not None)


def _settled_at(row: AgentRollover) -> dt.datetime:
    assert row.offered_at is not None, "what was offered has its time"
    return row.offered_at + SETTLE


def _put_in_force(agent: Agent, row: AgentRollover, offer: KeyOffer) -> None:
    now = clock.now()
    try:
        with transaction.atomic():
            AgentKey.objects.filter(agent=agent, replaced_at=None).update(replaced_at=now)
            AgentKey.objects.bulk_create(key_rows(agent, offer))
    except IntegrityError as error:
        raise MalformedMessage("these keys belong to an agent already: make new ones") from error
    row.state, row.rolled_at = RolloverState.STATED, now
    row.save(update_fields=["state", "rolled_at"])
    record_act(ROLLOVER_STATED, audited(agent), what(agent), kid=kid(offer.transport_public).hex())
