"""A new box in the place of an old one: who may speak for whom, and what is trusted of what the old disk still held.

The new agent gets the old one's cameras, and the old one is revoked, the moment the new box enrols with a code made for
that. What the old box had signed and not sent its successor brings as it is, under the old signatures. Cameras stand above
this package; they register how they change hands.
"""

from collections.abc import Callable
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from sealing.ids import StatementKind
from sealing.statement import REVOKED_CHAINS_MAX, AgentRevoked, TrustedUpTo
from vsaas.agents.acts import ADOPTED, REPLACED, REPLACED_ALREADY
from vsaas.agents.errors import AlreadyReplaced, NotItsSuccessor
from vsaas.agents.models import Agent
from vsaas.agents.revocation import revoke
from vsaas.agents.tips import SignedUntil, known_tips
from vsaas.audit.services import Who, record_act, what
from vsaas.common import clock
from vsaas.keys.services import state, verified_trust, waits

GENERATIONS_MOST = 20

HandOver = Callable[[Agent, Agent], int]
_hand_over: HandOver | None = None


def register_hand_over(hand_over: HandOver) -> None:
    """`hand_over(old, new)` moves all cameras of an agent to another, tells that one, and returns how many it records; inside
    the tenant's scope."""
    global _hand_over
    _hand_over = hand_over


def require_replaceable(agent: Agent) -> None:
    """Return when no other box has taken the place of this agent. Raises AlreadyReplaced."""
    # The other one is not named: it may have moved to a site the reader has no part in.
    if Agent.objects.filter(replaces=agent).exists():
        raise AlreadyReplaced(_(REPLACED_ALREADY))


def succeed(old: Agent, new: Agent, by: Who) -> None:
    """Gives `new`, which has its keys and `replaces`, the cameras of `old`, and revokes that one unless it is already.
    Done twice, it changes nothing more."""
    if _hand_over is None:
        raise ImproperlyConfigured(
            "nobody hands cameras over: cameras register that in their AppConfig.ready"
        )
    cameras = _hand_over(old, new)
    if cameras or old.revoked_at is None:
        record_act(REPLACED, by, what(old), cameras=str(cameras))
    if old.revoked_at is None:
        revoke(old, by)


def predecessor(agent_id: UUID, of: UUID) -> Agent:
    """The agent `of` whose place `agent_id` took, directly or through others. Raises NotItsSuccessor."""
    at: UUID | None = agent_id
    for _step in range(GENERATIONS_MOST):
        at = Agent.objects.filter(id=at).values_list("replaces_id", flat=True).first()
        if at is None:
            break
        if at == of:
            return Agent.objects.get(id=of)
    raise NotItsSuccessor(
        "this agent did not take the place of the one it speaks for: make a code on that agent's page, Replace this box, and "
        "enrol the new box with it"
    )


def adopted(agent: Agent, old: Agent, by: Who) -> int | None:
    """`agent` has brought what the disk of `old` held: states anew up to which record each chain is trusted, where that is
    further than before. Trusted is what was, and what follows it and claims to be signed before `old` was revoked.

    Returns the statement's number; None where nothing has changed, or a holder has to sign."""
    revoked_us = clock.to_us(old.revoked_at or clock.now())
    trust = verified_trust(agent.tenant_id)

    def after(chain: bytes) -> int:
        before = trust.trusted_up_to(old.id, chain)
        return -1 if before is None else before.seq

    tips = known_tips(old.id, until=SignedUntil(revoked_us, after))
    chains = [TrustedUpTo(tip.chain, tip.seq, tip.hash) for tip in tips]
    number = None
    # While an earlier statement waits for its holder, it is asked for once it is signed and this is told again.
    if chains and not waits(old.id, StatementKind.AGENT_REVOKED):
        for at in range(0, len(chains), REVOKED_CHAINS_MAX):
            body = AgentRevoked(old.id, tuple(chains[at : at + REVOKED_CHAINS_MAX]))
            number = state(agent.tenant_id, body, what(old), by)
    Agent.objects.filter(id=agent.id).update(adopted_at=clock.now())
    record_act(ADOPTED, by, what(old), statement="" if number is None else str(number))
    return number
