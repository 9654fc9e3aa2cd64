"""New keys of an agent: asked for, offered, stated, used, and the former ones put away; over HTTP."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.http import HttpResponse

from protocol.rollover import SETTLING, STATED, WANTED, KeyOffer
from sealing.ids import fingerprint, kid
from sealing.statement import RootBody, parse_statement, verify_statements
from tenants.scope import tenant_scope
from tests.boxes import Box, Houses, make_box, problem
from vsaas.agents import rollover
from vsaas.agents.models import AgentKey, AgentRollover, RolloverState
from vsaas.agents.tasks import renew_keys_of_tenant
from vsaas.audit.models import AuditInbox
from vsaas.audit.services import system
from vsaas.common import clock
from vsaas.keys.services import root_fingerprint, statements_since


@pytest.fixture
def box(houses: Houses) -> Box:
    return make_box(houses.tenant_a, houses.site_a)


class NewKeys:
    """Keys a box has made, and its offer of them."""

    def __init__(self) -> None:
        self.record, self.transport = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        self.box = X25519PrivateKey.generate()

    def offer(self, box: Box, **changes: Any) -> dict[str, Any]:
        assert box.tenant_id is not None
        assert box.agent_id is not None
        offer = KeyOffer.sign(
            box.tenant_id,
            box.agent_id,
            box.instance,
            self.record,
            self.transport,
            self.box.public_key().public_bytes_raw(),
        )
        return offer.to_json() | changes

    def send(self, box: Box, **changes: Any) -> HttpResponse:
        return box.send("POST", "/agent/v1/keys", json.dumps(self.offer(box, **changes)).encode())

    def use(self, box: Box) -> None:
        """As the agent does once they are stated."""
        box.record, box.transport, box.box = self.record, self.transport, self.box


def state_of(reply: HttpResponse) -> str:
    assert reply.status_code == 200, reply.content
    state: str = json.loads(reply.content)["state"]
    return state


def ask(box: Box) -> None:
    agent = box.agent()
    with tenant_scope(agent.tenant_id):
        rollover.ask(agent, system("tests"))


def row_of(box: Box) -> AgentRollover:
    assert box.tenant_id is not None
    with tenant_scope(box.tenant_id):
        return AgentRollover.objects.get(agent_id=box.agent_id)


def adoption(box: Box, *, finished: bool = False) -> HttpResponse:
    body = {"of": str(box.agent_id), "sources": [], "finished": finished}
    return box.send("POST", "/agent/v1/adoption", json.dumps(body).encode())


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollover, "SETTLE", dt.timedelta())


def rolled(box: Box) -> NewKeys:
    """The box has new keys, stated and not used yet."""
    ask(box)
    box.beat()
    new = NewKeys()
    assert state_of(new.send(box)) == STATED
    return new


def test_new_keys_are_stated_used_and_the_former_ones_let_nobody_in(box: Box, settled: None) -> None:
    assert box.beat().status_code == 204
    assert problem(NewKeys().send(box)) == "no-rollover"
    former_transport, former_record = box.transport, box.record
    ask(box)
    assert WANTED in json.loads(box.beat().content)
    new = NewKeys()
    assert state_of(new.send(box)) == STATED
    assert state_of(new.send(box)) == STATED, "a lost reply is told again"
    assert box.beat().status_code == 204, "the former transport key is still let in"
    assert problem(adoption(box)) == "not-its-successor", "it does not speak with the new ones yet"
    new.use(box)
    assert adoption(box).status_code == 200
    box.transport = former_transport
    assert problem(box.beat()) == "unknown-agent"
    new.use(box)
    assert box.beat().status_code == 204
    assert adoption(box, finished=True).status_code == 200
    assert adoption(box, finished=True).status_code == 200
    assert row_of(box).state == RolloverState.DONE
    assert box.tenant_id is not None
    assert box.agent_id is not None
    with tenant_scope(box.tenant_id):
        trust = verify_statements(statements_since(box.tenant_id), root_fingerprint(box.tenant_id))
        assert AgentKey.objects.filter(agent_id=box.agent_id, ended_at=None).count() == 3
        acts = set(AuditInbox.objects.filter(act__startswith="agent.rollover").values_list("act", flat=True))
    assert trust.agent(box.agent_id).transport == new.transport.public_key().public_bytes_raw()
    assert trust.signer(kid(former_record.public_key().public_bytes_raw())).agent == box.agent_id
    assert acts == {"agent.rollover-asked", "agent.rollover-stated", "agent.rollover-ended"}


def test_an_offer_settles_first_and_two_boxes_get_nothing(box: Box) -> None:
    ask(box)
    box.beat()
    new = NewKeys()
    assert state_of(new.send(box)) == SETTLING
    thief = NewKeys()
    assert problem(thief.send(box)) == "no-rollover", "others were offered before"
    mine, box.instance = box.instance, uuid.uuid4()
    box.beat()
    box.instance = mine
    assert box.beat().status_code == 204, "nothing is asked of either any more"
    row = row_of(box)
    assert (row.state, row.reason) == (RolloverState.REFUSED, "two boxes speak with its identity")
    assert problem(new.send(box)) == "no-rollover"
    assert box.beat().status_code == 204, "neither is locked out"


def test_an_offer_is_stated_for_the_box_that_spoke_last_alone(box: Box, settled: None) -> None:
    ask(box)
    box.beat()
    new = NewKeys()
    assert state_of(new.send(box, instance=str(uuid.uuid4()))) == SETTLING
    assert state_of(new.send(box)) == STATED


@pytest.mark.parametrize("proof", ["record_proof", "transport_proof"])
def test_keys_that_are_not_held_are_refused(box: Box, settled: None, proof: str) -> None:
    ask(box)
    box.beat()
    offer = NewKeys().offer(box)
    other = NewKeys().offer(box)
    assert problem(NewKeys().send(box, **offer | {proof: other[proof]})) == "malformed-message"
    assert row_of(box).state == RolloverState.ASKED


def test_keys_of_another_agent_are_refused(box: Box, houses: Houses, settled: None) -> None:
    other = make_box(houses.tenant_b, houses.site_b)
    ask(box)
    box.beat()
    taken = NewKeys()
    taken.transport = other.transport
    assert problem(taken.send(box)) == "malformed-message"
    assert other.beat().status_code == 204


def test_keys_a_year_old_are_renewed_and_silence_is_given_up_on(
    box: Box, houses: Houses, settled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = str(houses.tenant_a.id)
    renew_keys_of_tenant(tenant)
    assert box.beat().status_code == 204, "they are fresh"
    monkeypatch.setattr(rollover, "YEARLY", dt.timedelta(seconds=-1))
    renew_keys_of_tenant(tenant)
    assert WANTED in json.loads(box.beat().content)
    renew_keys_of_tenant(tenant)
    assert row_of(box).state == RolloverState.ASKED
    with tenant_scope(houses.tenant_a.id):
        long_ago = clock.now() - dt.timedelta(days=8)
        AgentRollover.objects.filter(agent_id=box.agent_id).update(asked_at=long_ago)
    renew_keys_of_tenant(tenant)
    assert row_of(box).state == RolloverState.NO_ANSWER, "and it is not asked again for a month"
    assert box.beat().status_code == 204


def test_the_roots_fingerprint_is_still_the_one_people_compared(box: Box, settled: None) -> None:
    rolled(box)
    state = box.state()
    trust = verify_statements(state.statements, fingerprint(_root(state.statements[0])))
    assert box.agent_id is not None
    assert len([one for one in trust.agents if one.agent == box.agent_id]) == 1


def _root(first: bytes) -> bytes:
    body = parse_statement(first)[0].body
    assert isinstance(body, RootBody)
    return body.public_key
