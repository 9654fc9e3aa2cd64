"""A new box in the place of an old one: cameras, revocation, what the old disk still held, and who may bring it."""

from __future__ import annotations

import json
import time
import uuid

from protocol.adoption import Adoption, AdoptionReply, SealedSource
from protocol.batch import BatchReply, RecordsBatch, RecordStatus
from protocol.camera_source import open_source, seal_source
from protocol.command import CommandDocument
from protocol.enrolment import EnrolReply
from sealing.cose import parse1
from sealing.ids import Stream
from sealing.statement import Trust, verify_statements
from tenants.permissions import OPERATOR
from tenants.scope import tenant_scope
from tests.agent_sim import AgentSim
from tests.boxes import Box, problem
from tests.cameras.place import call, make_place
from tests.cast import Cast, make_account, sign_in
from tests.reading import text
from vsaas.agents.enrolment import IssuedCode, issue_code
from vsaas.agents.models import Agent
from vsaas.agents.revocation import revoke
from vsaas.audit.services import system
from vsaas.common import clock
from vsaas.footage.models import Chain, Finding, FindingKind

MINUTE_US = 60_000_000


def code_for(agent_id: uuid.UUID, tenant: uuid.UUID) -> IssuedCode:
    with tenant_scope(tenant, keys=True):
        agent = Agent.objects.select_related("site").get(id=agent_id)
        return issue_code(tenant, agent.site, system("tests"), agent)


def successor_of(agent_id: uuid.UUID, tenant: uuid.UUID) -> Box:
    box = Box()
    reply = box.enrol(code_for(agent_id, tenant).text)
    assert reply.status_code == 200, reply.content
    return box


def adopt(box: Box, of: uuid.UUID, *sources: SealedSource, finished: bool = False) -> AdoptionReply:
    body = json.dumps(Adoption(of, sources, finished).to_json()).encode()
    reply = box.send("POST", "/agent/v1/adoption", body)
    assert reply.status_code == 200, reply.content
    return AdoptionReply.from_json(json.loads(reply.content))


def trust_of(box: Box, code_root: bytes) -> Trust:
    return verify_statements(box.state().statements, code_root)


def test_the_new_box_gets_cameras_and_their_addresses_and_the_old_one_is_let_in_no_more(
    cast: Cast, pages: None
) -> None:
    place = make_place(cast)
    page = place.url(f"agents/{place.box.agent_id}/replace")
    asked = text(place.alice.get(page))
    assert "From then on its 1 camera belongs to the new box" in asked
    assert "vsaas-agent adopt" in text(place.alice.post(page))
    path = f"agents/{place.box.agent_id}/replacement"
    made = call(place.alice, place, "POST", path, {})
    assert made.status_code == 201
    assert place.box.beat().status_code == 204, "a code alone changes nothing"
    new = Box()
    assert new.enrol(made.json()["code"]).status_code == 200
    assert place.box.beat().status_code == 401
    command = CommandDocument.from_payload(parse1(new.state().command).payload)
    (order,) = command.cameras
    assert (order.camera, command.agent) == (place.camera.id, new.agent_id)

    # Nobody but the old box can open the camera's address; whoever has its disk seals it anew.
    old_private, old_public = place.box.box.private_bytes_raw(), place.box.box.public_key().public_bytes_raw()
    tenant, mine = cast.tenant_a.id, new.box.public_key().public_bytes_raw()
    (source,) = adopt(new, place.box.agent_id).sources
    url = open_source(tenant, source.camera, Stream.MAIN, source.sealed, old_private, old_public)
    sealed = SealedSource(source.camera, 1, seal_source(tenant, source.camera, Stream.MAIN, url, mine))
    assert adopt(new, place.box.agent_id, sealed).sources == ()
    (order,) = CommandDocument.from_payload(parse1(new.state().command).payload).cameras
    assert order.source_main == sealed.sealed
    other = seal_source(tenant, source.camera, Stream.MAIN, "rtsp://evil.example/", mine)
    adopt(new, place.box.agent_id, SealedSource(source.camera, 1, other))
    (order,) = CommandDocument.from_payload(parse1(new.state().command).payload).cameras
    assert order.source_main == sealed.sealed, "one that can be opened is not replaced"

    told = call(place.alice, place, "GET", f"agents/{new.agent_id}").json()
    assert (told["replaces"], told["adopted_us"]) == (str(place.box.agent_id), None)
    assert "Recordings which that one had not sent" in text(
        place.alice.get(place.url(f"agents/{new.agent_id}"))
    )
    adopt(new, place.box.agent_id, finished=True)
    old = call(place.alice, place, "GET", f"agents/{place.box.agent_id}").json()
    assert (old["state"], old["replaced_by"]) == ("revoked", str(new.agent_id))
    assert "is here, since" in text(place.alice.get(place.url(f"agents/{new.agent_id}")))
    again = call(place.alice, place, "POST", path, {})
    assert (again.status_code, problem(again)) == (409, "already-replaced")


def test_a_successor_elsewhere_is_not_named_to_who_has_no_part_there(cast: Cast, pages: None) -> None:
    place = make_place(cast)
    new = successor_of(place.box.agent_id, cast.tenant_a.id)
    with tenant_scope(cast.tenant_a.id):
        Agent.objects.filter(id=new.agent_id).update(site=cast.other_site_a, name="Vault")
        oscar = make_account("Oscar", OPERATOR, cast.site_a)
    page = place.url(f"agents/{place.box.agent_id}")
    assert "Vault" in text(place.alice.get(page))
    assert "Vault" not in text(sign_in(oscar).get(page))
    refused = place.alice.post(place.url(f"agents/{place.box.agent_id}/replace"))
    assert refused.status_code == 409
    assert "Vault" not in refused.content.decode()


def test_of_two_codes_for_one_place_the_first_used_counts(houses) -> None:
    old = AgentSim.enrol(houses.tenant_a.id, houses.site_a)
    first, second = code_for(old.id, houses.tenant_a.id), code_for(old.id, houses.tenant_a.id)
    assert Box().enrol(first.text).status_code == 200
    late = Box().enrol(second.text)
    assert (late.status_code, problem(late)) == (403, "enrolment-refused")
    assert "took the place" in late.json()["detail"]


def test_what_the_old_box_had_signed_arrives_by_its_successor_alone_and_is_trusted_then(
    houses, object_store_server: None
) -> None:
    tenant = houses.tenant_a.id
    old = AgentSim.enrol(tenant, houses.site_a)
    camera = old.add_camera()
    now_us = int(time.time() * 1e6)
    stream = old.stream(camera)
    old.record(stream, [stream.genesis(now_us - 9 * MINUTE_US), *stream.segments(now_us - 9 * MINUTE_US, 2)])
    kept = stream.segments(now_us - 8 * MINUTE_US, 2)
    with tenant_scope(tenant):
        (tip,) = Chain.objects.filter(agent_id=old.id)
    code = code_for(old.id, tenant)
    new = Box()
    reply = new.enrol(code.text)
    assert reply.status_code == 200, reply.content
    (follows,) = EnrolReply.from_json(reply.json()).follows
    assert (follows.chain, follows.seq, follows.camera) == (tip.chain.bytes, tip.head_seq, camera)
    # What the old box goes on to sign, not knowing of its end, comes along and is not trusted.
    after = stream.segments(int(time.time() * 1e6) + MINUTE_US, 1)
    batch = RecordsBatch(tuple(item.item for item in [*kept, *after]), tuple(stream.envelopes), (), None)
    path = f"/agent/v1/records?of={old.id}"

    foreign = AgentSim.enrol(houses.tenant_b.id, houses.site_b)
    beside = AgentSim.enrol(tenant, houses.site_a)
    for other in (foreign, beside):
        refused = other.send("POST", path, batch.encode())
        assert (refused.status_code, problem(refused)) == (403, "not-its-successor")
    sent = new.send("POST", path, batch.encode(), content_type="application/cbor")
    assert sent.status_code == 200, sent.content
    taken = BatchReply.decode(sent.content)
    assert [item.status for item in taken.results] == [RecordStatus.ACCEPTED] * 3, taken.results
    assert set(taken.grants) == {item.segment for item in [*kept, *after]}
    again = new.send("POST", path, batch.encode(), content_type="application/cbor")
    assert {item.status for item in BatchReply.decode(again.content).results} == {RecordStatus.KNOWN}

    with tenant_scope(tenant):
        finding = Finding.objects.get(kind=FindingKind.AFTER_REVOCATION)
        assert (finding.camera_id, finding.agent_id, finding.count) == (camera, old.id, 1)

    root = bytes.fromhex(code.fingerprint)
    assert trust_of(new, root).trusted_up_to(old.id, tip.chain.bytes).seq == tip.head_seq
    number = trust_of(new, root).seen.number
    adopt(new, old.id, finished=True)
    trusted = trust_of(new, root)
    assert trusted.trusted_up_to(old.id, tip.chain.bytes).seq == tip.head_seq + 2
    adopt(new, old.id, finished=True)
    assert trust_of(new, root).seen.number == trusted.seen.number == number + 1, "told twice, stated once"


def test_what_was_accepted_of_a_box_whose_clock_ran_ahead_stays_trusted(
    houses, object_store_server: None
) -> None:
    tenant = houses.tenant_a.id
    old = AgentSim.enrol(tenant, houses.site_a)
    ahead_us = int(time.time() * 1e6) + 10 * MINUTE_US
    stream = old.stream(old.add_camera())
    old.record(stream, [stream.genesis(ahead_us), *stream.segments(ahead_us, 2)])
    with tenant_scope(tenant):
        (tip,) = Chain.objects.filter(agent_id=old.id)
    code = code_for(old.id, tenant)
    new = Box()
    assert new.enrol(code.text).status_code == 200
    before = trust_of(new, bytes.fromhex(code.fingerprint))
    assert before.trusted_up_to(old.id, tip.chain.bytes).seq == tip.head_seq
    adopt(new, old.id, finished=True)
    after = trust_of(new, bytes.fromhex(code.fingerprint))
    assert after.trusted_up_to(old.id, tip.chain.bytes).seq == tip.head_seq
    assert after.seen.number == before.seen.number


def test_an_agent_that_was_revoked_when_it_was_stolen_can_still_be_replaced(houses) -> None:
    tenant = houses.tenant_a.id
    old = AgentSim.enrol(tenant, houses.site_a)
    old.add_camera()
    with tenant_scope(tenant, keys=True):
        revoke(Agent.objects.get(id=old.id), system("tests"))
        revoked_at = Agent.objects.get(id=old.id).revoked_at
    new = successor_of(old.id, tenant)
    assert len(CommandDocument.from_payload(parse1(new.state().command).payload).cameras) == 1
    with tenant_scope(tenant):
        assert Agent.objects.get(id=old.id).revoked_at == revoked_at <= clock.now()


def test_an_operator_makes_no_code_for_the_place_of_a_box(cast: Cast, pages: None) -> None:
    place = make_place(cast)
    olga = sign_in(cast.olga)
    assert olga.get(place.url(f"agents/{place.box.agent_id}/replace")).status_code == 403
