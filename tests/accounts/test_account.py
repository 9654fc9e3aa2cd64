"""My account: what a stolen session cannot do, and what ends with what."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from tenants.scope import tenant_scope
from tests.accounts.test_set_up import code_on
from tests.cast import PASSWORD, Cast, code_of, later
from vsaas.accounts.models import Account, RecoveryCode, Session, TotpDevice
from vsaas.accounts.user_agents import device_words
from vsaas.audit.models import AuditInbox
from vsaas.common import clock

pytestmark = pytest.mark.usefixtures("pages")

NEW_PASSWORD = "walnut ferry lantern meadow"
CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)


def at(cast: Cast, rest: str) -> str:
    return f"/t/{cast.tenant_a.slug}/{rest}"


def text_of(reply: HttpResponse) -> str:
    return html.unescape(reply.content.decode())


def api(client: Client, cast: Cast, method: str, rest: str, body: Any = None) -> HttpResponse:
    headers = {"VSaaS-Tenant": cast.tenant_a.slug, "accept": "application/json"}
    payload = b"" if body is None else json.dumps(body)
    return client.generic(
        method, f"/api/v1/{rest}", payload, content_type="application/json", headers=headers
    )


def signed_in(client: Client, cast: Cast) -> bool:
    return client.get(at(cast, "account")).status_code == 200


def acts(cast: Cast) -> list[str]:
    with tenant_scope(cast.tenant_a.id):
        return list(AuditInbox.objects.order_by("id").values_list("act", flat=True))


@pytest.fixture
def bob(cast: Cast, client_for: Any) -> Client:
    return client_for(cast.bob)


def test_the_name_is_changed_and_both_are_on_record(cast, bob):
    assert bob.post(at(cast, "account"), {"name": "Robert"}).status_code == 302
    text = text_of(bob.get(at(cast, "account")))
    assert 'value="Robert"' in text
    assert "Robert is called Robert now; before: Bob" in text
    reply = bob.post(at(cast, "account"), {"name": ""})
    assert (reply.status_code, "required" in text_of(reply)) == (422, True)


def test_a_new_password_needs_the_old_one_and_ends_all_other_sessions(cast, bob, client_for):
    other = client_for(cast.bob)
    reply = bob.post(at(cast, "account/password"), {"password": PASSWORD, "new_password": NEW_PASSWORD})
    assert reply["Location"] == at(cast, "account")
    assert "1 other session ended" in text_of(bob.get(at(cast, "account")))
    assert not signed_in(other, cast)
    with tenant_scope(cast.tenant_a.id):
        assert Session.objects.filter(account=cast.bob).count() == 1
        assert Account.objects.get(pk=cast.bob.pk).check_password(NEW_PASSWORD)
    assert "account.password-changed" in acts(cast)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"password": "wrong wrong wrong", "new_password": NEW_PASSWORD}, "This is not your password"),
        ({"password": PASSWORD, "new_password": "short"}, "12 characters"),
        ({"password": PASSWORD, "new_password": "Bob Bob Bob Bob"}, "easy to guess"),
        ({"password": "", "new_password": NEW_PASSWORD}, "required"),
    ],
)
def test_a_wrong_password_form_says_where_and_changes_nothing(cast, bob, fields, says):
    reply = bob.post(at(cast, "account/password"), fields)
    text = text_of(reply)
    assert (reply.status_code, says in text) == (422, True)
    assert PASSWORD not in text
    with tenant_scope(cast.tenant_a.id):
        assert Account.objects.get(pk=cast.bob.pk).check_password(PASSWORD)
    assert signed_in(bob, cast)


def test_a_stolen_session_is_no_way_to_guess_the_password(cast, bob):
    with clock.stopped():
        statuses = [
            bob.post(
                at(cast, "account/password"), {"password": f"guess {n}", "new_password": NEW_PASSWORD}
            ).status_code
            for n in range(6)
        ]
        # At the door the same browser goes on counting; others there are not kept waiting by it.
        same, other = (Client(headers={"accept": "text/html"}) for _ in range(2))
        name = f"vsaas_d_{cast.tenant_a.slug}"
        same.cookies[name] = bob.cookies[name].value
        fields = {"email": cast.bob.email, "password": PASSWORD}
        at_the_door = [client.post(at(cast, "sign-in"), fields).status_code for client in (same, other)]
    assert statuses == [422] * 5 + [429]
    assert at_the_door == [429, 302]
    assert acts(cast).count("account.confirming-refused") == 5


def test_another_authenticator_app_needs_password_and_code_and_replaces_the_old_one(cast, bob, client_for):
    other = client_for(cast.bob)
    page = at(cast, "account/factor")
    assert "data-totp-secret" not in bob.get(page).content.decode()
    assert bob.post(page, {"password": "wrong wrong wrong", "code": "000000"}).status_code == 422
    with later(seconds=90):
        old_code = code_of(cast.bob)
        assert bob.post(page, {"password": PASSWORD, "code": old_code}).status_code == 302
        shown = bob.get(page).content.decode()
        assert bob.post(page, {"code": "000000"}).status_code == 422
    with later(seconds=120):
        reply = bob.post(page, {"code": code_on(shown)})
        assert reply["Location"] == at(cast, "recovery-codes")
        assert len(re.findall(r"<li>[A-Z2-7-]{29}</li>", text_of(bob.get(reply["Location"])))) == 10
        assert signed_in(bob, cast)
        assert not signed_in(other, cast)
    with tenant_scope(cast.tenant_a.id):
        assert TotpDevice.objects.filter(user=cast.bob).count() == 1
    assert "account.factor-changed" in acts(cast)


def test_showing_that_it_is_oneself_lasts_ten_minutes(cast, bob):
    page = at(cast, "account/factor")
    bob.post(page, {"password": PASSWORD, "code": code_of(cast.bob)})
    assert "data-totp-secret" in bob.get(page).content.decode()
    with later(minutes=11):
        assert "data-totp-secret" not in bob.get(page).content.decode()


def test_new_recovery_codes_replace_the_old_and_the_session_goes_on(cast, bob):
    page = at(cast, "account/recovery-codes")
    reply = bob.post(page, {"password": PASSWORD, "code": code_of(cast.bob)})
    codes = re.findall(r"<li>([A-Z2-7-]{29})</li>", text_of(bob.get(reply["Location"])))
    bob.post(at(cast, "recovery-codes"))
    client = Client(headers={"accept": "text/html"})
    client.post(at(cast, "sign-in"), {"email": cast.bob.email, "password": PASSWORD})
    assert client.post(at(cast, "sign-in/factor"), {"code": codes[0]}).status_code == 302
    assert "9 left" in text_of(client.get(at(cast, "account")))
    # Signed in by a recovery code: making new ones by another must not sign out who makes them.
    reply = client.post(page, {"password": PASSWORD, "code": codes[1]})
    assert reply["Location"] == at(cast, "recovery-codes")
    assert signed_in(client, cast)
    with tenant_scope(cast.tenant_a.id):
        assert RecoveryCode.objects.filter(device__user=cast.bob).count() == 10


def test_sessions_are_listed_with_this_one_marked_and_ended_one_by_one_or_all(cast, client_for):
    here = client_for(cast.bob)
    phone = Client(headers={"accept": "text/html", "user-agent": CHROME}, REMOTE_ADDR="198.51.100.9")
    phone.post(at(cast, "sign-in"), {"email": cast.bob.email, "password": PASSWORD})
    phone.post(at(cast, "sign-in/factor"), {"code": code_of(cast.bob)})
    half = Client(headers={"accept": "text/html"})
    half.post(at(cast, "sign-in"), {"email": cast.bob.email, "password": PASSWORD})
    text = text_of(here.get(at(cast, "account")))
    assert "Chrome on Linux" in text
    assert "198.51.100.9" in text
    assert text.count("This one") == 1
    assert "Second factor not given" in text
    rows = api(here, cast, "GET", "sessions").json()["items"]
    assert [row["this"] for row in rows].count(True) == 1
    (theirs,) = [row for row in rows if row["device"] == "Chrome on Linux"]
    assert here.post(at(cast, f"account/sessions/{theirs['id']}")).status_code == 302
    assert not signed_in(phone, cast)
    assert here.post(at(cast, f"account/sessions/{theirs['id']}")).status_code == 404
    assert api(here, cast, "DELETE", "sessions").json() == {"ended": 1}
    assert signed_in(here, cast)
    assert half.get(at(cast, "sign-in/factor")).status_code == 302
    (mine,) = api(here, cast, "GET", "sessions").json()["items"]
    assert api(here, cast, "DELETE", f"sessions/{mine['id']}").status_code == 204
    assert not signed_in(here, cast)


def test_nobody_ends_the_session_of_somebody_else(cast, bob, client_for):
    alice = client_for(cast.alice)
    with tenant_scope(cast.tenant_a.id):
        hers = Session.objects.get(account=cast.alice)
    assert bob.post(at(cast, f"account/sessions/{hers.id}")).status_code == 404
    assert api(bob, cast, "DELETE", f"sessions/{hers.id}").status_code == 404
    assert signed_in(alice, cast)


def test_programs_change_name_and_password_too(cast, bob):
    assert api(bob, cast, "PATCH", "account", {"name": "Rob"}).json()["name"] == "Rob"
    told = api(bob, cast, "GET", "account").json()
    (grant,) = told["grants"]
    assert (grant["role"], grant["site"], grant["denies"]) == ("viewer", str(cast.site_a.id), False)
    assert "camera:live" in told["permissions"]
    body = {"password": "wrong wrong wrong", "new_password": NEW_PASSWORD}
    wrong = api(bob, cast, "POST", "account/password", body)
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "password")
    weak = api(bob, cast, "POST", "account/password", {"password": PASSWORD, "new_password": "short"})
    assert (weak.status_code, weak.json()["errors"][0]["field"]) == (422, "new_password")
    body = {"password": PASSWORD, "new_password": NEW_PASSWORD}
    assert api(bob, cast, "POST", "account/password", body).json() == {"sessions_ended": 0}
    assert signed_in(bob, cast)


def test_last_seen_outlives_the_session(cast, bob):
    with later(minutes=5):
        assert signed_in(bob, cast)
        bob.post(at(cast, "sign-out"))
        seen_at = clock.now()
    with tenant_scope(cast.tenant_a.id):
        assert not Session.objects.filter(account=cast.bob).exists()
        last = Account.objects.get(pk=cast.bob.pk).last_seen_at
    assert abs((seen_at - last).total_seconds()) < 30


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (CHROME, "Chrome on Linux"),
        (
            CHROME.replace("X11; Linux x86_64", "Windows NT 10.0; Win64; x64") + " Edg/156.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:148.0) Gecko/20100101 Firefox/148.0",
            "Firefox on macOS",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/19.0 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        ("curl/8.9.1", "curl"),
        ("", "an unknown device"),
        ("<script>alert(1)</script>", "an unknown device"),
    ],
)
def test_a_session_is_named_so_that_a_person_recognises_it(said, words):
    assert device_words(said) == words
