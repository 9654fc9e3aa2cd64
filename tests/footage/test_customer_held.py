"""Keys the customer holds: moving over, playing, sharing, rolling, and what the portal can open afterwards: nothing."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from protocol import b64
from sealing.errors import SealingError
from sealing.ids import CameraKeyKind, EnvelopePurpose, Rendition, StatementKind, Stream, box_kid
from sealing.keys import EnvelopeInfo, LiveScope, PeriodKey, open_envelope, parse_envelope, seal_envelope
from sealing.statement import (
    AgentKeys,
    CameraKeys,
    CommandKey,
    MemberKeys,
    verify_statements,
)
from tenants.models import Membership
from tenants.permissions import OPERATOR, OWNER
from tenants.scope import tenant_scope
from tests.agent_sim import SECOND, AgentSim, recorded
from tests.agents.test_rollover import NewKeys, state_of
from tests.boxes import Box, make_code, problem
from tests.cast import Cast, make_account, make_fresh, sign_in
from tests.key_browser import KeyBrowser, Secret, public_of
from tests.keys.dumps import everything
from tests.rules import set_hours
from vsaas.accounts.models import Account
from vsaas.agents import rollover
from vsaas.agents.enrolment import issue_code
from vsaas.agents.models import Agent, EnrolmentCode
from vsaas.audit.models import AuditInbox
from vsaas.audit.services import system
from vsaas.common import clock
from vsaas.keys.errors import EnvelopeRefused, HeldByCustomer, LastHolder
from vsaas.keys.kms import WrapContext, kms
from vsaas.keys.models import CameraShare, Envelope, KeyPurpose, OwnKey, TenantKey
from vsaas.keys.services import (
    ReleaseTo,
    destroy_envelopes,
    release_live_key,
    sign_statement,
    statements_since,
)
from vsaas.keys.tasks import look_after_tenant
from vsaas.keys.tenant_keys import open_private

NOON = 1_767_268_800_000_000
HOUR = 3600 * SECOND


@pytest.fixture
def browser_for(client_for: Any) -> Any:
    """A signed-in browser of somebody, whose factor is fresh."""

    def make(account: Any) -> KeyBrowser:
        browser = KeyBrowser(client_for(account), account)
        make_fresh(browser.client, browser.slug)
        return browser

    return make


@pytest.fixture
def alice(people: Cast, browser_for: Any) -> KeyBrowser:
    return browser_for(people.alice)


@pytest.fixture
def holder(alice: KeyBrowser, agent: AgentSim) -> KeyBrowser:
    """Alice, when her organisation has moved over; nothing was recorded before."""
    alice.make_own_key()
    assert alice.take_over().status_code == 202
    look_after_tenant(str(alice.tenant))
    assert alice.ask("GET", "keys")["mode"] == "customer-held"
    return alice


def acts(tenant: uuid.UUID) -> list[str]:
    with tenant_scope(tenant):
        return list(AuditInbox.objects.order_by("id").values_list("act", flat=True))


def fingerprint_of(browser: KeyBrowser) -> bytes:
    return bytes.fromhex(browser.ask("GET", "statements")["root_fingerprint"])


def test_what_was_recorded_before_and_after_plays_and_the_portal_opens_none_of_it(
    agent: AgentSim, alice: KeyBrowser
):
    first_root = fingerprint_of(alice)
    stream, before = recorded(agent, NOON, 2, audio=True, size=2000)
    alice.make_own_key()
    assert alice.take_over().status_code == 202
    assert alice.ask("GET", "keys")["rewrap"] == {"done": 0, "of": 2}
    look_after_tenant(str(alice.tenant))
    shown = alice.ask("GET", "keys")
    assert (shown["mode"], shown["rewrap"]) == ("customer-held", None)

    # The agent knew the portal's root, and follows it to the customer's.
    agent.follow_statements(first_root)
    assert agent.trust is not None
    assert agent.trust.fingerprint == bytes.fromhex(shown["root_fingerprint"]) != first_root
    stream.keys.clear()
    after = stream.segments(NOON + 20 * SECOND, 1, size=2000)
    reply = agent.record(stream, after)
    assert {result.status for result in reply.results} == {0}
    agent.store(stream, after, reply)
    confirm(agent, stream, NOON)

    alice.private = alice.open_own_key("correct horse battery")
    assert alice.play(stream.camera, NOON, NOON + 60 * SECOND) == [one.video for one in [*before, *after]]
    assert_nothing_opens(alice)


def confirm(agent: AgentSim, stream: Any, hour_us: int) -> None:
    from vsaas.common.object_store import object_store
    from vsaas.footage import stored

    stored.confirm_hour(agent.tenant, stored.Hour(stream.camera, int(stream.stream), hour_us), object_store())


def assert_nothing_opens(browser: KeyBrowser) -> None:
    """With both databases, the key file and the bucket at hand: every private half that can be unwrapped is tried on every
    envelope there is, and opens none; the browser's own key opens the same envelopes by its shares."""
    with tenant_scope(browser.tenant, keys=True):
        rows = [bytes(row.sealed) for row in Envelope.objects.filter(destroyed_at=None)]
        tenant_keys = list(TenantKey.objects.all())
        wrapped = [key for key in tenant_keys if key.wrapped_private is not None]
        shares = [bytes(share.sealed) for share in CameraShare.objects.all()]
    assert {key.purpose for key in wrapped} == {KeyPurpose.COMMAND, KeyPurpose.DELETION}
    halves = [
        kms().unwrap(bytes(key.wrapped_private), WrapContext(key.purpose, key.tenant_id, bytes(key.kid)))
        for key in wrapped
    ]
    assert rows
    opened = 0
    for sealed in [*rows, *shares]:
        info, _ = parse_envelope(sealed)
        for half in halves:
            with pytest.raises(SealingError):
                open_envelope(sealed, info, half)
    keys = browser.camera_keys()
    for sealed in rows:
        info, _ = parse_envelope(sealed)
        open_envelope(sealed, info, keys[info.recipient])
        opened += 1
    assert opened == len(rows)
    secret = browser.open_vault()
    clear = [browser.private, secret.value, secret.recipient, *keys.values()]
    for alias in ("default", "keys"):
        for row in everything(alias):
            assert not [one for one in clear if one.hex() in row or b64.encode(one) in row]


def test_no_reply_ever_holds_a_secret(holder: KeyBrowser, agent: AgentSim):
    """Every route of keys, and those that release: none of what they say is the vault secret, a private half, or opens
    without the own key."""
    agent.follow_statements(fingerprint_of(holder))
    camera = agent.add_camera()
    holder.roll()
    agent.follow_statements(fingerprint_of(holder))
    stream, _ = recorded(agent, NOON, 1, camera, size=2000)
    secret = holder.open_vault()
    clear = [holder.private, secret.value, secret.recipient]
    clear += [secret.camera(camera, kind, 1) for kind in (0, 1)]
    routes = [
        "keys",
        "keys/held/cameras",
        "keys/statement-requests",
        "keys/people",
        "keys/rolls",
        "statements",
    ]
    routes.append(f"keys/envelopes?camera={camera}&kind=0&below_epoch=2")
    texts = [holder.send("GET", route).content.decode() for route in routes]
    texts.append(str(holder.playback(stream.camera, NOON, NOON + 60 * SECOND)))
    for text in texts:
        for one in clear:
            assert b64.encode(one) not in text
            assert one.hex() not in text


def test_a_switch_says_what_it_needs_and_happens_once(agent: AgentSim, alice: KeyBrowser):
    camera = agent.add_camera()
    alice.secret = Secret()
    offer = alice.ask("GET", "keys/held/offer")
    body = {
        "root_public": b64.encode(alice.secret.root.public_key),
        "countersignature": b64.encode(b"s" * 64),
    }
    assert problem(alice.send("POST", "keys/held/handover", offer | body)) == "no-own-key"
    alice.make_own_key()
    assert problem(alice.send("POST", "keys/held/handover", offer | body)) == "statement-refused"
    good = alice.taken_over(alice.secret)
    assert alice.send("POST", "keys/held", good | {"kit_confirmed": False}).status_code == 422
    assert (
        problem(alice.send("POST", "keys/held", good | {"shares": good["shares"][:1]})) == "statement-refused"
    )
    swapped = [*good["statements"][:-2], *reversed(good["statements"][-2:])]
    assert problem(alice.send("POST", "keys/held", good | {"statements": swapped})) == "statement-refused"
    unnamed = good["statements"][:2]
    assert (
        problem(alice.send("POST", "keys/held", good | {"statements": [*unnamed, unnamed[1]]}))
        == "statement-refused"
    )
    stranger = alice.camera_share(public_of(b"k" * 32), (camera, 0, 1))
    mixed = [stranger, *good["shares"][1:]]
    assert problem(alice.send("POST", "keys/held", good | {"shares": mixed})) == "share-refused"
    assert alice.ask("GET", "keys")["mode"] == "managed"
    with tenant_scope(alice.tenant):
        sign_statement(alice.tenant, an_agent())
    assert problem(alice.send("POST", "keys/held", good)) == "changed-meanwhile"
    agent.add_camera("Late")
    alice.secret = None
    assert alice.take_over().status_code == 202
    assert problem(alice.send("POST", "keys/held", good)) == "not-renewable"
    look_after_tenant(str(alice.tenant))
    assert problem(alice.send("POST", "keys/held", good)) == "changed-meanwhile"
    with tenant_scope(alice.tenant), pytest.raises(HeldByCustomer):
        sign_statement(alice.tenant, an_agent())


def an_agent() -> AgentKeys:
    return AgentKeys(uuid.uuid4(), uuid.uuid4().bytes * 2, uuid.uuid4().bytes * 2, uuid.uuid4().bytes * 2)


def test_the_switch_is_written_down_and_the_chain_holds_from_both_roots(
    agent: AgentSim, alice: KeyBrowser, tmp_path: Path
):
    camera = agent.add_camera()
    first = fingerprint_of(alice)
    alice.make_own_key()
    alice.take_over()
    look_after_tenant(str(alice.tenant))
    look_after_tenant(str(alice.tenant))
    written = acts(alice.tenant)
    assert [
        written.count(f"keys.{one}") for one in ("own-made", "taken-over", "stated", "portal-key-erased")
    ] == [1] * 4
    with tenant_scope(alice.tenant):
        statements = statements_since(alice.tenant)
        (row,) = AuditInbox.objects.filter(act="keys.taken-over")
        for purpose in (KeyPurpose.ROOT, KeyPurpose.RECIPIENT):
            with pytest.raises(HeldByCustomer):
                open_private(TenantKey.objects.get(purpose=purpose))
    assert first.hex() in row.details["before"]
    file = tmp_path / "keys"
    with pytest.raises(CommandError, match="holds its keys itself"):
        call_command(
            "key_release", str(camera), "--tenant", alice.slug, "--from", "2026-01-01T12:00:00Z", "--to",
            "2026-01-01T13:00:00Z", "--reason", "a test", "--by", alice.account.email, "-o", str(file),
        )  # fmt: skip
    assert not file.exists()
    for trusted in (first, fingerprint_of(alice)):
        assert verify_statements(statements, trusted).customer_held


def test_a_member_plays_what_a_holder_shared_and_nothing_else(
    holder: KeyBrowser, people: Cast, agent: AgentSim, browser_for: Any
):
    camera = agent.add_camera()
    holder.roll()
    agent.follow_statements(fingerprint_of(holder))
    _stream, sealed = recorded(agent, NOON, 2, camera, audio=True, size=2000)
    bob = browser_for(people.bob)
    bob.make_own_key("another passphrase of mine")
    assert bob.ask("GET", "keys")["shares"] == []
    with pytest.raises(KeyError):
        bob.play(camera, NOON, NOON + 60 * SECOND)
    row = holder.admit(people.bob)
    assert (row["stated"], row["missing"], row["excess"]) == (True, [], 0)
    shares = bob.ask("GET", "keys")["shares"]
    assert [(share["camera"], share["kind"]) for share in shares] == [
        (str(camera), 0)
    ]  # a viewer hears nothing
    assert bob.play(camera, NOON, NOON + 60 * SECOND) == [one.video for one in sealed]
    (reply,) = bob.playback(camera, NOON, NOON + 60 * SECOND, audio=True)["streams"]
    assert {key["rendition"] for segment in reply["segments"] for key in segment["keys"]} == {1, 7}
    sound = holder.camera_share(bob.public, (camera, 1, 1))
    refused = holder.send("POST", f"keys/people/{people.bob.pk}/shares", {"shares": [sound]})
    assert problem(refused) == "share-refused"
    assert problem(bob.send("GET", "keys/people")) == "denied"


def test_who_may_no_longer_has_the_key_rolled_and_recordings_sealed_anew(
    holder: KeyBrowser, people: Cast, agent: AgentSim, browser_for: Any
):
    camera = agent.add_camera()
    holder.roll()
    agent.follow_statements(fingerprint_of(holder))
    _stream, sealed = recorded(agent, NOON, 1, camera, size=2000)
    bob = browser_for(people.bob)
    bob.make_own_key()
    holder.admit(people.bob)
    known = bob.camera_keys()
    assert holder.ask("GET", "keys/rolls")["items"] == []
    with tenant_scope(holder.tenant):
        Membership.objects.filter(account=people.bob).delete()
    (item,) = holder.ask("GET", "keys/rolls")["items"]
    assert (item["camera"], item["kind"], item["epoch"], item["known"]) == (str(camera), 0, 1, 1)
    assert holder.ask("GET", "keys")["waiting"]["roll"] == 1
    assert holder.roll() == 1
    assert holder.ask("GET", "keys/rolls")["items"] == []
    with tenant_scope(holder.tenant, keys=True):
        (row,) = Envelope.objects.filter(camera_id=camera, destroyed_at=None)
    assert bytes(row.recipient_id) not in known
    assert holder.play(camera, NOON, NOON + 60 * SECOND) == [one.video for one in sealed]
    assert {"keys.camera-key-changed", "keys.sealed-anew", "keys.shared"} <= set(acts(holder.tenant))


def test_what_was_shredded_stays_shredded_whoever_seals_it_again(holder: KeyBrowser, agent: AgentSim):
    agent.follow_statements(fingerprint_of(holder))
    stream, _ = recorded(agent, NOON, 1, size=2000)  # a camera without a key: sealed to the vault's recipient
    assert [
        segment["keys"]
        for segment in holder.playback(stream.camera, NOON, NOON + 60 * SECOND)["streams"][0]["segments"]
    ] == [[]]
    holder.ask("GET", "keys/rolls")
    keys = [holder.secret.camera_key(stream.camera, kind, 1) for kind in (0, 1)]
    assert holder.state(CameraKeys(tuple(keys))).status_code == 200
    listed = holder.ask("GET", f"keys/envelopes?camera={stream.camera}&kind=0&below_epoch=1")["items"]
    assert len(listed) == 1
    again = {"items": [{"key_id": one["key_id"], "envelope": holder._again(one, 1)} for one in listed]}
    with tenant_scope(holder.tenant, keys=True):
        assert destroy_envelopes(holder.tenant, [b64.decode(one["key_id"]) for one in listed]) == 1
    assert holder.ask("POST", "keys/envelopes", again) == {"stored": 0}
    key = next(iter(stream.keys.values()))
    agent.follow_statements(fingerprint_of(holder))
    scope = parse_envelope(b64.decode(listed[0]["sealed"]))[0].scope
    agent.post([], envelopes=[agent.envelope(key, scope)])
    with tenant_scope(holder.tenant, keys=True):
        assert not Envelope.objects.filter(destroyed_at=None).exists()


def test_an_agent_is_enrolled_once_a_holder_signed_for_it(holder: KeyBrowser, people: Cast):
    code = make_code(people.tenant_a, people.site_a)
    box = Box()
    waiting = box.enrol(code.text)
    assert (waiting.status_code, problem(waiting), waiting.headers["Retry-After"]) == (
        409,
        "waits-for-holder",
        "15",
    )
    for _ in range(8):  # it may ask as often as it takes
        assert problem(box.enrol(code.text)) == "waits-for-holder"
    assert holder.ask("GET", f"enrolment-codes/{code.id}")["state"] == "waits-for-holder"
    (item,) = holder.ask("GET", "keys/statement-requests")["items"]
    assert (item["kind"], "Basement" in item["about"]) == (int(StatementKind.AGENT_KEYS), True)
    assert b"waits for a holder" in holder.client.get(f"/t/{holder.slug}/account").content
    other = AgentKeys(uuid.uuid4(), b"1" * 32, b"2" * 32, b"3" * 32)
    assert problem(holder.state(other)) == "statement-refused"
    assert holder.sign_requests().status_code == 200
    done = box.enrol(code.text)
    assert done.status_code == 200
    assert box.enrolled is not None
    trust = verify_statements(box.enrolled.statements, bytes.fromhex(code.fingerprint))
    assert trust.agent(box.enrolled.agent).record == box.record.public_key().public_bytes_raw()
    assert holder.ask("GET", "keys/statement-requests")["items"] == []
    with tenant_scope(holder.tenant):
        assert EnrolmentCode.objects.get(pk=code.id).attempts == 1

    reply = holder.send("POST", f"agents/{box.enrolled.agent}/revocation")
    assert reply.json()["statement"] is None
    assert holder.sign_requests().status_code == 200
    with tenant_scope(holder.tenant):
        assert verify_statements(statements_since(holder.tenant), fingerprint_of(holder)).is_revoked(
            box.enrolled.agent
        )


def test_new_keys_of_an_agent_count_once_a_holder_signed_for_them(
    holder: KeyBrowser, people: Cast, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rollover, "SETTLE", dt.timedelta())
    code, box, new = make_code(people.tenant_a, people.site_a), Box(), NewKeys()
    assert problem(box.enrol(code.text)) == "waits-for-holder"
    assert holder.sign_requests().status_code == 200
    assert box.enrol(code.text).status_code == 200
    path = f"agents/{box.agent_id}"
    assert holder.ask("POST", f"{path}/keys")["keys"]["rollover"]["state"] == "asked"
    assert box.beat().status_code == 200
    for _ in range(2):
        assert state_of(new.send(box)) == "waits-for-holder"
        assert holder.ask("GET", path)["keys"]["rollover"]["state"] == "waits-for-holder"
    assert len(holder.ask("GET", "keys/statement-requests")["items"]) == 1
    assert box.beat().status_code == 200, "the keys in force stay so"
    assert holder.sign_requests().status_code == 200
    assert state_of(new.send(box)) == "stated"
    with tenant_scope(holder.tenant):
        trust = verify_statements(statements_since(holder.tenant), fingerprint_of(holder))
    assert box.agent_id is not None
    assert trust.agent(box.agent_id).transport == new.transport.public_key().public_bytes_raw()


def test_a_box_stays_in_service_until_a_holder_signed_for_the_one_that_replaces_it(
    holder: KeyBrowser, agent: AgentSim
):
    with tenant_scope(holder.tenant, keys=True):
        old = Agent.objects.select_related("site").get(id=agent.id)
        code = issue_code(holder.tenant, old.site, system("tests"), old)
    box = Box()
    assert problem(box.enrol(code.text)) == "waits-for-holder"
    with tenant_scope(holder.tenant):
        assert Agent.objects.get(id=agent.id).revoked_at is None
    assert holder.sign_requests().status_code == 200
    assert box.enrol(code.text).status_code == 200
    with tenant_scope(holder.tenant):
        assert Agent.objects.get(id=agent.id).revoked_at is not None
    assert holder.sign_requests().status_code == 200
    assert box.enrol(code.text).status_code == 200, "asked again after a lost reply"


def test_holders_sign_only_what_was_asked_for_or_is_theirs_to_say(
    holder: KeyBrowser, people: Cast, browser_for: Any
):
    bob = browser_for(people.bob)
    bob.make_own_key()
    for body in (
        CommandKey(b"c" * 32),
        MemberKeys(((people.bob.pk, b"x" * 32),)),
        CameraKeys((holder.secret.camera_key(uuid.uuid4(), 0, 1),)),
    ):
        assert problem(holder.state(body)) == "statement-refused"
    assert holder.state(MemberKeys(((people.bob.pk, bob.public),))).status_code == 200
    assert bob.ask("GET", "keys")["own"]["stated"] is True
    stale = holder.signed(
        [MemberKeys(((people.bob.pk, bob.public),))],
        b64.decode(holder.ask("GET", "statements")["statements"][-2]),
        1,
    )
    assert problem(holder._post_signed(stale, [])) == "changed-meanwhile"
    strange = KeyBrowser(holder.client, holder.account)
    strange.secret = Secret()
    assert problem(strange.state(MemberKeys(((people.bob.pk, bob.public),)))) == "statement-refused"


def test_another_holder_opens_the_vault_and_the_last_one_stays(
    holder: KeyBrowser, people: Cast, browser_for: Any
):
    with tenant_scope(holder.tenant):
        Membership.objects.filter(account=people.olga).update(role=OWNER.name)
    olga = browser_for(people.olga)
    path = f"keys/people/{people.olga.pk}/vault"
    vault = uuid.UUID(holder.ask("GET", "keys")["vault"]["id"])
    assert problem(olga.send("GET", "keys/people")) == "not-a-holder"
    assert problem(holder.send("POST", path, {"sealed": "oQA"})) == "no-own-key"
    olga.make_own_key()
    assert holder.send("POST", path, {"sealed": holder.vault_share(olga.public, vault)}).status_code == 204
    assert olga.open_vault().value == holder.secret.value
    assert len(olga.ask("GET", "keys")["vault"]["holders"]) == 2
    ways = olga.ask("GET", "keys")["own"]["ways"]
    assert problem(olga.send("DELETE", f"keys/own/ways/{ways[0]['id']}")) == "last-way"
    assert holder.send("DELETE", path).status_code == 204
    shown = olga.ask("GET", "keys")
    assert (shown["vault"]["sealed"], shown["vault"]["renew"]) == (None, True)
    mine = f"keys/people/{people.alice.pk}/vault"
    assert problem(holder.send("DELETE", mine)) == "last-holder"
    again = {"public": b64.encode(public_of(b"n" * 32)), "ways": [holder.passphrase_way("new words")]}
    assert problem(holder.send("POST", "keys/own", again)) == "last-holder"
    with pytest.raises(LastHolder), tenant_scope(holder.tenant):
        Account.objects.get(pk=people.alice.pk).delete()
    with tenant_scope(holder.tenant):
        oscar = sign_in(make_account("Oscar", OWNER))
    demoted = oscar.patch(
        f"/api/v1/members/{people.alice.pk}",
        {"role": "operator", "all_sites": True},
        content_type="application/json",
        headers={"VSaaS-Tenant": people.tenant_a.slug, "Accept": "application/json"},
    )
    assert (demoted.status_code, problem(demoted)) == (409, "last-holder")
    # Who put the secret together from the recovery kit makes themselves a holder.
    olga.secret = holder.secret
    assert olga.send("POST", path, {"sealed": olga.vault_share(olga.public, vault)}).status_code == 204
    assert olga.open_vault().value == holder.secret.value


def test_a_renewed_vault_shuts_out_who_knew_the_one_before(
    holder: KeyBrowser, people: Cast, agent: AgentSim, browser_for: Any
):
    first_root = fingerprint_of(holder)
    agent.follow_statements(first_root)
    stream, sealed = recorded(agent, NOON, 1, size=2000)
    assert problem(holder.renew()) == "not-renewable"  # sealed to the vault alone
    assert holder.roll() == 1
    old = holder.secret
    assert old is not None
    assert holder.renew().status_code == 202
    assert holder.open_vault().value != old.value
    assert problem(
        KeyBrowser.state(as_before(holder, old), MemberKeys(((holder.account.pk, holder.public),)))
    ) == ("statement-refused")
    assert holder.roll() == 1
    assert holder.ask("GET", "keys/rolls")["items"] == []
    with tenant_scope(holder.tenant, keys=True):
        (row,) = Envelope.objects.filter(destroyed_at=None)
    info, _ = parse_envelope(bytes(row.sealed))
    with pytest.raises(SealingError):
        open_envelope(bytes(row.sealed), info, old.camera(stream.camera, 0, info.epoch))
    assert holder.play(stream.camera, NOON, NOON + 60 * SECOND) == [one.video for one in sealed]
    agent.follow_statements(first_root)
    assert agent.trust is not None
    assert len(agent.trust.fingerprints) == 3
    assert "keys.vault-renewed" in acts(holder.tenant)


def as_before(browser: KeyBrowser, secret: Secret) -> KeyBrowser:
    """The same browser, with a secret that was replaced."""
    other = KeyBrowser(browser.client, browser.account)
    other.private, other.secret = browser.private, secret
    return other


def test_an_own_key_is_kept_in_ways_and_replaced_when_lost(people: Cast, browser_for: Any):
    bob = browser_for(people.bob)
    assert problem(bob.send("POST", "keys/own/ways", passkey(bob))) == "no-own-key"
    bob.make_own_key()
    assert bob.open_own_key("correct horse battery") == bob.private
    first, second = bob.ask("GET", "keys")["own"]["ways"]
    third = bob.ask("POST", "keys/own/ways", bob.passphrase_way("yet another one", "At home"))
    assert bob.send("DELETE", f"keys/own/ways/{first['id']}").status_code == 204
    assert bob.send("DELETE", f"keys/own/ways/{second['id']}").status_code == 204
    assert bob.send("DELETE", f"keys/own/ways/{second['id']}").status_code == 404
    assert problem(bob.send("DELETE", f"keys/own/ways/{third['id']}")) == "last-way"
    weak = bob.passphrase_way("x") | {"data": {"salt": b64.encode(b"s" * 16), "m_kib": 8, "t": 1, "p": 1}}
    assert bob.send("POST", "keys/own/ways", weak).status_code == 422
    before = bob.public
    bob.make_own_key("a new passphrase")
    with tenant_scope(bob.tenant):
        (own,) = OwnKey.objects.filter(account=people.bob)
        (row,) = AuditInbox.objects.filter(act="keys.own-replaced")
    assert bytes(own.public_key) == bob.public != before
    assert row.details["before"] != row.details["after"]


def passkey(browser: KeyBrowser) -> dict[str, Any]:
    browser.private = b"k" * 32
    return browser.passkey_way(b"p" * 32)


def test_an_hour_comes_whole_or_not_at_all(
    holder: KeyBrowser, people: Cast, agent: AgentSim, browser_for: Any
):
    """Olga may see from 12:30 on: of the hour from 12 nothing, of the next one everything."""
    camera = agent.add_camera()
    holder.roll()
    agent.follow_statements(fingerprint_of(holder))
    half = NOON + HOUR // 2
    _stream, _ = recorded(agent, half + 600 * SECOND, 1, camera, size=2000)
    _later, sealed = recorded(agent, NOON + HOUR, 1, camera, size=2000)
    olga = browser_for(people.olga)
    olga.make_own_key()
    holder.admit(people.olga)
    set_hours(people.tenant_a, OPERATOR.name, hidden=[{"days": ["thu"], "from": "12:00", "to": "12:30"}])
    make_fresh(olga.client, olga.slug)
    assert b"by whole hours" in holder.client.get(f"/t/{holder.slug}/roles/{OPERATOR.name}/hours").content
    (reply,) = olga.playback(camera, half + 600 * SECOND, half + 660 * SECOND)["streams"]
    assert reply["segments"] == []
    assert reply["not_permitted"] == [{"from_us": half + 600 * SECOND, "to_us": half + 660 * SECOND}]
    assert olga.play(camera, NOON + HOUR, NOON + HOUR + 60 * SECOND) == [one.video for one in sealed]


def test_camera_keys_of_another_camera_are_no_address(holder: KeyBrowser, agent: AgentSim):
    one, other = agent.add_camera("One"), agent.add_camera("Other")
    holder.roll()
    agent.follow_statements(fingerprint_of(holder))
    assert agent.trust is not None
    key = (other, CameraKeyKind.PICTURE)
    agent.trust.camera_keys[one, CameraKeyKind.PICTURE] = agent.trust.camera_keys[key]
    stream = agent.stream(one)
    reply = agent.record(stream, [stream.genesis(NOON), stream.segment(NOON, size=2000)])
    assert [result.error for result in reply.results] == [None, "missing-envelope"]


def test_live_keys_pass_as_the_agent_sealed_them(holder: KeyBrowser, people: Cast, agent: AgentSim):
    camera, other = agent.add_camera("One"), agent.add_camera("Other")
    keyless = sealed_live(holder, camera, holder.secret.recipient, 1)
    with pytest.raises(EnvelopeRefused, match="has no key yet"):
        released(holder, *keyless)
    holder.roll()
    key, scope, envelope = sealed_live(holder, camera, holder.secret.camera(camera, 0, 1), 1)
    assert released(holder, key, scope, envelope) == envelope
    for private in (holder.secret.camera(other, 0, 1), holder.secret.camera(camera, 1, 1)):
        with pytest.raises(EnvelopeRefused, match="another camera's key"):
            released(holder, *sealed_live(holder, camera, private, 1))
    with pytest.raises(EnvelopeRefused):
        released(holder, *sealed_live(holder, camera, b"k" * 32, 1))


def sealed_live(browser: KeyBrowser, camera: uuid.UUID, private: bytes, epoch: int) -> Any:
    key, scope = PeriodKey.new(), LiveScope(camera, Stream.MAIN, Rendition.MAIN, b"p" * 16)
    public = public_of(private)
    info = EnvelopeInfo(EnvelopePurpose.LIVE, browser.tenant, scope, key.key_id, box_kid(public), epoch)
    return key, scope, seal_envelope(info, key.key, public)


def released(browser: KeyBrowser, key: PeriodKey, scope: LiveScope, envelope: bytes) -> bytes:
    to = ReleaseTo(public_of(b"v" * 32), b"s" * 16, browser.account.pk, clock.now_us() + 60 * SECOND)
    with tenant_scope(browser.tenant, keys=True):
        return release_live_key(browser.tenant, envelope, key.commitment, to, scope)


def test_the_hashes_of_the_code_are_those_of_the_files(anonymous: Client):
    files = anonymous.get("/code.json").json()["files"]
    script = next(file for file in files if file["path"].endswith(".js"))
    body = b"".join(anonymous.get(script["path"]).streaming_content)
    assert hashlib.sha256(body).hexdigest() == script["sha256"]
