"""Approving with a passkey: what it signs is made of the very request it says yes to."""

from __future__ import annotations

import base64
import html
import re
import secrets
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tenants.permissions import OWNER
from tenants.scope import tenant_scope
from tests.accounts.test_passkeys import ORIGIN, add, at, password_given, sign_in
from tests.api_calls import problem
from tests.approvals.stage import at_the_door, decide, door, make_bound, state, the_request
from tests.approvals.test_nobody_can_approve import set_policy
from tests.authenticator import Authenticator
from tests.cast import PASSWORD, later, make_account, make_cast
from vsaas.accounts.models import Account, Passkey
from vsaas.approvals.models import ApprovalRequest

pytestmark = pytest.mark.usefixtures("database", "pages")


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The portal is reached by a name, over HTTPS."""
    monkeypatch.setattr(settings, "ENV", settings.ENV.model_copy(update={"public_url": ORIGIN}))


def challenge_for(client: Client, account: Account, covers: str) -> dict[str, Any]:
    reply = client.post(at(account, "passkey-challenge"), {"covers": covers})
    assert reply.status_code == 200, reply.content
    return dict(reply.json())


def digest_of(row: ApprovalRequest) -> str:
    return bytes(row.digest).hex()


def test_a_passkeys_answer_approves_the_request_it_was_asked_for_and_no_other() -> None:
    cast, _anna = make_bound()
    key = Authenticator(ORIGIN)
    alice = sign_in(cast.alice)
    add(alice, cast.alice, key)
    at_the_door(cast.olga)
    first = the_request(cast.olga)
    page = html.unescape(alice.get(at(cast.alice, "approvals")).content.decode())
    assert re.findall(r'data-covers="([0-9a-f]{64})"', page) == [digest_of(first)]
    for covers in ("", "00" * 32):
        answer = key.sign(challenge_for(alice, cast.alice, covers))
        reply = decide(alice, cast.alice, first.pk, code=answer, digest=digest_of(first))
        assert (reply.status_code, problem(reply)) == (422, "fresh-factor")
    options = challenge_for(alice, cast.alice, digest_of(first))
    assert len(base64.urlsafe_b64decode(options["challenge"] + "==")) == 32
    with later(seconds=2):
        answer = key.sign(options)
        reply = decide(alice, cast.alice, first.pk, code=answer, digest=digest_of(first))
    assert (reply.status_code, reply.json()["decided_by"]) == (200, "Alice"), reply.content


def test_whoever_approves_at_the_same_screen_may_use_a_passkey_made_for_that_very_request() -> None:
    cast, _anna = make_bound()
    key, unverified = Authenticator(ORIGIN), Authenticator(ORIGIN, verifies=False)
    for one in (key, unverified):
        add(sign_in(cast.alice), cast.alice, one)
    olga = at_the_door(cast.olga)
    digest = digest_of(the_request(cast.olga))
    page = html.unescape(olga.get(door(cast.olga)).content.decode())
    assert f'data-covers="{digest}"' in page
    # Nothing else may be asked for from here: the session waits.
    assert olga.post(at(cast.olga, "passkey-challenge"), {"covers": "00" * 32}).status_code == 302
    typed = {"email": cast.alice.email, "password": PASSWORD}

    def approve(authenticator: Authenticator) -> int:
        answer = authenticator.sign(challenge_for(olga, cast.olga, digest))
        return olga.post(door(cast.olga, "/here"), typed | {"code": answer}).status_code

    assert approve(unverified) == 401, "nobody showed the authenticator who they are"
    with later(seconds=5):
        stale = key.sign(challenge_for(olga, cast.olga, digest))
        challenge_for(olga, cast.olga, digest)
        assert olga.post(door(cast.olga, "/here"), typed | {"code": stale}).status_code == 401
        assert state(olga, cast.olga) == "waiting"
        assert approve(key) == 302
    assert olga.get(at(cast.olga, "account")).status_code == 200


def test_an_answer_given_to_an_approval_signs_nobody_in() -> None:
    cast, _anna = make_bound()
    key = Authenticator(ORIGIN)
    add(sign_in(cast.alice), cast.alice, key)
    door = password_given(cast.alice)
    answer = key.sign(challenge_for(door, cast.alice, "11" * 32))
    assert door.post(at(cast.alice, "sign-in/factor"), {"code": answer}).status_code == 401
    assert door.post(at(cast.alice, "passkey-challenge"), {"covers": "no digest"}).status_code == 422


def test_who_has_a_passkey_and_no_app_counts_as_somebody_who_can_approve() -> None:
    cast = make_cast()
    with tenant_scope(cast.tenant_a.id):
        anna = make_account("Anna", OWNER, factor=False)
    alice = sign_in(cast.alice)
    assert set_policy(alice, cast.alice, roles=["owner"]).status_code == 409
    with tenant_scope(cast.tenant_a.id):
        Passkey.objects.create(
            user=anna, name="Key", confirmed=True, credential_id=secrets.token_bytes(16), public_key=b"\x00"
        )
    assert set_policy(alice, cast.alice, roles=["owner"]).status_code == 200
