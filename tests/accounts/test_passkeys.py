"""Passkeys, against an authenticator in software: adding, signing in with, removing; and what is refused."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django_otp.oath import TOTP

from tenants.scope import tenant_scope
from tests import cast as people
from tests.api_calls import call, problem
from tests.authenticator import Authenticator
from tests.cast import PASSWORD, Cast, later
from vsaas.accounts.models import TOTP_STEP_S, Account, Passkey, Session, TotpDevice
from vsaas.audit.models import AuditInbox
from vsaas.common import clock

ORIGIN = "https://portal.example.org:8443"

pytestmark = pytest.mark.usefixtures("pages")


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The portal is reached by a name, over HTTPS."""
    monkeypatch.setattr(settings, "ENV", settings.ENV.model_copy(update={"public_url": ORIGIN}))


def code_of(account: Account) -> str:
    """A code of the app, as if none had been taken before: these tests sign in more often than people do."""
    with tenant_scope(account.tenant_id):
        TotpDevice.objects.filter(user=account).update(last_step=-1)
    return people.code_of(account)


def sign_in(account: Account) -> Client:
    client = password_given(account)
    assert client.post(at(account, "sign-in/factor"), {"code": code_of(account)}).status_code == 302
    return client


def at(account: Account, path: str) -> str:
    with tenant_scope(account.tenant_id):
        return f"/t/{account.tenant.slug}/{path}"


def begin_adding(client: Client, account: Account) -> dict[str, Any]:
    """Password and code, then what the browser is asked to make."""
    path = at(account, "account/passkeys/new")
    assert client.get(path).status_code == 200
    reply = client.post(path, {"password": PASSWORD, "code": code_of(account)})
    assert (reply.status_code, reply["Location"]) == (302, path), reply.content.decode()
    return options_in(client.get(path))


def options_in(reply: Any) -> dict[str, Any]:
    found = re.search(r'data-new-passkey="([^"]+)"', reply.content.decode())
    assert found is not None, reply.content.decode()
    return json.loads(html.unescape(found[1]))


def add(client: Client, account: Account, key: Authenticator, name: str = "Laptop") -> Passkey:
    options = begin_adding(client, account)
    reply = client.post(at(account, "account/passkeys/new"), {"name": name, "answer": key.make(options)})
    assert (reply.status_code, reply["Location"]) == (302, at(account, "account")), reply.content.decode()
    with tenant_scope(account.tenant_id):
        return Passkey.objects.get(credential_id=key.credential_id)


def password_given(account: Account) -> Client:
    client = Client(headers={"accept": "text/html"})
    reply = client.post(at(account, "sign-in"), {"email": account.email, "password": PASSWORD})
    assert reply.status_code == 302
    return client


def challenge(client: Client, account: Account) -> dict[str, Any]:
    reply = client.post(at(account, "passkey-challenge"))
    assert reply.status_code == 200, reply.content
    return reply.json()


def give(client: Client, account: Account, answer: str) -> Any:
    return client.post(at(account, "sign-in/factor"), {"code": answer})


def acts_of(account: Account) -> list[tuple[str, dict[str, Any]]]:
    with tenant_scope(account.tenant_id):
        return list(AuditInbox.objects.order_by("id").values_list("act", "details"))


@pytest.fixture
def key(cast: Cast) -> Authenticator:
    """Alice's, added."""
    made = Authenticator(ORIGIN)
    add(sign_in(cast.alice), cast.alice, made)
    return made


def test_a_passkey_is_added_and_signs_in(cast: Cast) -> None:
    alice, key = sign_in(cast.alice), Authenticator(ORIGIN)
    other = sign_in(cast.alice)
    options = begin_adding(alice, cast.alice)
    assert options["rp"] == {"name": cast.tenant_a.name, "id": "portal.example.org"}
    assert options["attestation"] == "none"
    reply = alice.post(
        at(cast.alice, "account/passkeys/new"), {"name": "Laptop", "answer": key.make(options)}
    )
    assert reply.status_code == 302
    assert "Laptop" in alice.get(at(cast.alice, "account")).content.decode()
    assert (
        other.get(at(cast.alice, "account")).status_code == 302
    )  # other sessions end with a change of factors

    door = password_given(cast.alice)
    assert "data-passkey=" in door.get(at(cast.alice, "sign-in/factor")).content.decode()
    asked = challenge(door, cast.alice)
    assert [one["id"] for one in asked["allowCredentials"]] == [json.loads(key.sign(asked))["id"]]
    assert give(door, cast.alice, key.sign(asked)).status_code == 302
    assert door.get(at(cast.alice, "account")).status_code == 200
    assert ("session.signed-in", {"factor": "a passkey"}) in acts_of(cast.alice)
    assert "passkey.added" in [act for act, _ in acts_of(cast.alice)]


def test_it_is_added_with_password_and_a_factor_of_before_alone(cast: Cast) -> None:
    alice, key = sign_in(cast.alice), Authenticator(ORIGIN)
    path = at(cast.alice, "account/passkeys/new")
    assert "data-new-passkey" not in alice.get(path).content.decode()
    reply = alice.post(path, {"password": "wrong wrong wrong", "code": code_of(cast.alice)})
    assert reply.status_code == 422
    options = begin_adding(alice, cast.alice)
    with later(minutes=11):
        reply = alice.post(path, {"name": "Laptop", "answer": key.make(options)})
    assert reply.status_code == 422
    with tenant_scope(cast.tenant_a.id):
        assert not Passkey.objects.exists()


def test_an_answer_is_good_once_for_its_own_session_and_for_five_minutes(
    cast: Cast, key: Authenticator
) -> None:
    door, elsewhere = password_given(cast.alice), password_given(cast.alice)
    answer = key.sign(challenge(door, cast.alice))
    challenge(elsewhere, cast.alice)
    assert give(elsewhere, cast.alice, answer).status_code == 401
    assert give(door, cast.alice, answer).status_code == 302
    again = password_given(cast.alice)
    assert give(again, cast.alice, answer).status_code == 401
    late = password_given(cast.alice)
    answer = key.sign(challenge(late, cast.alice))
    with later(minutes=6):
        assert give(late, cast.alice, answer).status_code == 401
    reasons = [details["reason"] for act, details in acts_of(cast.alice) if act == "passkey.refused"]
    assert len(reasons) == 3


@pytest.mark.parametrize(
    "origin", ["https://portal.example.org", "http://portal.example.org:8443", "https://evil.example"]
)
def test_a_passkey_of_another_origin_is_refused_and_noted(
    cast: Cast, key: Authenticator, origin: str
) -> None:
    door = password_given(cast.alice)
    key.origin = origin
    assert give(door, cast.alice, key.sign(challenge(door, cast.alice))).status_code == 401
    reasons = [details["reason"] for act, details in acts_of(cast.alice) if act == "passkey.refused"]
    assert len(reasons) == 1
    assert origin in reasons[0]
    key.origin = ORIGIN  # the reason taken away
    assert give(door, cast.alice, key.sign(challenge(door, cast.alice))).status_code == 302


def test_an_answer_for_another_party_or_with_a_changed_byte_is_refused(
    cast: Cast, key: Authenticator
) -> None:
    door = password_given(cast.alice)
    answer = key.sign(challenge(door, cast.alice), rp_id="evil.example")
    assert give(door, cast.alice, answer).status_code == 401
    answer = json.loads(key.sign(challenge(door, cast.alice)))
    signature = answer["response"]["signature"]
    answer["response"]["signature"] = signature[:-4] + ("AAAA" if signature[-4:] != "AAAA" else "BBBB")
    assert give(door, cast.alice, json.dumps(answer)).status_code == 401


@pytest.mark.parametrize(
    "answer", ["{", "{}", '{"rawId": 1}', '{"rawId": "!", "response": {}}', '{"a":' * 1500]
)
def test_what_is_no_answer_is_refused(cast: Cast, key: Authenticator, answer: str) -> None:
    door = password_given(cast.alice)
    challenge(door, cast.alice)
    assert give(door, cast.alice, answer).status_code == 401


def test_a_counter_that_goes_back_is_refused_and_noted(cast: Cast, key: Authenticator) -> None:
    for _once in range(2):
        door = password_given(cast.alice)
        assert give(door, cast.alice, key.sign(challenge(door, cast.alice))).status_code == 302
    key.count = 0
    door = password_given(cast.alice)
    assert give(door, cast.alice, key.sign(challenge(door, cast.alice))).status_code == 401
    assert "passkey.copied" in [act for act, _ in acts_of(cast.alice)]


def test_somebody_elses_passkey_is_no_factor_of_mine(cast: Cast, key: Authenticator) -> None:
    door = password_given(cast.olga)
    assert "data-passkey=" not in door.get(at(cast.olga, "sign-in/factor")).content.decode()
    assert give(door, cast.olga, key.sign(challenge(door, cast.olga))).status_code == 401
    stranger = password_given(cast.charlie)
    assert give(stranger, cast.charlie, key.sign(challenge(stranger, cast.charlie))).status_code == 401


def test_nobody_is_asked_for_a_passkey_before_the_password(cast: Cast, key: Authenticator) -> None:
    reply = Client().post(at(cast.alice, "passkey-challenge"))
    assert reply.status_code == 401


def test_it_confirms_changes_of_ones_own_and_is_removed_by_itself(cast: Cast, key: Authenticator) -> None:
    alice, other = password_given(cast.alice), sign_in(cast.alice)
    assert give(alice, cast.alice, key.sign(challenge(alice, cast.alice))).status_code == 302
    with tenant_scope(cast.tenant_a.id):
        passkey = Passkey.objects.get()
    path = at(cast.alice, f"account/passkeys/{passkey.id}")
    assert alice.post(path, {"name": "Key ring"}).status_code == 302
    assert alice.post(path + "/remove", {"password": PASSWORD, "code": "000000"}).status_code == 422
    answer = key.sign(challenge(alice, cast.alice))
    reply = alice.post(path + "/remove", {"password": PASSWORD, "code": answer})
    assert reply.status_code == 302, reply.content.decode()
    assert alice.get(at(cast.alice, "account")).status_code == 200  # this session goes on, on what is left
    assert other.get(at(cast.alice, "account")).status_code == 302
    assert alice.get(path).status_code == 404
    with tenant_scope(cast.tenant_a.id):
        assert not Passkey.objects.exists()
        assert Session.objects.filter(account=cast.alice).count() == 1


def test_another_persons_passkey_is_not_found(cast: Cast, key: Authenticator) -> None:
    with tenant_scope(cast.tenant_a.id):
        passkey = Passkey.objects.get()
    for account in (cast.olga, cast.charlie):
        client = sign_in(account)
        for rest in ("", "/remove"):
            path = at(account, f"account/passkeys/{passkey.id}{rest}")
            assert client.get(path).status_code == 404
            assert client.post(path, {"name": "Mine", "password": PASSWORD}).status_code == 404


def test_where_browsers_make_none_nothing_is_offered(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = sign_in(cast.alice)
    assert "account/passkeys/new" in alice.get(at(cast.alice, "account")).content.decode()
    for address in ("http://127.0.0.1:8400", "https://192.0.2.1", "http://portal.example.org"):
        monkeypatch.setattr(settings, "ENV", settings.ENV.model_copy(update={"public_url": address}))
        assert "passkey" not in alice.get(at(cast.alice, "account")).content.decode().lower()
        assert alice.get(at(cast.alice, "account/passkeys/new")).status_code == 404


def test_a_lost_factor_takes_passkeys_along(cast: Cast, key: Authenticator) -> None:
    """The owners' link stands in for whatever was lost."""
    mine = Authenticator(ORIGIN)
    add(sign_in(cast.olga), cast.olga, mine)
    owner = sign_in(cast.alice)
    reply = owner.post(at(cast.alice, f"people/{cast.olga.id}/factor"))
    link = re.search(r"/setup/[\w-]+", reply.content.decode())
    assert link is not None, reply.content.decode()
    client = Client(headers={"accept": "text/html"})
    assert client.post(link[0], {"password": PASSWORD}).status_code == 302
    client.get(link[0])
    assert client.post(link[0], {"code": code_of_new(cast.olga)}).status_code == 302
    with tenant_scope(cast.tenant_a.id):
        assert list(Passkey.objects.values_list("user__name", flat=True)) == ["Alice"]


def code_of_new(account: Account) -> str:
    """What the app being set up shows."""
    with tenant_scope(account.tenant_id):
        device = TotpDevice.objects.get(user=account, confirmed=False)
    totp = TOTP(device.secret, TOTP_STEP_S)
    totp.time = clock.now().timestamp()
    return f"{totp.token():06d}"


def test_programs_list_rename_and_remove_them(cast: Cast, key: Authenticator) -> None:
    alice, slug = sign_in(cast.alice), cast.tenant_a.slug

    def ask(method: str, path: str, body: Any = None) -> Any:
        return call(None, method, f"/api/v1/account/passkeys{path}", body, client=alice, vsaas_tenant=slug)

    (listed,) = ask("GET", "").json()["items"]
    assert (listed["name"], listed["last_used_us"]) == ("Laptop", None)
    one = f"/{listed['id']}"
    assert ask("PATCH", one, {"name": "Key ring"}).json()["name"] == "Key ring"
    wrong = ask("POST", f"{one}/removal", {"password": "wrong wrong wrong", "code": code_of(cast.alice)})
    assert wrong.status_code == 422
    stale = ask("POST", f"{one}/removal", {"password": PASSWORD, "code": "000000"})
    assert problem(stale) == "fresh-factor"
    answer = key.sign(challenge(alice, cast.alice))
    assert ask("POST", f"{one}/removal", {"password": PASSWORD, "code": answer}).status_code == 200
    assert ask("GET", "").json()["items"] == []
    assert ask("PATCH", one, {"name": "Gone"}).status_code == 404
