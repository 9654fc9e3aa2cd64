"""Members and invitations: who comes in how, what changes end at once, and that an owner always stays."""

from __future__ import annotations

import datetime as dt
import html
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from tenants.access import Grant, actor_of
from tenants.errors import Denied
from tenants.models import Membership
from tenants.permissions import OPERATOR, OWNER, VIEWER
from tenants.scope import tenant_scope
from tests.accounts.test_set_up import code_on
from tests.cast import PASSWORD, Cast, code_of, later, make_account, make_site
from vsaas.accounts import invitations, people, setup
from vsaas.accounts.models import (
    Account,
    Invitation,
    RecoveryCode,
    RecoverySet,
    Session,
    SetupLink,
    TotpDevice,
)
from vsaas.accounts.people import Access, LastOwner
from vsaas.accounts.tasks import remove_ended
from vsaas.audit.models import AuditInbox
from vsaas.common import clock
from vsaas.common.errors import Conflict

pytestmark = pytest.mark.usefixtures("pages")

NEW_PASSWORD = "walnut ferry lantern meadow"


@pytest.fixture
def alice(cast: Cast, client_for: Any) -> Client:
    return client_for(cast.alice)


def at(cast: Cast, rest: str) -> str:
    return f"/t/{cast.tenant_a.slug}/{rest}"


def api(client: Client, cast: Cast, method: str, rest: str, body: Any = None) -> HttpResponse:
    headers = {"VSaaS-Tenant": cast.tenant_a.slug, "accept": "application/json"}
    return client.generic(
        method,
        f"/api/v1/{rest}",
        b"" if body is None else json.dumps(body),
        content_type="application/json",
        headers=headers,
    )


def text_of(reply: HttpResponse) -> str:
    return html.unescape(reply.content.decode())


def link_in(reply: HttpResponse) -> str:
    """The one-time link a page shows, as a path."""
    shown = re.search(r"data-one-time-link>([^<]+)<", reply.content.decode())
    assert shown, reply.content.decode()
    return "/setup/" + shown.group(1).rsplit("/", 1)[1]


def invite(client: Client, cast: Cast, **changes: Any) -> HttpResponse:
    fields = {"name": "Nadia", "email": "Nadia@Example.org", "role": "viewer", "where": "some"}
    return client.post(at(cast, "people/invite"), fields | {"sites": [str(cast.site_a.id)]} | changes)


def browser() -> Client:
    return Client(headers={"accept": "text/html"})


def go_through(link: str, name: str = "Nadia N.") -> Client:
    """Somebody invited, without a slip; signed in afterwards."""
    client = browser()
    reply = client.post(link, {"name": name, "email": "ignored@example.org", "password": NEW_PASSWORD})
    assert reply.status_code == 302, text_of(reply)
    reply = client.post(link, {"code": code_on(client.get(link).content.decode())})
    assert reply["Location"].endswith("/recovery-codes"), text_of(reply)
    return client


def acts(cast: Cast) -> list[str]:
    with tenant_scope(cast.tenant_a.id):
        return list(AuditInbox.objects.order_by("id").values_list("act", flat=True))


def roles_of(cast: Cast, account: Account) -> set[tuple[str, Any]]:
    with tenant_scope(cast.tenant_a.id):
        return set(Membership.objects.filter(account=account).values_list("role", "site_id"))


# ---- the list


def test_the_page_says_who_has_an_account_with_role_sites_factor_and_when_last_seen(cast, alice):
    with tenant_scope(cast.tenant_a.id):
        make_account("Unprotected", VIEWER, cast.site_a, factor=False)
    text = text_of(alice.get(at(cast, "people")))
    rows = {
        name: row
        for row in text.split('<li class="row"')[1:]
        for name in [re.search(r'dir="auto">([^<]+)</a>', row)[1]]
    }
    assert set(rows) == {"Alice", "Bob", "Olga", "Unprotected"}
    assert "Owner" in rows["Alice"]
    assert "All sites" in rows["Alice"]
    assert "Gate" in rows["Bob"]
    assert "All sites" not in rows["Bob"]
    assert "Second factor set" in rows["Bob"]
    assert "No second factor" in rows["Unprotected"]
    assert "never" in rows["Bob"]
    assert "data-ago" in rows["Alice"]
    assert "Charlie" not in text


def test_the_number_of_queries_does_not_grow_with_the_number_of_people(cast, alice):
    def queries(path: str) -> int:
        alice.get(at(cast, path))
        with CaptureQueriesContext(connection) as captured:
            assert alice.get(at(cast, path)).status_code == 200
        return len(captured)

    def fill(start: int, count: int) -> None:
        with tenant_scope(cast.tenant_a.id):
            for number in range(start, start + count):
                make_account(f"Person{number:03}", VIEWER, cast.site_a)

    fill(0, 7)
    few = queries("people")
    fill(7, 83)
    assert queries("people") == few
    reply = api(alice, cast, "GET", "members?limit=200")
    assert len(reply.json()["items"]) == 93


def test_people_are_found_by_name_address_and_role_page_by_page(cast, alice):
    with tenant_scope(cast.tenant_a.id):
        for number in range(4):
            make_account(f"Zoë {number}", OPERATOR, email=f"z{number}@example.org")
    text = text_of(alice.get(at(cast, "people?q=zo%C3%AB+2")))
    assert "Zoë 2" in text
    assert "Zoë 1" not in text
    assert "Nobody here fits" in text_of(alice.get(at(cast, "people?q=xyzzy")))
    assert alice.get(at(cast, "people?q=%00&role=%00&after=")).status_code == 200
    seen, cursor = [], ""
    while True:
        page = api(alice, cast, "GET", f"members?role=operator&limit=2&cursor={cursor}").json()
        seen += [one["name"] for one in page["items"]]
        if not page["next"]:
            break
        cursor = page["next"]
    assert seen == ["Olga", "Zoë 0", "Zoë 1", "Zoë 2", "Zoë 3"]


def test_who_was_seen_last_comes_first_when_asked_and_who_never_was_comes_last(cast, alice, client_for):
    with tenant_scope(cast.tenant_a.id):
        Account.objects.filter(pk=cast.olga.pk).update(last_seen_at=clock.now() - dt.timedelta(days=3))
    seen, cursor = [], ""
    while True:
        page = api(alice, cast, "GET", f"members?sort=seen&limit=1&cursor={cursor}").json()
        seen += [one["name"] for one in page["items"]]
        if not page["next"]:
            break
        cursor = page["next"]
    assert seen == ["Alice", "Olga", "Bob"]
    text = text_of(alice.get(at(cast, "people?sort=seen")))
    assert text.index(">Olga</a>") < text.index(">Bob</a>")


@pytest.mark.parametrize("cursor", ["x", "WzFd", "WyJhIiwiYiJd", "%00", "W1tb" * 1000])
def test_a_cursor_this_list_never_gave_is_refused(cast, alice, cursor):
    reply = api(alice, cast, "GET", f"members?cursor={cursor}")
    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, "cursor")


# ---- invitations


def test_an_invited_person_sets_up_an_account_with_the_role_and_sites_chosen(cast, alice):
    link = link_in(invite(alice, cast))
    first = text_of(browser().get(link))
    assert "Alice invited you as" in first
    assert 'value="nadia@example.org"' in first
    nadia = go_through(link)
    with tenant_scope(cast.tenant_a.id):
        account = Account.objects.get(email="nadia@example.org")
        assert (account.name, account.is_active) == ("Nadia N.", True)
        assert not Account.objects.filter(email="ignored@example.org").exists()
    assert roles_of(cast, account) == {("viewer", cast.site_a.id)}
    assert nadia.get(at(cast, "")).status_code == 200
    assert nadia.get(at(cast, "people")).status_code == 403
    assert [act for act in acts(cast) if act.startswith("people")] == ["people.invited", "people.joined"]
    assert "Link not used yet" not in text_of(alice.get(at(cast, "people")))


def test_a_single_site_is_ticked_beforehand_and_of_several_none(cast, alice, client_for):
    ticked = re.compile(r'name="sites" value="([^"]+)" checked')
    assert ticked.findall(text_of(alice.get(at(cast, "people/invite")))) == []
    charlie = client_for(cast.charlie)
    page = text_of(charlie.get(f"/t/{cast.tenant_b.slug}/people/invite"))
    assert ticked.findall(page) == [str(cast.site_b.id)]


def test_a_link_opens_once_and_is_kept_as_a_hash(cast, alice):
    reply = invite(alice, cast)
    link = link_in(reply)
    assert reply["Cache-Control"] == "no-store"
    with tenant_scope(cast.tenant_a.id):
        stored = bytes(SetupLink.objects.get().token_hash)
    assert link.rsplit("/", 1)[1].encode() not in stored
    assert link not in text_of(alice.get(at(cast, "people")))
    go_through(link)
    late = browser().get(link)
    assert late.status_code == 410
    assert "was used" in text_of(late)


def test_a_link_lives_seven_days_and_can_be_renewed(cast, alice):
    link = link_in(invite(alice, cast))
    with later(days=6, hours=23):
        assert browser().get(link).status_code == 200
    with later(days=7, minutes=1):
        assert browser().get(link).status_code == 410
    with tenant_scope(cast.tenant_a.id):
        invitation = Invitation.objects.get()
    newer = link_in(alice.post(at(cast, f"people/invitations/{invitation.id}/renew")))
    assert browser().get(link).status_code == 410
    assert go_through(newer).get(at(cast, "")).status_code == 200


def test_a_withdrawn_invitation_opens_nothing_even_half_way(cast, alice):
    link = link_in(invite(alice, cast))
    half = browser()
    half.post(link, {"name": "Nadia", "email": "nadia@example.org", "password": NEW_PASSWORD})
    page = half.get(link).content.decode()
    with tenant_scope(cast.tenant_a.id):
        invitation = Invitation.objects.get()
    assert alice.post(at(cast, f"people/invitations/{invitation.id}/revoke")).status_code == 302
    reply = half.post(link, {"code": code_on(page)})
    assert (reply.status_code, "withdrawn" in text_of(reply)) == (410, True)
    with tenant_scope(cast.tenant_a.id):
        assert not Account.objects.filter(email="nadia@example.org").exists()
    assert "Nadia" in text_of(alice.get(at(cast, "people")))  # said once: withdrawn
    assert "Nadia" not in text_of(alice.get(at(cast, "people")))
    assert invite(alice, cast).status_code == 200


def test_accepting_and_withdrawing_at_once_ends_in_one_of_the_two(cast):
    request = RequestFactory().get("/")
    for number in range(4):
        with tenant_scope(cast.tenant_a.id):
            actor = actor_of(cast.alice)
            wanted = Access(VIEWER, frozenset({cast.site_a.id}))
            email = f"n{number}@example.org"
            invitation, link = invitations.invite(request, actor, "N", email, wanted)
            token = link.rsplit("/", 1)[1]
            account = setup.keep_person(setup.link_of_token(token), "N", email, "")
        together = threading.Barrier(2, timeout=20)

        def accept(token: str = token, together: threading.Barrier = together) -> bool:
            together.wait()
            with tenant_scope(cast.tenant_a.id):
                found = setup.link_of_token(token)
                if not found.usable:
                    return False
                invitations.accept(request, found, found.account)
                SetupLink.objects.filter(pk=found.pk).update(used_at=clock.now())
                Account.objects.filter(pk=found.account_id).update(is_active=True)
                return True

        def revoke(invitation: Invitation = invitation, together: threading.Barrier = together) -> bool:
            together.wait()
            try:
                with tenant_scope(cast.tenant_a.id):
                    invitations.revoke(request, actor_of(cast.alice), invitation)
                    return True
            except Conflict:
                return False

        with ThreadPoolExecutor(2) as pool:
            joined, withdrawn = (pool.submit(apart, work) for work in (accept, revoke))
            outcome = (joined.result(), withdrawn.result())
        assert outcome in ((True, False), (False, True))
        assert bool(roles_of(cast, account)) is outcome[0]
        with tenant_scope(cast.tenant_a.id):
            assert Account.objects.filter(email=email).exists() is outcome[0]


def apart(work: Any) -> Any:
    """Work on connections that end with it."""
    try:
        return work()
    finally:
        connections.close_all()


def test_who_uses_the_link_first_has_it(cast, alice):
    link = link_in(invite(alice, cast))
    slow = browser()
    slow.post(link, {"name": "Slow", "email": "nadia@example.org", "password": NEW_PASSWORD})
    page = slow.get(link).content.decode()
    code = code_on(page)
    quick = browser()
    assert quick.post(link, {"code": code}).status_code == 302
    assert slow.post(link, {"code": code}).status_code == 410


def test_an_address_that_is_here_already_is_told_at_the_field_and_nothing_typed_is_lost(cast, alice):
    reply = invite(alice, cast, email=cast.bob.email.upper(), name="Bob again")
    text = text_of(reply)
    assert reply.status_code == 422
    assert "has this address already" in text
    assert 'value="Bob again"' in text
    assert re.search(rf'value="{cast.site_a.id}" checked', text)
    invite(alice, cast)
    assert "invited already" in text_of(invite(alice, cast))
    # An account in another tenant is nobody here, and that is all one learns.
    assert invite(alice, cast, email=cast.charlie.email).status_code == 200


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"role": "owner"}, "An owner is one of all sites"),
        ({"sites": []}, "Choose at least one site"),
        ({"role": "king"}, "not one of the available choices"),
        ({"email": "no address"}, "valid email"),
        ({"name": ""}, "required"),
    ],
)
def test_a_wrong_choice_is_told_at_its_field(cast, alice, changes, says):
    reply = invite(alice, cast, **changes)
    assert (reply.status_code, says in text_of(reply)) == (422, True)
    with tenant_scope(cast.tenant_a.id):
        assert not Invitation.objects.exists()


def test_an_invitation_for_a_site_that_is_gone_is_not_one_for_all_sites(cast, alice):
    with tenant_scope(cast.tenant_a.id):
        shed = make_site("Shed")
    link = link_in(invite(alice, cast, sites=[str(shed.id)]))
    client = browser()
    client.post(link, {"name": "N", "email": "nadia@example.org", "password": NEW_PASSWORD})
    page = client.get(link).content.decode()
    with tenant_scope(cast.tenant_a.id):
        shed.delete()
    reply = client.post(link, {"code": code_on(page)})
    assert reply.status_code == 410
    with tenant_scope(cast.tenant_a.id):
        assert not Membership.objects.filter(account__email="nadia@example.org").exists()
        assert not Account.objects.filter(email="nadia@example.org", is_active=True).exists()


def test_what_was_begun_and_never_finished_is_tidied_up_and_can_be_invited_again(cast, alice, client_for):
    link = link_in(invite(alice, cast))
    browser().post(link, {"name": "N", "email": "nadia@example.org", "password": NEW_PASSWORD})
    with later(days=38):
        remove_ended()
    with tenant_scope(cast.tenant_a.id):
        assert not Invitation.objects.exists()
        assert not Account.objects.filter(email="nadia@example.org").exists()
        assert Account.objects.filter(is_active=True).count() == 3
    assert invite(client_for(cast.alice), cast).status_code == 200


# ---- role and sites


def test_a_new_role_holds_from_the_next_request_on(cast, alice, client_for):
    bob = client_for(cast.bob)
    reply = alice.post(
        at(cast, f"people/{cast.bob.id}"),
        {
            "role": "operator",
            "where": "some",
            "sites": [str(cast.site_a.id), str(cast.other_site_a.id)],
            "confirmed": "1",
        },
    )
    assert reply.status_code == 302
    assert roles_of(cast, cast.bob) == {("operator", cast.site_a.id), ("operator", cast.other_site_a.id)}
    assert bob.get(at(cast, "agents")).status_code == 200
    with tenant_scope(cast.tenant_a.id):
        event = AuditInbox.objects.get(act="people.access-changed")
    assert event.details == {"role": "Operator", "sites": "Gate, Yard", "before": "Viewer of Gate"}


def test_nobody_changes_their_own_role_or_removes_themselves(cast, alice):
    for reply in (
        alice.post(at(cast, f"people/{cast.alice.id}"), {"role": "viewer", "where": "all"}),
        alice.post(at(cast, f"people/{cast.alice.id}/remove")),
        api(alice, cast, "PATCH", f"members/{cast.alice.id}", {"role": "viewer", "all_sites": True}),
        api(alice, cast, "DELETE", f"members/{cast.alice.id}"),
        alice.post(at(cast, f"people/{cast.alice.id}/factor")),
    ):
        assert reply.status_code == 403
    assert roles_of(cast, cast.alice) == {("owner", None)}
    assert "Nobody changes their own role" in text_of(alice.get(at(cast, f"people/{cast.alice.id}")))


def test_of_two_who_change_one_person_the_second_is_shown_what_the_first_did(cast, alice):
    page = alice.get(at(cast, f"people/{cast.bob.id}")).content.decode()
    seen = re.search(r'name="seen" value="([^"]+)"', page)[1]
    alice.post(
        at(cast, f"people/{cast.bob.id}"),
        {"role": "operator", "where": "all", "seen": seen, "confirmed": "1"},
    )
    late = alice.post(at(cast, f"people/{cast.bob.id}"), {"role": "viewer", "where": "all", "seen": seen})
    assert late.status_code == 409
    assert "changed the role of Bob a moment ago" in text_of(late)
    assert roles_of(cast, cast.bob) == {("operator", None)}


def test_two_owners_who_demote_each_other_at_once_leave_one(cast):
    with tenant_scope(cast.tenant_a.id):
        other = make_account("Anton", OWNER)
    together = threading.Barrier(2, timeout=20)

    def demote(mine: Account, theirs: Account) -> str:
        try:
            with tenant_scope(cast.tenant_a.id):
                actor = actor_of(mine)  # both are owners here
                together.wait()
                target = people.member(actor, theirs.id)
                people.set_access(RequestFactory().get("/"), actor, target, Access(VIEWER, None))
                return "done"
        except Denied:
            return "denied"
        finally:
            connections.close_all()

    for _ in range(3):
        with ThreadPoolExecutor(2) as pool:
            outcomes = list(pool.map(demote, (cast.alice, other), (other, cast.alice)))
        assert sorted(outcomes) == ["denied", "done"]
        with tenant_scope(cast.tenant_a.id):
            assert Membership.objects.filter(role="owner", site=None).count() == 1
            Membership.objects.filter(account__in=[cast.alice, other]).delete()
            for account in (cast.alice, other):
                Membership.objects.create(account=account, role="owner", site=None)


def test_the_last_owner_is_neither_demoted_nor_removed(cast, monkeypatch):
    """By somebody who may, and is no owner: there is no such role yet, so Olga's is made one."""
    monkeypatch.setattr(people, "require_not_above", lambda *_: None)
    monkeypatch.setattr("tenants.access.require", lambda *_: None)
    request = RequestFactory().get("/")
    for change in (
        lambda actor, alice: people.set_access(request, actor, alice, Access(VIEWER, None)),
        lambda actor, alice: people.remove(request, actor, alice),
    ):
        with tenant_scope(cast.tenant_a.id):
            actor, alice = actor_of(cast.olga), Account.objects.get(pk=cast.alice.pk)
        with tenant_scope(cast.tenant_a.id), pytest.raises(LastOwner, match="only owner"):
            change(actor, alice)
    assert roles_of(cast, cast.alice) == {("owner", None)}


def test_who_may_change_people_gives_no_more_than_they_hold(cast):
    with tenant_scope(cast.tenant_a.id):
        actor = actor_of(cast.olga)
        with pytest.raises(Denied, match="invite owners"):
            people.require_not_above(actor, [Grant(OWNER, None)], people.INVITE)
        people.require_not_above(actor, [Grant(VIEWER, None), Grant(OPERATOR, None)], people.INVITE)


# ---- removing, sessions, a lost factor


def test_a_removed_member_is_out_at_once_and_what_they_did_stays_on_record(cast, alice, client_for):
    olga = client_for(cast.olga)
    assert olga.get(at(cast, "")).status_code == 200
    text = text_of(alice.get(at(cast, f"people/{cast.olga.id}/remove")))
    assert "1 session ends now" in text
    assert alice.post(at(cast, f"people/{cast.olga.id}/remove")).status_code == 302
    reply = olga.get(at(cast, ""))
    assert (reply.status_code, "/sign-in" in reply["Location"]) == (302, True)
    with tenant_scope(cast.tenant_a.id):
        assert not Account.objects.filter(pk=cast.olga.pk).exists()
        assert not Session.objects.filter(account_id=cast.olga.pk).exists()
        assert AuditInbox.objects.filter(actor_id=cast.olga.pk, act="session.signed-in").exists()
        event = AuditInbox.objects.get(act="people.removed")
    assert event.object_name == "Olga"
    assert event.details == {"email": cast.olga.email, "before": "Operator of all sites"}
    with tenant_scope(cast.tenant_a.id):
        later_account = make_account("Olga", VIEWER, email=cast.olga.email)
    assert later_account.pk != cast.olga.pk


def test_invitations_and_links_of_a_removed_or_demoted_owner_end_with_the_right(cast, alice, client_for):
    with tenant_scope(cast.tenant_a.id):
        anton = make_account("Anton", OWNER)
    client = client_for(anton)
    invited = link_in(invite(client, cast))
    factor = link_in(client.post(at(cast, f"people/{cast.bob.id}/factor")))
    assert browser().get(factor).status_code == 200
    alice.post(at(cast, f"people/{anton.id}"), {"role": "viewer", "where": "all", "confirmed": "1"})
    assert browser().get(invited).status_code == 410
    assert browser().get(factor).status_code == 410
    assert client.get(at(cast, "people")).status_code == 403


def test_an_owner_signs_somebody_out_everywhere(cast, alice, client_for):
    bob = client_for(cast.bob)
    text = text_of(alice.get(at(cast, f"people/{cast.bob.id}")))
    assert "Signed in on" in text
    assert alice.post(at(cast, f"people/{cast.bob.id}/sessions")).status_code == 302
    assert bob.get(at(cast, "")).status_code == 302
    with tenant_scope(cast.tenant_a.id):
        event = AuditInbox.objects.get(act="people.sessions-ended")
    assert (event.object_name, event.details) == ("Bob", {"count": 1})


def test_a_lost_second_factor_is_set_up_anew_by_link_and_password_and_nothing_else_changes(
    cast, alice, client_for
):
    elsewhere = client_for(cast.bob)
    made = alice.post(at(cast, f"people/{cast.bob.id}/factor"), REMOTE_ADDR="198.51.100.5")
    link = link_in(made)
    thief = browser()
    assert "data-totp-secret" not in thief.get(link).content.decode()
    assert thief.post(link, {"password": "wrong wrong wrong"}).status_code == 401
    assert "data-totp-secret" not in thief.get(link).content.decode()
    old_code_still_works = browser()
    old_code_still_works.post(at(cast, "sign-in"), {"email": cast.bob.email, "password": PASSWORD})
    reply = old_code_still_works.post(at(cast, "sign-in/factor"), {"code": code_of(cast.bob)})
    assert reply.status_code == 302
    bob = browser()
    assert bob.post(link, {"password": PASSWORD}).status_code == 302
    page = bob.get(link).content.decode()
    reply = bob.post(link, {"code": code_on(page)})
    assert reply["Location"] == at(cast, "recovery-codes")
    assert bob.get(at(cast, "")).status_code == 200
    assert elsewhere.get(at(cast, "")).status_code == 302
    assert thief.get(link).status_code == 410
    with tenant_scope(cast.tenant_a.id):
        assert TotpDevice.objects.filter(user=cast.bob, confirmed=True).count() == 1
        assert RecoverySet.objects.filter(user=cast.bob).count() == 1
        issued = AuditInbox.objects.get(act="people.factor-link")
        used = AuditInbox.objects.get(act="account.factor-reset")
    assert (issued.actor_name, issued.object_name) == ("Alice", "Bob")
    assert (used.actor_name, used.details) == ("Bob", {"issuer": "Alice"})
    assert roles_of(cast, cast.bob) == {("viewer", cast.site_a.id)}
    shown = text_of(bob.get(at(cast, "account"))).split('id="log-head"')[1]
    assert "Alice made a link by which Bob sets up a new second factor" in shown
    assert "198.51.100.5" not in shown  # where Alice sits is none of Bob's business


def test_a_factor_link_is_worth_nothing_beside_the_password_and_guessing_that_is_slowed_down(cast, alice):
    link = link_in(alice.post(at(cast, f"people/{cast.bob.id}/factor")))
    with clock.stopped():
        statuses = [browser().post(link, {"password": f"guess {n}"}).status_code for n in range(6)]
    assert statuses == [401] * 5 + [429]


def test_guessing_at_one_link_from_many_networks_is_slowed_down_too(cast, alice):
    link = link_in(alice.post(at(cast, f"people/{cast.bob.id}/factor")))
    with clock.stopped():
        statuses = [
            Client(headers={"accept": "text/html"}, REMOTE_ADDR=f"198.51.100.{n}")
            .post(link, {"password": f"guess {n}"})
            .status_code
            for n in range(11)
        ]
    assert statuses == [401] * 10 + [429]


def test_a_newer_factor_link_replaces_the_one_before_and_lives_a_day(cast, alice):
    first = link_in(alice.post(at(cast, f"people/{cast.bob.id}/factor")))
    second = link_in(alice.post(at(cast, f"people/{cast.bob.id}/factor")))
    assert browser().get(first).status_code == 410
    assert browser().get(second).status_code == 200
    with later(hours=25):
        assert browser().get(second).status_code == 410
    alice.post(at(cast, f"people/{cast.bob.id}/remove"))
    assert browser().get(second).status_code == 410


def test_a_member_is_shown_with_what_they_may_do_where(cast, alice):
    text = text_of(alice.get(at(cast, f"people/{cast.bob.id}")))
    rights = text.split('id="rights-head"')[1].split('id="sessions-head"')[0]
    assert "Watch a camera live" in rights
    assert "Gate" in rights
    assert "Listen to a camera" not in rights
    (did,) = re.findall(r'href="([^"]+)">What this person did', text)
    assert alice.get(did).status_code == 200


# ---- programs


def test_programs_do_what_the_pages_do(cast, alice):
    made = api(
        alice,
        cast,
        "POST",
        "invitations",
        {"name": "Nadia", "email": "nadia@example.org", "role": "viewer", "sites": [str(cast.site_a.id)]},
    )
    assert made.status_code == 201
    link = "/setup/" + made.json()["link"].rsplit("/", 1)[1]
    (listed,) = api(alice, cast, "GET", "invitations").json()["items"]
    assert "link" not in listed
    assert (listed["email"], listed["sites"][0]["name"], listed["expired"]) == (
        "nadia@example.org",
        "Gate",
        False,
    )
    renewed = api(alice, cast, "POST", f"invitations/{listed['id']}/renewal", {}).json()["link"]
    assert browser().get(link).status_code == 410
    go_through("/setup/" + renewed.rsplit("/", 1)[1])
    (nadia,) = api(alice, cast, "GET", "members?q=nadia").json()["items"]
    assert nadia["second_factor"]
    assert nadia["grants"] == [
        {
            "role": "viewer",
            "site": {"id": str(cast.site_a.id), "name": "Gate"},
            "group": None,
            "camera": None,
            "denies": False,
        }
    ]
    changed = api(
        alice, cast, "PATCH", f"members/{nadia['id']}", {"role": "operator", "all_sites": True}
    ).json()
    assert [(one["role"], one["site"]) for one in changed["grants"]] == [("operator", None)]
    (session,) = api(alice, cast, "GET", f"members/{nadia['id']}/sessions").json()["items"]
    assert (session["second_factor_given"], "this" in session) == (True, False)
    assert session["created_us"] <= session["last_seen_us"] < session["expires_us"]
    assert api(alice, cast, "DELETE", f"members/{nadia['id']}/sessions").json() == {"ended": 1}
    assert api(alice, cast, "GET", f"members/{nadia['id']}/sessions").json()["items"] == []
    assert api(alice, cast, "DELETE", f"members/{nadia['id']}").status_code == 204
    assert api(alice, cast, "GET", f"members/{nadia['id']}").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role": "king", "all_sites": True}, "role"),
        ({"role": "viewer"}, "sites"),
        ({"role": "owner", "sites": ["here"]}, "sites"),
        ({"role": "viewer", "all_sites": True, "sites": ["here"]}, "sites"),
        ({"role": "viewer", "sites": ["00000000-0000-7000-8000-000000000000"]}, "sites"),
    ],
)
def test_programs_are_told_which_field_is_wrong(cast, alice, body, field):
    if body.get("sites") == ["here"]:
        body = body | {"sites": [str(cast.site_a.id)]}
    reply = api(alice, cast, "PATCH", f"members/{cast.bob.id}", body)
    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, field)
    assert roles_of(cast, cast.bob) == {("viewer", cast.site_a.id)}


def test_recovery_codes_made_by_a_link_are_new(cast, alice):
    with tenant_scope(cast.tenant_a.id):
        device = RecoverySet.objects.create(user=cast.bob, name="Recovery codes", confirmed=True)
        RecoveryCode.objects.create(device=device, code_hash="0" * 64)
    link = link_in(alice.post(at(cast, f"people/{cast.bob.id}/factor")))
    bob = browser()
    bob.post(link, {"password": PASSWORD})
    bob.post(link, {"code": code_on(bob.get(link).content.decode())})
    with tenant_scope(cast.tenant_a.id):
        assert not RecoveryCode.objects.filter(code_hash="0" * 64).exists()
        assert RecoveryCode.objects.filter(device__user=cast.bob).count() == 10
