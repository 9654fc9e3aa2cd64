"""A lost second factor, replaced with another member's approval: by whom, in which browser, for how long; and what ends."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django_otp.oath import TOTP

from tenants.models import Membership, OrganisationRole
from tenants.permissions import OWNER
from tenants.scope import tenant_scope
from tests import mailbox
from tests.accounts.test_passkeys import ORIGIN, acts_of, at, code_of, options_in, password_given, sign_in
from tests.api_calls import problem
from tests.approvals import stage
from tests.approvals.stage import api
from tests.authenticator import Authenticator
from tests.cast import Cast, later, make_account
from vsaas.accounts.models import (
    TOTP_STEP_S,
    Account,
    Passkey,
    RecoveryCode,
    RecoverySet,
    TotpDevice,
    hash_recovery_code,
)
from vsaas.approvals.models import ApprovalRequest
from vsaas.common import clock

pytestmark = pytest.mark.usefixtures("pages")


@pytest.fixture
def alice(cast: Cast) -> Client:
    """Alice, who owns the organisation, signed in."""
    return sign_in(cast.alice)


def text_of(reply: Any) -> str:
    return html.unescape(reply.content.decode())


def lost(account: Account, rest: str = "") -> str:
    return at(account, f"sign-in/lost{rest}")


def asked(account: Account) -> tuple[Client, ApprovalRequest]:
    """A browser that gave the password and asked for a new second factor, and its request."""
    door = password_given(account)
    reply = door.post(lost(account), {"reason": "my phone fell into the harbour"})
    assert (reply.status_code, reply["Location"]) == (302, lost(account)), text_of(reply)
    return door, stage.the_request(account, act="account.lost-factor")


def state(door: Client, account: Account) -> str:
    return str(door.get(lost(account, "/state")).json()["state"])


def approve(client: Client, approver: Account, row: ApprovalRequest) -> Any:
    code = code_of(approver)
    return stage.decide(client, approver, row.pk, code=code, digest=bytes(row.digest).hex())


def set_up_app(door: Client, account: Account) -> Any:
    """Set up a new app, as its person does; the reply to its first code."""
    assert door.get(lost(account, "/app")).status_code == 200
    with tenant_scope(account.tenant_id):
        new = TotpDevice.objects.get(user=account, confirmed=False)
        old = TotpDevice.objects.filter(user=account, confirmed=True)
        kept = list(old.values_list("pk", flat=True))
        assert new.pk not in kept
    return door.post(lost(account, "/app"), {"code": first_code(new)})


def first_code(device: TotpDevice) -> str:
    """What an app shows now that holds this secret."""
    totp = TOTP(device.secret, TOTP_STEP_S)
    totp.time = clock.now().timestamp()
    return f"{totp.token():06d}"


def test_somebody_else_approves_and_a_new_app_takes_the_place_of_everything(
    cast: Cast, alice: Client
) -> None:
    elsewhere, olga = sign_in(cast.olga), cast.olga
    with tenant_scope(olga.tenant_id):
        old = TotpDevice.objects.get(user=olga)
        codes = RecoverySet.objects.create(user=olga, name="Recovery codes", confirmed=True)
        RecoveryCode.objects.create(device=codes, code_hash=hash_recovery_code("AAAA-BBBB-CCCC-DDDD"))
    page = text_of(password_given(olga).get(at(olga, "sign-in/factor")))
    assert lost(olga) in page
    door, row = asked(olga)
    assert "Somebody else must approve" in text_of(door.get(lost(olga)))
    assert (state(door, olga), door.get(at(olga, "account")).status_code) == ("waiting", 302)
    assert door.get(lost(olga, "/app"))["Location"] == lost(olga), "nothing is shown before the approval"
    assert alice.get(at(olga, "approvals/waiting.json")).json()["waiting"] == 1
    shown = text_of(alice.get(at(olga, "approvals")))
    for line in ("has lost the second factor", olga.email, "my phone fell into the harbour", "Speak to them"):
        assert line in shown
    assert approve(alice, cast.alice, row).status_code == 200
    assert state(door, olga) == "approved"
    reply = set_up_app(door, olga)
    assert (reply.status_code, reply["Location"]) == (302, at(olga, "recovery-codes")), text_of(reply)
    assert door.get(at(olga, "account")).status_code == 200
    assert elsewhere.get(at(olga, "account")).status_code == 302, "every other session ended"
    with tenant_scope(olga.tenant_id):
        assert not TotpDevice.objects.filter(pk=old.pk).exists()
        assert not RecoveryCode.objects.filter(device=codes.pk).exists()
    again = password_given(olga)
    assert again.post(at(olga, "sign-in/factor"), {"code": first_code(old)}).status_code == 401
    assert again.post(at(olga, "sign-in/factor"), {"code": "AAAA-BBBB-CCCC-DDDD"}).status_code == 401
    told = [(act, details) for act, details in acts_of(olga) if act == "account.factor-recovered"]
    assert told == [("account.factor-recovered", {"approver": "Alice", "count": 2})]
    tenant = olga.tenant_id
    assert [one.subject for one in mailbox.letters(tenant, olga.email, "factor-lost")]
    assert "Olga" in mailbox.letters(tenant, cast.alice.email, "factor-lost-elsewhere")[0].subject
    for to in (olga.email, cast.alice.email):
        assert "approved by Alice" in mailbox.letters(tenant, to, "factor-recovered")[0].lines[0]
    assert not mailbox.letters(tenant, cast.bob.email)


def test_the_approval_is_for_the_browser_that_asked_for_ten_minutes_and_once(
    cast: Cast, alice: Client
) -> None:
    door, row = asked(cast.olga)
    stranger = password_given(cast.olga)
    assert approve(alice, cast.alice, row).status_code == 200
    assert stranger.get(lost(cast.olga, "/app"))["Location"] == lost(cast.olga)
    stranger.cookies[f"vsaas_s_{cast.tenant_a.slug}"] = "x" * 43
    assert stranger.get(lost(cast.olga))["Location"] == at(cast.olga, "sign-in")
    assert set_up_app(door, cast.olga).status_code == 302
    assert door.post(lost(cast.olga, "/app"), {"code": "123456"})["Location"] == lost(cast.olga)
    assert door.get(lost(cast.olga))["Location"] == at(cast.olga, "sign-in"), "it is used up"
    assert Client().get(lost(cast.olga))["Location"] == at(cast.olga, "sign-in")
    late, row = asked(cast.olga)
    with later(minutes=1):
        assert approve(alice, cast.alice, row).status_code == 200
    with later(minutes=12):
        assert late.get(lost(cast.olga, "/app"))["Location"] == lost(cast.olga)
        assert state(late, cast.olga) == "over"


def test_a_request_runs_out_is_refused_or_withdrawn(cast: Cast, alice: Client) -> None:
    door, row = asked(cast.olga)
    with later(minutes=29):  # longer than the factor alone may take
        assert state(door, cast.olga) == "waiting"
        assert stage.decide(alice, cast.alice, row.pk, "refusal").status_code == 200
        assert state(door, cast.olga) == "over", "the password was given too long ago"
        door, row = asked(cast.olga)
        door.post(lost(cast.olga, "/withdraw"))
        assert state(door, cast.olga) == "withdrawn"
        assert door.post(lost(cast.olga), {"reason": ""}).status_code == 422
        door.post(lost(cast.olga), {"reason": "really"})
        row = stage.the_request(cast.olga)
        assert stage.decide(alice, cast.alice, row.pk, "refusal").status_code == 200
        assert "Alice refused it" in text_of(door.get(lost(cast.olga)))
        door, row = asked(cast.olga)
    with later(minutes=60):
        gone = approve(alice, cast.alice, row)
        assert (gone.status_code, problem(gone)) == (410, "approval-expired")


def with_role(name: str, key: str, *permissions: str) -> Account:
    """Somebody with a role of the organisation's own."""
    OrganisationRole.objects.create(key=key, title=key.title(), permissions=list(permissions))
    account = make_account(name)
    Membership.objects.create(account=account, role=key)
    return account


def test_nobody_approves_for_who_holds_more_nor_without_both_rights_nor_for_themselves(
    cast: Cast, alice: Client
) -> None:
    both = ("people:view", "people:edit", "login:approve")
    with tenant_scope(cast.tenant_a.id):
        helper = with_role("Hal", "helper", *both)
        editor = with_role("Edda", "editor", "people:view", "people:edit")
        anna = make_account("Anna", OWNER)
    _door, row = asked(cast.olga)
    for account in (helper, editor):
        client = sign_in(account)
        assert client.get(at(account, "approvals/waiting.json")).json()["waiting"] == 0
        refused = approve(client, account, row)
        assert refused.status_code == 403, account
    assert approve(sign_in(cast.bob), cast.bob, row).status_code == 404
    _door, own = asked(cast.alice)
    refused = approve(alice, cast.alice, own)
    assert (refused.status_code, problem(refused)) == (403, "own-request")
    assert approve(sign_in(anna), anna, own).status_code == 200
    # The same of somebody who holds no more than they do.
    with tenant_scope(cast.tenant_a.id):
        peer = make_account("Pia")
        Membership.objects.create(account=peer, role="helper")
    _door, third = asked(peer)
    with later(minutes=1):
        assert approve(sign_in(helper), helper, third).status_code == 200


def test_an_approver_who_lost_the_right_meanwhile_approved_nothing(cast: Cast) -> None:
    with tenant_scope(cast.tenant_a.id):
        anna = make_account("Anna", OWNER)
    door, row = asked(cast.olga)
    assert approve(sign_in(anna), anna, row).status_code == 200
    with tenant_scope(cast.tenant_a.id):
        Membership.objects.filter(account=anna).update(role="viewer")
    assert set_up_app(door, cast.olga)["Location"] == lost(cast.olga)
    assert state(door, cast.olga) == "withdrawn"
    assert "approval.not-used" in [act for act, _details in acts_of(cast.olga)]
    with tenant_scope(cast.tenant_a.id):
        assert TotpDevice.objects.filter(user=cast.olga, confirmed=True).count() == 1


def test_it_cannot_be_asked_for_again_and_again(cast: Cast) -> None:
    door = password_given(cast.olga)
    statuses = [door.post(lost(cast.olga), {"reason": "again"}).status_code for _time in range(7)]
    assert statuses == [302] * 5 + [429] * 2


def test_who_approves_is_told_that_the_password_came_by_mail(cast: Cast, alice: Client) -> None:
    asked(cast.olga)
    said = "Their password was set by a link sent by mail"
    assert said not in text_of(alice.get(at(cast.olga, "approvals")))
    with tenant_scope(cast.tenant_a.id):
        Account.objects.filter(pk=cast.olga.pk).update(password_by_mail=True)
    assert said in text_of(alice.get(at(cast.olga, "approvals")))


def test_where_nobody_could_approve_the_page_says_so(cast: Cast) -> None:
    door = password_given(cast.charlie)
    reply = door.post(lost(cast.charlie), {"reason": "lost"})
    assert reply.status_code == 409
    assert "Nobody else in your organisation may approve this" in text_of(reply)


def test_a_passkey_may_take_the_place_and_a_refused_one_leaves_the_approval(
    cast: Cast, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "ENV", settings.ENV.model_copy(update={"public_url": ORIGIN}))
    door, row = asked(cast.olga)
    assert approve(alice, cast.alice, row).status_code == 200
    path, key = lost(cast.olga, "/passkey"), Authenticator(ORIGIN)
    options_in(door.get(path))
    refused = door.post(path, {"name": "Laptop", "answer": "{}"})
    assert refused.status_code == 422
    assert state(door, cast.olga) == "approved"
    reply = door.post(path, {"name": "Laptop", "answer": key.make(options_in(refused))})
    assert (reply.status_code, reply["Location"]) == (302, at(cast.olga, "recovery-codes")), text_of(reply)
    with tenant_scope(cast.olga.tenant_id):
        assert not TotpDevice.objects.filter(user=cast.olga).exists()
        assert Passkey.objects.filter(user=cast.olga).count() == 1
    assert door.get(at(cast.olga, "account")).status_code == 200
    told = api(alice, cast.alice, f"members/{cast.olga.pk}").json()
    assert told["second_factor"] is True
    assert re.search("approved by Alice", text_of(alice.get(at(cast.olga, "audit")))) is not None
