"""Accounts by mail: a forgotten password, another address, closing, devices; nothing tells whether an account exists."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tenants.permissions import OWNER
from tenants.scope import platform_scope, tenant_scope
from tests import mailbox
from tests.api_calls import call, problem
from tests.cast import PASSWORD, Cast, code_of, later, make_account, make_token
from vsaas.accounts import throttle
from vsaas.accounts.models import AccessToken, Account, AccountLink, Passkey, RecoverySet, Session
from vsaas.accounts.tasks import remove_ended
from vsaas.audit.models import AuditInbox
from vsaas.mail.models import Message, PlatformMessage

pytestmark = pytest.mark.usefixtures("pages")

NEW_PASSWORD = "walnut ferry lantern meadow"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile/15E148 Safari/604.1"


def at(cast: Cast, rest: str) -> str:
    return f"/t/{cast.tenant_a.slug}/{rest}"


def text_of(reply: HttpResponse) -> str:
    return html.unescape(reply.content.decode())


def browser(**extra: Any) -> Client:
    return Client(headers={"accept": "text/html"}, **extra)


def acts(cast: Cast) -> list[str]:
    with tenant_scope(cast.tenant_a.id):
        return list(AuditInbox.objects.order_by("id").values_list("act", flat=True))


def ask(cast: Cast, email: str, client: Client | None = None) -> HttpResponse:
    return (client or browser()).post(at(cast, "forgot"), {"email": email})


def opened(cast: Cast, to: str, kind: str) -> tuple[Client, str]:
    """A fresh browser in which the newest link was opened, and the page it led to."""
    client = browser()
    reply = client.get(mailbox.link_to(cast.tenant_a.id, to, kind))
    assert reply.status_code == 302, reply.content
    assert reply["Referrer-Policy"] == "no-referrer"
    return client, reply["Location"]


def signs_in(cast: Cast, email: str, password: str) -> bool:
    reply = browser().post(at(cast, "sign-in"), {"email": email, "password": password})
    return reply.status_code == 302


# ---- a forgotten password


def test_a_forgotten_password_is_set_anew_by_a_link_and_the_second_factor_is_still_asked_for(
    cast: Cast, client_for: Any
) -> None:
    elsewhere = client_for(cast.alice)
    assert ask(cast, "ALICE@example.org").status_code == 200
    client, page = opened(cast, cast.alice.email, "password-reset")
    assert page == at(cast, "reset")
    assert client.post(page, {"new_password": "alice@example.org"}).status_code == 422
    reply = client.post(page, {"new_password": NEW_PASSWORD})
    assert "Your new password is set" in text_of(reply)
    assert elsewhere.get(at(cast, "account")).status_code == 302, "all sessions ended"
    assert not signs_in(cast, cast.alice.email, PASSWORD)
    reply = browser().post(at(cast, "sign-in"), {"email": cast.alice.email, "password": NEW_PASSWORD})
    assert reply["Location"] == at(cast, "sign-in/factor")
    assert {"account.reset-asked", "account.password-reset"} <= set(acts(cast))
    assert "by a link" in mailbox.letters(cast.tenant_a.id, cast.alice.email, "password-changed")[0].lines[1]


def test_a_reset_link_works_once_within_the_hour_and_the_newest_alone(cast: Cast) -> None:
    email = cast.alice.email
    ask(cast, email)
    first = mailbox.link_to(cast.tenant_a.id, email, "password-reset")
    ask(cast, email)
    client, page = opened(cast, email, "password-reset")
    assert browser().get(first).status_code == 410
    assert client.post(page, {"new_password": NEW_PASSWORD}).status_code == 200
    assert browser().get(mailbox.link_to(cast.tenant_a.id, email, "password-reset")).status_code == 410
    assert client.post(page, {"new_password": "another of these words 9"}).status_code == 410
    ask(cast, email)
    link = mailbox.link_to(cast.tenant_a.id, email, "password-reset")
    with later(minutes=61):
        assert browser().get(link).status_code == 410


def test_of_a_reset_link_only_the_hash_is_kept(cast: Cast) -> None:
    ask(cast, cast.alice.email)
    token = mailbox.link_to(cast.tenant_a.id, cast.alice.email, "password-reset").rsplit("/", 1)[1]
    with tenant_scope(cast.tenant_a.id):
        link = AccountLink.objects.get()
    assert token.encode() not in bytes(link.token_hash)
    assert len(bytes(link.token_hash)) == 32


@pytest.mark.parametrize("who", ["unknown", "of another organisation", "deactivated"])
def test_asking_says_and_does_the_same_whether_an_account_exists(cast: Cast, who: str) -> None:
    other = {"unknown": "nobody@example.org", "of another organisation": cast.charlie.email}.get(
        who, cast.olga.email
    )
    with tenant_scope(cast.tenant_a.id):
        Account.objects.filter(pk=cast.olga.pk).update(is_active=False)
    replies, counts = [], []
    for email in (cast.alice.email, other):
        with CaptureQueriesContext(connection) as queries:
            reply = ask(cast, email)
        counts.append([re.sub(r"'[^']*'|\d+", "?", one["sql"])[:60] for one in queries.captured_queries])
        replies.append((reply.status_code, re.sub("[a-f0-9]{20,}|" + re.escape(email), "", text_of(reply))))
    assert replies[0][0] == replies[1][0] == 200
    assert counts[0] == counts[1], "the same statements"
    with tenant_scope(cast.tenant_a.id):
        assert set(Message.objects.values_list("to", flat=True)) == {cast.alice.email, other}
    assert mailbox.letters(cast.tenant_a.id, other) == []
    with tenant_scope(cast.tenant_a.id):
        assert not Message.objects.filter(to=other).exists(), "nothing is left of it"
    assert len(mailbox.letters(cast.tenant_a.id, cast.alice.email)) == 1


def test_nobody_is_flooded_and_nobody_learns_that(cast: Cast) -> None:
    statuses = {
        ask(cast, cast.alice.email, browser(REMOTE_ADDR=f"192.0.2.{n}")).status_code for n in range(8)
    }
    assert statuses == {200}
    assert len(mailbox.letters(cast.tenant_a.id, cast.alice.email)) == throttle.RESET_ADDRESS.free
    client = browser(REMOTE_ADDR="192.0.2.99")
    asked = [
        ask(cast, f"n{n}@example.org", client).status_code for n in range(throttle.RESET_NETWORK.free + 1)
    ]
    assert asked[-1] == 429
    assert set(asked[:-1]) == {200}


def test_a_reset_link_of_one_organisation_opens_nothing_in_another(cast: Cast) -> None:
    ask(cast, cast.alice.email)
    link = mailbox.link_to(cast.tenant_a.id, cast.alice.email, "password-reset")
    assert browser().get(link.replace(cast.tenant_a.slug, cast.tenant_b.slug)).status_code == 404
    # What one browser opened, another does not hold.
    assert browser().get(at(cast, "reset")).status_code == 410


def test_a_changed_password_closes_reset_links_and_is_announced(cast: Cast, client_for: Any) -> None:
    client = client_for(cast.alice)
    ask(cast, cast.alice.email)
    link = mailbox.link_to(cast.tenant_a.id, cast.alice.email, "password-reset")
    client.post(at(cast, "account/password"), {"password": PASSWORD, "new_password": NEW_PASSWORD})
    assert browser().get(link).status_code == 410
    assert len(mailbox.letters(cast.tenant_a.id, cast.alice.email, "password-changed")) == 1


# ---- another address


def ask_for_address(client: Client, cast: Cast, email: str, account: Account, **other: str) -> HttpResponse:
    fields = {"email": email, "password": PASSWORD, "code": code_of(account)} | other
    return client.post(at(cast, "account/email"), fields)


def test_another_address_takes_password_code_and_a_link_to_it(cast: Cast, client_for: Any) -> None:
    client = client_for(cast.alice)
    assert ask_for_address(client, cast, "new@example.org", cast.alice, password="wrong").status_code == 422
    assert ask_for_address(client, cast, "new@example.org", cast.alice).status_code == 302
    assert signs_in(cast, cast.alice.email, PASSWORD), "nothing changes before the link is opened"
    browser_of_link, page = opened(cast, "new@example.org", "email-change")
    assert signs_in(cast, cast.alice.email, PASSWORD), "opening it is not enough: mail scanners do"
    assert "Your address is changed" in text_of(browser_of_link.post(page))
    assert (signs_in(cast, cast.alice.email, PASSWORD), signs_in(cast, "new@example.org", PASSWORD)) == (
        False,
        True,
    )
    assert client.get(at(cast, "account")).status_code == 200
    (told,) = mailbox.letters(cast.tenant_a.id, cast.alice.email, "email-changed")
    assert "new@example.org" in told.lines[1]


def change_address(cast: Cast, client: Client, email: str, account: Account) -> None:
    assert ask_for_address(client, cast, email, account).status_code == 302
    other, page = opened(cast, email, "email-change")
    assert other.post(page).status_code == 200


def test_this_was_not_me_undoes_the_change_even_of_a_thief_who_changed_it_twice(
    cast: Cast, client_for: Any
) -> None:
    thief, email = client_for(cast.alice), cast.alice.email
    make_token(cast.alice)
    with tenant_scope(cast.tenant_a.id):
        Passkey.objects.create(
            user=cast.alice,
            name="The thief's",
            confirmed=True,
            credential_id=b"thief",
            public_key=b"key",
            sign_count=0,
        )
    change_address(cast, thief, "thief1@example.org", cast.alice)
    with later(minutes=2):
        change_address(cast, thief, "thief2@example.org", cast.alice)
        # The thief cannot take the first owner's link away by saying the same of the second change.
        other, page = opened(cast, "thief1@example.org", "email-changed")
        assert other.post(page).status_code == 200
    with later(days=6):
        mine, page = opened(cast, email, "email-changed")
        assert "The change is undone" in text_of(mine.post(page))
        assert not signs_in(cast, email, PASSWORD), "the thief knew it"
        with tenant_scope(cast.tenant_a.id):
            assert Account.objects.get(pk=cast.alice.pk).email == email
            assert not Session.objects.filter(account=cast.alice).exists()
            assert not AccessToken.objects.filter(account=cast.alice, revoked_at=None).exists()
            assert not Passkey.objects.filter(user=cast.alice).exists()
        client, page = opened(cast, email, "password-reset")
        assert client.post(page, {"new_password": NEW_PASSWORD}).status_code == 200
        assert signs_in(cast, email, NEW_PASSWORD)
    assert "account.email-undone" in acts(cast)


def test_this_was_not_me_works_for_seven_days(cast: Cast, client_for: Any) -> None:
    change_address(cast, client_for(cast.alice), "new@example.org", cast.alice)
    link = mailbox.link_to(cast.tenant_a.id, cast.alice.email, "email-changed")
    with later(days=7, minutes=1):
        assert browser().get(link).status_code == 410


def test_a_colleagues_address_is_answered_alike_and_told_to_that_address_alone(
    cast: Cast, client_for: Any
) -> None:
    reply = ask_for_address(client_for(cast.bob), cast, cast.olga.email, cast.bob)
    assert reply.status_code == 302
    (told,) = mailbox.letters(cast.tenant_a.id, cast.olga.email, "email-change")
    assert told.button is None
    assert "already" in told.subject


def test_two_who_ask_for_one_address_do_not_both_get_it(cast: Cast, client_for: Any) -> None:
    for account in (cast.alice, cast.olga):
        assert ask_for_address(client_for(account), cast, "shared@example.org", account).status_code == 302
    links = [one.button[1] for one in mailbox.letters(cast.tenant_a.id, "shared@example.org") if one.button]
    statuses = []
    for link in links:
        client = browser()
        statuses.append(
            client.post(client.get(link.removeprefix("http://127.0.0.1:8400"))["Location"]).status_code
        )
    assert statuses == [200, 409]


# ---- closing


def test_an_account_is_closed_by_its_person_with_password_and_code(cast: Cast, client_for: Any) -> None:
    client = client_for(cast.bob)
    fields = {"password": PASSWORD, "code": code_of(cast.bob)}
    assert client.post(at(cast, "account/close"), fields | {"password": "wrong"}).status_code == 422
    assert "Your account is closed" in text_of(client.post(at(cast, "account/close"), fields))
    assert client.get(at(cast, "account")).status_code == 302
    assert not signs_in(cast, cast.bob.email, PASSWORD)
    with tenant_scope(cast.tenant_a.id):
        assert not Account.objects.filter(pk=cast.bob.pk).exists()
        closed = AuditInbox.objects.get(act="account.closed")
    assert closed.details == {"email": "bob@example.org", "before": "Viewer of Gate"}
    assert len(mailbox.letters(cast.tenant_a.id, cast.bob.email, "account-closed")) == 1


def test_the_last_owner_cannot_close_the_account(cast: Cast, client_for: Any) -> None:
    client = client_for(cast.alice)
    assert "only owner" in text_of(client.get(at(cast, "account/close")))
    fields = {"password": PASSWORD, "code": code_of(cast.alice)}
    assert client.post(at(cast, "account/close"), fields).status_code == 409
    with tenant_scope(cast.tenant_a.id):
        make_account("Oscar", OWNER)
    with later(minutes=2):
        reply = client.post(at(cast, "account/close"), {"password": PASSWORD, "code": code_of(cast.alice)})
    assert reply.status_code == 200


def test_programs_change_the_address_and_close_the_account_with_password_and_code(
    cast: Cast, client_for: Any
) -> None:
    client = client_for(cast.bob)

    def send(path: str, **fields: str) -> Any:
        return call(
            None, "POST", f"/api/v1/account/{path}", fields, client=client, vsaas_tenant=cast.tenant_a.slug
        )

    assert problem(send("email", email="x@example.org", password="wrong", code="1")) == "invalid-fields"
    assert problem(send("closure", password=PASSWORD, code="000000")) == "fresh-factor"
    asked = send("email", email="rob@example.org", password=PASSWORD, code=code_of(cast.bob))
    assert (asked.status_code, asked.json()) == (202, {"email": "rob@example.org"})
    other, page = opened(cast, "rob@example.org", "email-change")
    assert other.post(page).status_code == 200
    with later(minutes=2):
        assert send("closure", password=PASSWORD, code=code_of(cast.bob)).status_code == 204
    with tenant_scope(cast.tenant_a.id):
        assert not Account.objects.filter(pk=cast.bob.pk).exists()
    assert send("closure", password=PASSWORD, code="000000").status_code == 401
    assert {"account.email-changed", "account.closed"} <= set(acts(cast))


# ---- where one signs in


def test_where_one_signs_in_is_told_by_mail_alone(cast: Cast) -> None:
    """One address with accounts in two organisations, another with none."""
    email = f"twice-{cast.tenant_a.slug}@example.org"
    for tenant in (cast.tenant_a, cast.tenant_b):
        with tenant_scope(tenant.id):
            make_account("Twice", email=email)
    pages = []
    for address in (email, f"none-{cast.tenant_a.slug}@example.org"):
        reply = browser(REMOTE_ADDR="192.0.2.77").post("/find-sign-in", {"email": address})
        assert reply.status_code == 200
        pages.append(text_of(reply).replace(address, ""))
        assert cast.tenant_a.slug not in pages[-1]
    assert pages[0] == pages[1]
    (told,) = mailbox.letters(None, email)
    for tenant in (cast.tenant_a, cast.tenant_b):
        assert any(f"/t/{tenant.slug}/sign-in" in line for line in told.lines)
    with platform_scope("mail"):
        assert not PlatformMessage.objects.filter(to__startswith="none-" + cast.tenant_a.slug).exists()


# ---- devices


def sign_in_on(cast: Cast, account: Account, agent: str, address: str = "192.0.2.5") -> None:
    client = Client(headers={"accept": "text/html", "user-agent": agent}, REMOTE_ADDR=address)
    client.post(at(cast, "sign-in"), {"email": account.email, "password": PASSWORD})
    assert client.post(at(cast, "sign-in/factor"), {"code": code_of(account)}).status_code == 302


def announced(cast: Cast, account: Account) -> list[str]:
    return [
        one.subject.split(": ")[-1] for one in mailbox.letters(cast.tenant_a.id, account.email, "new-device")
    ]


def test_a_new_device_is_announced_by_mail_and_a_known_one_is_not(cast: Cast) -> None:
    account = cast.alice
    sign_in_on(cast, account, FIREFOX)
    assert announced(cast, account) == [], "the first one is the person's own"
    with later(minutes=2):
        sign_in_on(cast, account, SAFARI)
        assert announced(cast, account) == ["Safari on iPhone"]
        sign_in_on(cast, account, FIREFOX, "192.0.77.9")  # another address of the same part of the internet
    with later(minutes=4):
        sign_in_on(cast, account, SAFARI)
        assert announced(cast, account) == ["Safari on iPhone"]
        sign_in_on(cast, account, FIREFOX, "198.51.100.4")
        assert announced(cast, account) == ["Safari on iPhone", "Firefox on Linux"]
    with later(days=91):
        remove_ended()
        sign_in_on(cast, account, FIREFOX)
    assert len(announced(cast, account)) == 2, "after 90 days nothing is known, and the first is no news"


def test_a_new_second_factor_is_announced(cast: Cast, client_for: Any) -> None:
    from tests.accounts.test_set_up import code_on

    client = client_for(cast.alice)
    page = at(cast, "account/factor")
    client.post(page, {"password": PASSWORD, "code": code_of(cast.alice)})
    reply = client.get(page)
    assert client.post(page, {"code": code_on(text_of(reply))}).status_code == 302
    assert len(mailbox.letters(cast.tenant_a.id, cast.alice.email, "factor-changed")) == 1
    with tenant_scope(cast.tenant_a.id):
        assert RecoverySet.objects.filter(user=cast.alice).exists()
