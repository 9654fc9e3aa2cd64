"""Codes by e-mail as a second factor, against a real SMTP server: good once, for a while, in the browser that asked; weaker
than what a person holds themselves, and treated so."""

from __future__ import annotations

import email
import html
import re
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope
from django.conf import settings
from django.test import Client

from tenants.permissions import MANAGER
from tenants.scope import tenant_scope
from tests.accounts.test_passkeys import acts_of, at, code_of, password_given, sign_in
from tests.api_calls import call, problem
from tests.approvals import stage
from tests.cast import PASSWORD, Cast, later, make_account
from tests.mail.test_sending import free_port, use
from tests.mailbox import deliver
from vsaas.accounts.models import Account, SentFactor
from vsaas.approvals.models import ApprovalRequest
from vsaas.mail.models import Message

pytestmark = pytest.mark.usefixtures("pages")
KINDS = ["app", "email-code", "passkey"]


class Mailboxes:
    """A mail server on this machine and what it took."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        self.taken.append(email.message_from_bytes(envelope.content, policy=default))
        return "250 taken"

    def code(self, account: Account) -> str:
        """The digits of the newest code an account was sent, once the worker had its turn."""
        deliver(account.tenant_id)
        newest = [mail for mail in self.taken if mail["To"] == account.email][-1]
        body = newest.get_body(("plain",))
        assert body is not None
        found = re.search(r"^\s*(\d{6})\s*$", body.get_content(), re.MULTILINE)
        assert found is not None, body.get_content()
        return found[1]


@pytest.fixture
def mail(database: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailboxes]:
    taken = Mailboxes()
    controller = Controller(taken, hostname="127.0.0.1", port=free_port())
    controller.start()
    use(monkeypatch, smtp_url=f"smtp://127.0.0.1:{controller.port}")
    yield taken
    controller.stop()


def rule(client: Client, cast: Cast, **changes: Any) -> Any:
    return call(
        None, "PATCH", "/api/v1/sign-in-rules", changes, client=client, vsaas_tenant=cast.tenant_a.slug
    )


@pytest.fixture
def alice(cast: Cast, mail: Mailboxes) -> Client:
    """Alice, signed in where codes by e-mail are accepted."""
    client = sign_in(cast.alice)
    reply = rule(client, cast, kinds=KINDS)
    assert reply.status_code == 200, reply.content
    return client


def page_of(reply: Any) -> str:
    return html.unescape(reply.content.decode())


def asked(account: Account) -> Client:
    """A browser at the door that gave the password and asked for a code."""
    door = password_given(account)
    reply = ask(door, account)
    assert (reply.status_code, reply["Location"]) == (302, at(account, "sign-in/factor")), page_of(reply)
    return door


def ask(door: Client, account: Account) -> Any:
    return door.post(at(account, "sign-in/factor"), {"code": "", "send-code": "email-code"})


def give(door: Client, account: Account, code: str) -> int:
    return door.post(at(account, "sign-in/factor"), {"code": code}).status_code


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


def test_a_code_by_mail_signs_in_once_where_the_rules_accept_it(
    cast: Cast, alice: Client, mail: Mailboxes
) -> None:
    door = password_given(cast.olga)
    assert "Code by e-mail" in page_of(door.get(at(cast.olga, "sign-in/factor")))
    door = asked(cast.olga)
    with tenant_scope(cast.tenant_a.id):
        assert SentFactor.objects.get().code_hash is None  # made when it goes out
    code = mail.code(cast.olga)
    with tenant_scope(cast.tenant_a.id):
        assert code.encode() not in bytes(SentFactor.objects.get().code_hash)
        assert all(one.sealed is None for one in Message.objects.filter(kind="sign-in-code"))
    told = page_of(door.get(at(cast.olga, "sign-in/factor")))
    assert f"A code is on its way to <bdi>{cast.olga.email}</bdi>" in told
    assert "Code that was sent to you" in told
    assert give(door, cast.olga, code) == 302
    assert door.get(at(cast.olga, "account")).status_code == 200
    said = [(act, details) for act, details in acts_of(cast.olga) if act.startswith("session.")]
    assert ("session.code-asked", {"factor": "a code sent by e-mail"}) in said
    assert ("session.signed-in", {"factor": "a code sent by e-mail"}) in said
    # The same code again, in this browser and in another.
    door.post(at(cast.olga, "sign-out"))
    door.post(at(cast.olga, "sign-in"), {"email": cast.olga.email, "password": PASSWORD})
    assert give(door, cast.olga, code) == 401


def test_it_is_offered_nowhere_else(cast: Cast, mail: Mailboxes, monkeypatch: pytest.MonkeyPatch) -> None:
    client, door = sign_in(cast.alice), password_given(cast.olga)
    assert "send-code" not in page_of(door.get(at(cast.olga, "sign-in/factor")))  # the rules do not accept it
    assert ask(door, cast.olga).status_code == 422
    assert rule(client, cast, kinds=KINDS, roles={"operator": {"kinds": ["app"]}}).status_code == 200
    assert ask(door, cast.olga).status_code == 422  # nor does the role
    assert ask(password_given(cast.bob), cast.bob).status_code == 302
    monkeypatch.setattr(settings, "ENV", settings.ENV.model_copy(update={"smtp_url": None}))
    assert ask(password_given(cast.bob), cast.bob).status_code == 422  # no mail
    assert rule(client, cast, kinds=["app"], roles={}).status_code == 200
    refused = rule(client, cast, kinds=KINDS)
    assert (refused.status_code, problem(refused)) == (422, "invalid-sign-in-rules")


def test_the_newest_alone_holds_in_the_browser_that_asked_and_one_is_sent_a_minute(
    cast: Cast, alice: Client, mail: Mailboxes
) -> None:
    first = asked(cast.olga)
    code = mail.code(cast.olga)
    stranger = password_given(cast.olga)
    assert give(stranger, cast.olga, code) == 401, "it is good in the browser that asked"
    soon = ask(stranger, cast.olga)
    assert soon.status_code == 429
    assert 0 < int(soon["Retry-After"]) <= 60
    with later(seconds=61):
        assert ask(stranger, cast.olga).status_code == 302
        newest = mail.code(cast.olga)
        assert give(first, cast.olga, code) == 401, "another was asked for since"
    with later(seconds=70):
        assert give(stranger, cast.olga, newest) == 302


def test_three_wrong_tries_or_five_minutes_end_it(cast: Cast, alice: Client, mail: Mailboxes) -> None:
    door = asked(cast.olga)
    code = mail.code(cast.olga)
    for seconds in (0, 5, 10):
        with later(seconds=seconds):
            assert give(door, cast.olga, wrong(code)) == 401
    with later(seconds=40):
        assert give(door, cast.olga, code) == 401
        assert "good no more" in page_of(door.get(at(cast.olga, "sign-in/factor")))
    with later(seconds=90):
        door = asked(cast.olga)
        late = mail.code(cast.olga)
    with later(seconds=90 + 301):
        assert give(door, cast.olga, late) == 401


def test_tries_count_where_a_refused_request_is_rolled_back(
    cast: Cast, alice: Client, mail: Mailboxes
) -> None:
    def api(path: str, **body: str) -> int:
        slug = cast.tenant_a.slug
        return call(
            None, "POST", f"/api/v1/account/{path}", body, client=alice, vsaas_tenant=slug
        ).status_code

    with later(minutes=1):
        assert api("codes", kind="email-code") == 200
        code = mail.code(cast.alice)
    for seconds in (61, 66, 71):
        with later(seconds=seconds):
            assert api("freshness", code=wrong(code)) == 422
    with later(seconds=100):
        assert api("freshness", code=code) == 422
    with later(minutes=3):
        assert api("codes", kind="email-code") == 200
        assert api("freshness", code=mail.code(cast.alice)) == 200


def test_the_organisation_says_for_how_long_it_is_good(cast: Cast, alice: Client, mail: Mailboxes) -> None:
    for minutes in (0, 11):
        assert rule(alice, cast, code_minutes=minutes).status_code == 422
    assert rule(alice, cast, code_minutes=10).json()["code_minutes"] == 10
    door = asked(cast.olga)
    code = mail.code(cast.olga)
    with later(minutes=9):
        assert give(door, cast.olga, code) == 302
    assert rule(alice, cast, roles={"viewer": {"remember_days": 0}}).status_code == 200
    said = page_of(alice.get(at(cast.alice, "audit")))
    assert "Everybody: Authenticator app, Passkey, Code by e-mail" in said
    assert "codes are good for 10 minutes" in said


def test_a_message_that_was_held_up_brings_no_code_that_is_too_late(
    cast: Cast, alice: Client, mail: Mailboxes
) -> None:
    asked(cast.olga)
    with later(minutes=6):
        deliver(cast.tenant_a.id)
    assert mail.taken == []
    with tenant_scope(cast.tenant_a.id):
        assert not Message.objects.filter(kind="sign-in-code").exists()


def test_the_app_goes_on_working_beside_it(cast: Cast, alice: Client, mail: Mailboxes) -> None:
    door = asked(cast.olga)
    code = mail.code(cast.olga)
    assert give(door, cast.olga, code_of(cast.olga)) == 302
    with later(seconds=61):
        door = asked(cast.olga)
        assert give(door, cast.olga, code) == 401


def test_it_is_a_fresh_factor_of_ones_own_and_never_approves_for_others(
    cast: Cast, alice: Client, mail: Mailboxes
) -> None:
    stepped = at(cast.alice, "organisation/sign-in")
    form = {"kinds": KINDS, "remember_days": "3"}
    with later(minutes=6):
        ask_again = alice.post(stepped, form)
        assert ask_again.status_code == 403
        sent = alice.post(stepped, form | {"fresh-code": "", "fresh-send": "email-code"})
        assert "A code is on its way" in page_of(sent)
        assert 'name="remember_days" value="3"' in sent.content.decode(), "what was typed is kept"
        assert alice.post(stepped, form | {"fresh-code": mail.code(cast.alice)}).status_code == 302
    with later(minutes=8):
        told = call(
            None,
            "POST",
            "/api/v1/account/codes",
            {"kind": "email-code"},
            client=alice,
            vsaas_tenant=cast.tenant_a.slug,
        )
        assert told.json() == {"kind": "email-code", "to": cast.alice.email, "good_minutes": 5}
        row, code = waiting_for(cast), mail.code(cast.alice)
        refused = stage.decide(alice, cast.alice, row.pk, code=code, digest=bytes(row.digest).hex())
        assert (refused.status_code, problem(refused)) == (422, "fresh-factor")
        with later(minutes=9):  # the app's: it is a person's own
            assert (
                stage.decide(
                    alice, cast.alice, row.pk, code=code_of(cast.alice), digest=bytes(row.digest).hex()
                ).status_code
                == 200
            )


def waiting_for(cast: Cast) -> ApprovalRequest:
    """Mia, whose role needs approval, waits for it."""
    with tenant_scope(cast.tenant_a.id):
        from tenants.models import OrganisationRole

        OrganisationRole.objects.create(key=MANAGER.name, needs_approval=True)
        mia = make_account("Mia", MANAGER)
    stage.at_the_door(mia)
    return stage.the_request(mia)


def test_the_mailbox_alone_never_is_both_factors(cast: Cast, alice: Client, mail: Mailboxes) -> None:
    Client().post(at(cast.olga, "forgot"), {"email": cast.olga.email})
    deliver(cast.tenant_a.id)
    body = mail.taken[-1].get_body(("plain",))
    assert body is not None
    link = re.search(r"/t/\S+/link/\S+", body.get_content())
    assert link is not None
    browser = Client(headers={"accept": "text/html"})
    browser.get(link[0])
    password = "walnut ferry lantern meadow"
    assert browser.post(at(cast.olga, "reset"), {"new_password": password}).status_code == 200
    door = Client(headers={"accept": "text/html"})
    door.post(at(cast.olga, "sign-in"), {"email": cast.olga.email, "password": password})
    assert ask(door, cast.olga).status_code == 422
    assert give(door, cast.olga, code_of(cast.olga)) == 302  # her app vouches for her
    door.post(at(cast.olga, "sign-out"))
    door.post(at(cast.olga, "sign-in"), {"email": cast.olga.email, "password": password})
    assert ask(door, cast.olga).status_code == 302
