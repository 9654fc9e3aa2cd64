"""Guessing is slowed down, never a person: what others try does not keep anybody out of their own account."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest
from django.test import Client

from tenants.scope import tenant_scope
from tests import mailbox
from tests.cast import PASSWORD, Cast, code_of, later
from vsaas.accounts import throttle
from vsaas.audit.models import AuditInbox
from vsaas.common import clock

pytestmark = pytest.mark.usefixtures("pages")

HOME, OFFICE = "198.51.100.20", "203.0.113.5"


def at(cast: Cast, rest: str) -> str:
    return f"/t/{cast.tenant_a.slug}/{rest}"


def give(cast: Cast, password: str, address: str, client: Client | None = None) -> int:
    """The status of a sign-in of Alice's; 302: the password was right."""
    client = client or Client(headers={"accept": "text/html"})
    fields = {"email": cast.alice.email, "password": password}
    return client.post(at(cast, "sign-in"), fields, REMOTE_ADDR=address).status_code


def signed_in_from(cast: Cast, address: str) -> Client:
    """A browser in which Alice signed in there, and out again."""
    client = Client(headers={"accept": "text/html"}, REMOTE_ADDR=address)
    assert give(cast, PASSWORD, address, client) == 302
    assert client.post(at(cast, "sign-in/factor"), {"code": code_of(cast.alice)}).status_code == 302
    client.post(at(cast, "sign-out"))
    return client


@pytest.fixture
def stopped_clock() -> Any:
    with clock.stopped():
        yield


@pytest.mark.usefixtures("stopped_clock")
def test_a_thousand_wrong_passwords_from_elsewhere_leave_the_person_working(cast: Cast) -> None:
    """Within a minute, from two hundred networks, five each."""
    known_browser = signed_in_from(cast, HOME)
    statuses = [give(cast, "Winter2026!", f"192.0.{n % 200}.9") for n in range(1000)]
    assert statuses.count(401) == throttle.ACCOUNT.free
    assert statuses.count(429) == 1000 - throttle.ACCOUNT.free
    # In the known browser wherever it is, in any browser where the account was signed in before; others wait a little.
    assert give(cast, PASSWORD, OFFICE, known_browser) == 302
    assert give(cast, PASSWORD, HOME) == 302
    assert give(cast, PASSWORD, OFFICE) == 429
    with later(seconds=throttle.ACCOUNT.cap_s + 1):
        assert give(cast, PASSWORD, OFFICE) == 302


@pytest.mark.usefixtures("stopped_clock")
def test_a_colleague_in_the_same_office_cannot_lock_one_out_of_ones_own_browser(cast: Cast) -> None:
    own = signed_in_from(cast, OFFICE)
    for _ in range(8):
        give(cast, "Winter2026!", OFFICE)
    assert give(cast, PASSWORD, OFFICE) == 429, "another browser there"
    assert give(cast, PASSWORD, OFFICE, own) == 302


@pytest.mark.usefixtures("stopped_clock")
def test_a_known_browser_is_no_way_to_guess_for_free(cast: Cast) -> None:
    own = signed_in_from(cast, OFFICE)
    statuses = [give(cast, "Winter2026!", OFFICE, own) for _ in range(7)]
    assert statuses == [401] * 5 + [429] * 2
    # Nor is a cookie of one's own making, or one for another account.
    other = Client(headers={"accept": "text/html"})
    name = f"vsaas_d_{cast.tenant_a.slug}"
    other.cookies[name] = own.cookies[name].value[:-4] + "AAAA"
    assert give(cast, PASSWORD, HOME, other) == 302
    assert own.cookies[name]["httponly"]
    assert own.cookies[name]["samesite"] == "Lax"


@pytest.mark.usefixtures("stopped_clock")
def test_who_reads_the_mail_gets_in_while_others_guess(cast: Cast) -> None:
    for n in range(throttle.ACCOUNT.free + 5):
        give(cast, "Winter2026!", f"192.0.{n}.9")
    client = Client(headers={"accept": "text/html"}, REMOTE_ADDR=OFFICE)
    client.post(at(cast, "forgot"), {"email": cast.alice.email})
    client.get(mailbox.link_to(cast.tenant_a.id, cast.alice.email, "password-reset"))
    new = "walnut ferry lantern meadow"
    assert client.post(at(cast, "reset"), {"new_password": new}).status_code == 200
    assert give(cast, new, OFFICE, client) == 302


@pytest.mark.usefixtures("stopped_clock")
def test_owners_see_what_is_slowed_down_and_lift_it(cast: Cast, client_for: Any) -> None:
    def give_olgas(password: str) -> int:
        client = Client(headers={"accept": "text/html"}, REMOTE_ADDR=OFFICE)
        fields = {"email": cast.olga.email, "password": password}
        return client.post(at(cast, "sign-in"), fields).status_code

    alice = client_for(cast.alice)
    page = at(cast, f"people/{cast.olga.id}")
    assert "slowed down" not in alice.get(page).content.decode()
    statuses = [give_olgas("Winter2026!") for _ in range(9)]
    assert statuses[-1] == 429
    shown = html.unescape(alice.get(page).content.decode())
    assert "Sign-in is slowed down" in shown
    assert f"From the network {OFFICE}" in shown
    with tenant_scope(cast.tenant_a.id):
        (entry,) = AuditInbox.objects.filter(act="session.slowed")
    assert (entry.object_name, entry.details, entry.network) == ("Olga", {"place": OFFICE}, OFFICE)
    headers = {"VSaaS-Tenant": cast.tenant_a.slug, "accept": "application/json"}
    listed = json.loads(alice.get(f"/api/v1/members/{cast.olga.id}/slowdowns", headers=headers).content)
    (item,) = listed["items"]
    assert (item["step"], item["place"]) == ("password", OFFICE)
    assert item["until_us"] > clock.now_us()
    assert alice.post(at(cast, f"people/{cast.olga.id}/lift")).status_code == 302
    assert give_olgas(PASSWORD) == 302
    assert "slowed down" not in alice.get(page).content.decode().split("said")[0]
    with tenant_scope(cast.tenant_a.id):
        assert AuditInbox.objects.filter(act="people.slowdown-lifted").count() == 1


@pytest.mark.usefixtures("stopped_clock")
def test_a_second_factor_that_was_guessed_at_is_shown_and_lifted(cast: Cast, client_for: Any) -> None:
    """Whoever guesses at it knows the password: its owners must see that."""
    alice = client_for(cast.alice)
    guesser = Client(headers={"accept": "text/html"}, REMOTE_ADDR=OFFICE)
    guesser.post(at(cast, "sign-in"), {"email": cast.olga.email, "password": PASSWORD})
    tried = [guesser.post(at(cast, "sign-in/factor"), {"code": "000000"}).status_code for _ in range(2)]
    assert tried == [401, 429]
    page = at(cast, f"people/{cast.olga.id}")
    assert "From anywhere" in alice.get(page).content.decode()
    alice.post(at(cast, f"people/{cast.olga.id}/lift"))
    assert "From anywhere" not in alice.get(page).content.decode()
    own = Client(headers={"accept": "text/html"}, REMOTE_ADDR=HOME)
    own.post(at(cast, "sign-in"), {"email": cast.olga.email, "password": PASSWORD})
    assert own.post(at(cast, "sign-in/factor"), {"code": code_of(cast.olga)}).status_code == 302


@pytest.mark.usefixtures("stopped_clock")
def test_an_address_nobody_has_is_slowed_down_alike_and_told_to_no_organisation(cast: Cast) -> None:
    client = Client(headers={"accept": "text/html"})
    fields = {"email": "nobody@example.org", "password": "Winter2026!"}
    assert [client.post(at(cast, "sign-in"), fields).status_code for _ in range(6)][-1] == 429
    with tenant_scope(cast.tenant_a.id):
        assert not AuditInbox.objects.exists()
