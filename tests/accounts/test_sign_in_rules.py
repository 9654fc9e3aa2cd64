"""The rules of signing in: kinds of factor, a passkey alone, browsers that are remembered; and what would lock people out."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tenants.permissions import OWNER
from tenants.scope import tenant_scope
from tests.accounts.test_passkeys import (
    ORIGIN,
    acts_of,
    add,
    at,
    challenge,
    code_of,
    give,
    password_given,
    sign_in,
)
from tests.api_calls import call, problem
from tests.authenticator import Authenticator
from tests.cast import PASSWORD, Cast, later, make_account
from vsaas.accounts.models import Account, RememberedBrowser
from vsaas.approvals.models import ApprovalPolicy, ApprovalRequest

pytestmark = pytest.mark.usefixtures("pages")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The portal is reached by a name, over HTTPS."""
    monkeypatch.setattr(settings, "ENV", settings.ENV.model_copy(update={"public_url": ORIGIN}))


def rule(client: Client, cast: Cast, **changes: Any) -> Any:
    return call(
        None, "PATCH", "/api/v1/sign-in-rules", changes, client=client, vsaas_tenant=cast.tenant_a.slug
    )


def ruled(client: Client, cast: Cast, **changes: Any) -> dict[str, Any]:
    reply = rule(client, cast, **changes)
    assert reply.status_code == 200, reply.content
    assert reply.json()["waiting"] is None
    return reply.json()


def test_a_kind_that_is_not_accepted_does_not_sign_in_and_a_recovery_code_does(cast: Cast) -> None:
    alice, key = sign_in(cast.alice), Authenticator(ORIGIN)
    refused = rule(alice, cast, kinds=["passkey"])
    assert (refused.status_code, problem(refused)) == (409, "rules-lock-out")
    add(alice, cast.alice, key)
    told = ruled(alice, cast, kinds=["passkey"])
    assert told["without_factor"] == ["Bob", "Olga"]
    door = password_given(cast.alice)
    reply = give(door, cast.alice, code_of(cast.alice))
    assert reply.status_code == 401
    assert "What it accepts: Passkey, or one of your recovery codes." in reply.content.decode()
    assert give(door, cast.alice, key.sign(challenge(door, cast.alice))).status_code == 302
    assert ("session.factor-not-accepted", {"factor": "the authenticator app"}) in acts_of(cast.alice)
    changed = [details for act, details in acts_of(cast.alice) if act == "tenant.sign-in-rules"]
    (before,) = [json.loads(one["before"]) for one in changed]
    assert (before["kinds"], before["passwordless"], before["remember_days"]) == (
        ["app", "passkey"],
        False,
        0,
    )
    log = alice.get(f"/t/{cast.tenant_a.slug}/audit?act=tenant.").content.decode()
    assert "Before: Everybody: Authenticator app, Passkey" in log
    ruled(alice, cast, kinds=["app", "passkey"])  # the reason taken away
    assert give(password_given(cast.alice), cast.alice, code_of(cast.alice)).status_code == 302


def test_the_last_passkey_stays_while_nothing_else_is_accepted(cast: Cast) -> None:
    alice, key = sign_in(cast.alice), Authenticator(ORIGIN)
    passkey = add(alice, cast.alice, key)
    ruled(alice, cast, roles={"owner": {"kinds": ["passkey"]}})
    path = at(cast.alice, f"account/passkeys/{passkey.id}/remove")
    alice.post(path, {"password": PASSWORD, "code": key.sign(challenge(alice, cast.alice))})
    assert "set up another one first" in alice.get(at(cast.alice, "account")).content.decode()
    ruled(alice, cast, roles={})
    alice.post(path, {"password": PASSWORD, "code": key.sign(challenge(alice, cast.alice))})
    assert alice.get(path).status_code == 404


def alone(client: Client, account: Account, key: Authenticator) -> Any:
    answer = key.sign(challenge(client, account))
    return client.post(at(account, "sign-in/passkey"), {"code": answer, "next": at(account, "account")})


def test_a_passkey_alone_signs_in_where_the_rules_say_so(cast: Cast) -> None:
    alice, key = sign_in(cast.alice), Authenticator(ORIGIN)
    add(alice, cast.alice, key)
    door = Client(headers={"accept": "text/html"})
    assert door.post(at(cast.alice, "passkey-challenge")).status_code == 302  # to the door: a password first
    ruled(alice, cast, passwordless=True)
    assert "sign-in/passkey" in door.get(at(cast.alice, "sign-in")).content.decode()
    key.verifies = False  # whoever holds the device, and shows nothing to it
    assert alone(door, cast.alice, key).status_code == 401
    key.verifies = True
    reply = alone(door, cast.alice, key)
    assert (reply.status_code, reply["Location"]) == (302, at(cast.alice, "recovery-codes"))  # never kept
    assert door.get(at(cast.alice, "account")).status_code == 200
    assert ("session.signed-in", {"factor": "a passkey, without password"}) in acts_of(cast.alice)
    # Not at another organisation's door, and not for a role that says otherwise.
    strange = Client(headers={"accept": "text/html"})
    assert strange.post(at(cast.charlie, "passkey-challenge")).status_code == 302
    ruled(alice, cast, roles={"owner": {"passwordless": False}})
    assert alone(Client(headers={"accept": "text/html"}), cast.alice, key).status_code == 401


def remembered(client: Client, account: Account, agent: str = FIREFOX) -> Any:
    """Password in this browser; where it leads."""
    reply = client.post(
        at(account, "sign-in"),
        {"email": account.email, "password": PASSWORD},
        headers={"user-agent": agent, "accept": "text/html"},
    )
    assert reply.status_code == 302
    return reply["Location"]


def remembering(account: Account) -> Client:
    """A browser that was told to remember the account."""
    client = Client(headers={"accept": "text/html", "user-agent": FIREFOX})
    remembered(client, account)
    form = {"code": code_of(account), "remember": "yes"}
    assert client.post(at(account, "sign-in/factor"), form).status_code == 302
    return client


def leave(client: Client, account: Account) -> None:
    assert client.post(at(account, "sign-out")).status_code == 302


def test_a_remembered_browser_gives_the_password_alone(cast: Cast) -> None:
    alice = sign_in(cast.alice)
    client = remembering(cast.olga)  # the rules allow none: asking for it is no way to get it
    with tenant_scope(cast.tenant_a.id):
        assert not RememberedBrowser.objects.exists()
    leave(client, cast.olga)
    ruled(alice, cast, remember_days=7)
    client = remembering(cast.olga)
    with tenant_scope(cast.tenant_a.id):
        row = RememberedBrowser.objects.get()
    assert client.cookies[f"vsaas_r_{cast.tenant_a.slug}"].value.encode() not in bytes(row.token_hash)
    leave(client, cast.olga)
    factor, home = at(cast.olga, "sign-in/factor"), at(cast.olga, "")
    assert remembered(client, cast.alice) == at(cast.alice, "sign-in/factor")  # another's account
    assert remembered(client, cast.olga, "curl/8.0") == factor  # another kind of browser
    leave(client, cast.olga)
    assert remembered(client, cast.olga) in (home, at(cast.olga, "recovery-codes"))
    assert client.get(at(cast.olga, "account")).status_code == 200
    # It stands for no factor given a moment ago.
    reply = client.post(at(cast.olga, "account/tokens/new"), {"name": "x"})
    assert reply.status_code == 403
    leave(client, cast.olga)
    with later(days=8):
        assert remembered(client, cast.olga) == factor


def test_it_ends_when_forgotten_with_a_new_password_and_with_stricter_rules(cast: Cast) -> None:
    alice = sign_in(cast.alice)
    ruled(alice, cast, remember_days=7)
    factor = at(cast.olga, "sign-in/factor")
    client = remembering(cast.olga)
    leave(client, cast.olga)
    remembered(client, cast.olga)
    page = sign_in(cast.olga)
    forget = re.search(
        r'action="([^"]+/account/browsers/[^"]+)"', page.get(at(cast.olga, "account")).content.decode()
    )
    assert forget is not None
    assert alice.post(forget[1]).status_code == 404  # nobody else's to end
    assert page.post(forget[1]).status_code == 302
    assert client.get(at(cast.olga, "account")).status_code == 302  # what began by it ended with it
    assert remembered(client, cast.olga) == factor
    client = remembering(cast.olga)
    page.post(
        at(cast.olga, "account/password"),
        {"password": PASSWORD, "new_password": "walnut ferry lantern meadow"},
    )
    with tenant_scope(cast.tenant_a.id):
        cast.olga.set_password(PASSWORD)
        cast.olga.save()
    assert remembered(client, cast.olga) == factor
    client = remembering(cast.olga)
    leave(client, cast.olga)
    ruled(alice, cast, roles={"operator": {"remember_days": 0}})
    assert remembered(client, cast.olga) == factor


def test_weaker_rules_wait_for_a_second_person_where_that_is_demanded(cast: Cast) -> None:
    alice = sign_in(cast.alice)
    with tenant_scope(cast.tenant_a.id):
        second = make_account("Anna", OWNER)
        ApprovalPolicy.objects.create(roles_need_second=True)
    told = rule(alice, cast, remember_days=30)
    assert told.status_code == 200
    assert told.json()["remember_days"] == 0
    anna = sign_in(second)
    page = anna.get(at(second, "approvals")).content.decode()
    assert "Everybody: Authenticator app, Passkey, browsers remembered for 30 days" in page
    with tenant_scope(cast.tenant_a.id):
        row = ApprovalRequest.objects.get(id=told.json()["waiting"])
    form = {"code": code_of(second), "digest": bytes(row.digest).hex()}
    assert anna.post(at(second, f"approvals/{row.id}/approve"), form).status_code == 302
    assert ruled(alice, cast)["remember_days"] == 30
    assert ruled(alice, cast, remember_days=3)["remember_days"] == 3  # stricter: at once


def test_the_page_says_and_sets_the_same(cast: Cast) -> None:
    alice, path = sign_in(cast.alice), at(cast.alice, "organisation/sign-in")
    form = {"kinds": ["app", "passkey"], "remember_days": "14", "role-viewer-kinds": ["app"]}
    assert alice.post(path, form | {"role-owner-remember_days": "0"}).status_code == 302
    told = ruled(alice, cast)
    assert (told["kinds"], told["remember_days"]) == (["app", "passkey"], 14)
    assert told["roles"]["viewer"] == {"kinds": ["app"], "passwordless": None, "remember_days": None}
    assert told["roles"]["owner"]["remember_days"] == 0
    refused = alice.post(path, {"kinds": ["passkey"], "remember_days": "0"})
    assert refused.status_code == 409
    assert "You have no second factor that these rules accept" in refused.content.decode()
    assert alice.post(path, {"remember_days": "0"}).status_code == 422


@pytest.mark.parametrize(
    "changes",
    [
        {"kinds": []},
        {"kinds": ["fax"]},
        {"remember_days": -1},
        {"remember_days": 91},
        {"roles": {"king": {"kinds": ["app"]}}},
    ],
)
def test_what_makes_no_sense_is_refused(cast: Cast, changes: dict[str, Any]) -> None:
    assert rule(sign_in(cast.alice), cast, **changes).status_code == 422
