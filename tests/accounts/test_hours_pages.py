"""The hours of roles and the organisation's calendar: the pages, the REST API, and what is refused."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.test import Client

from tenants.hours import DAYS
from tenants.models import Membership, OrganisationRole, Tenant
from tenants.permissions import PEOPLE_VIEW
from tenants.scope import tenant_scope
from tests.api_calls import call, problem
from tests.boxes import make_box
from tests.cameras.test_cameras import MAIN, add
from tests.cast import Cast, make_account, make_token, sign_in
from tests.rules import set_calendar, set_hours
from vsaas.audit.models import AuditInbox
from vsaas.cameras.services import NewCamera
from vsaas.common import clock

OFFICE = {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "18:00"}
ALWAYS = {f"{name}-mode": "always" for name in ("sign_in", "live", "playback", "hidden")} | {
    "holidays": "usual"
}


@pytest.fixture
def alice(cast: Cast) -> Client:
    return sign_in(cast.alice)


def api(client: Client, cast: Cast, method: str, path: str, body: Any = None):
    token = client.cookies.get("vsaas_csrf")
    headers = {
        "VSaaS-Tenant": cast.tenant_a.slug,
        "Accept": "application/json",
        "X-CSRFToken": token.value if token else "",
    }
    data = "" if body is None else json.dumps(body)
    return client.generic(method, f"/api/v1/{path}", data, content_type="application/json", headers=headers)


def at(cast: Cast, path: str) -> str:
    return f"/t/{cast.tenant_a.slug}/{path}"


def kept(cast: Cast, key: str) -> Any:
    with tenant_scope(cast.tenant_a.id):
        row = OrganisationRole.objects.filter(key=key).first()
        return None if row is None else row.hours


def test_hours_are_written_and_read_and_said_in_sentences(cast: Cast, alice: Client) -> None:
    asked = {"live": [OFFICE], "playback_back_h": 36, "hidden": [OFFICE | {"from": "18:00", "to": "07:00"}]}
    reply = api(alice, cast, "PUT", "roles/viewer/hours", asked | {"version": 0, "holidays": "closed"})
    assert reply.status_code == 200, reply.content
    told = reply.json()
    assert told["sentences"] == [
        "Signing in: always.",
        "Live view: Monday to Friday 08:00–18:00.",
        "Playback: always.",
        "Playback reaches back at most 36 hours.",
        "Recordings that are hidden: Monday to Friday 18:00–07:00 on the day after.",
        "Nothing opens on holidays; where the role has hidden hours, the whole day is hidden.",
    ]
    assert {name: told[name] for name in asked} == asked
    assert api(alice, cast, "GET", "roles/viewer/hours").json() == told
    page = alice.get(at(cast, "roles/viewer")).content.decode()
    assert "Live view: Monday to Friday 08:00–18:00." in page
    with tenant_scope(cast.tenant_a.id):
        entry = AuditInbox.objects.get(act="role.hours-changed")
    assert {name: json.loads(entry.details["after"])[name] for name in asked} == asked
    log = alice.get(at(cast, "audit?act=role.")).content.decode()
    assert "Before: Signing in: always; Live view: always; Playback: always" in log
    assert "Live view: Monday to Friday 08:00–18:00" in log
    german = alice.get(at(cast, f"audit/{entry.id}"), headers={"accept-language": "de"}).content.decode()
    assert "Montag" in german


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "body"),
        ({"live": [OFFICE | {"from": "25:00"}]}, "live.0.from"),
        ({"alive": None}, "alive"),
        ({"version": "1"}, "version"),
        ({"playback_back_h": -1}, "playback_back_h"),
    ],
)
def test_what_is_wrong_is_named(cast: Cast, alice: Client, body: Any, field: str) -> None:
    reply = api(alice, cast, "PUT", "roles/viewer/hours", body)
    assert reply.status_code == 422
    assert reply.json()["errors"][0]["field"] == field
    assert kept(cast, "viewer") is None


def test_a_policy_that_locks_out_every_owner_is_refused_wherever_it_comes_from(
    cast: Cast, alice: Client
) -> None:
    never = api(alice, cast, "PUT", "roles/owner/hours", {"sign_in": []})
    short = api(alice, cast, "PUT", "roles/owner/hours", {"sign_in": [OFFICE | {"to": "08:05"}]})
    assert [(one.status_code, problem(one)) for one in (never, short)] == [(422, "locks-out-owners")] * 2
    page = alice.post(at(cast, "roles/owner/hours"), ALWAYS | {"sign_in-mode": "hours", "version": "0"})
    assert (page.status_code, "less than an hour" in page.content.decode()) == (422, True)
    assert kept(cast, "owner") is None
    # Hours that are well today, and a calendar that takes all their days.
    every = [OFFICE | {"days": list(DAYS), "from": "00:00", "to": "24:00"}]
    assert (
        api(alice, cast, "PUT", "roles/owner/hours", {"sign_in": every, "holidays": "closed"}).status_code
        == 200
    )
    today = clock.now().date()
    days = [{"date": (today + dt.timedelta(days=n)).isoformat()} for n in range(-1, 10)]
    reply = api(alice, cast, "PATCH", "organisation", {"holidays": days})
    assert (reply.status_code, problem(reply)) == (422, "locks-out-owners")
    assert api(alice, cast, "PATCH", "organisation", {"holidays": days[:3]}).status_code == 200


def test_two_people_at_one_role_and_the_later_is_told(cast: Cast, alice: Client) -> None:
    assert (
        api(alice, cast, "PUT", "roles/viewer/hours", {"live": [OFFICE], "version": 0}).json()["version"] == 1
    )
    reply = api(alice, cast, "PUT", "roles/viewer/hours", {"live": None, "version": 0})
    assert (reply.status_code, problem(reply)) == (409, "stale-version")
    page = alice.post(at(cast, "roles/viewer/hours"), ALWAYS | {"version": "0"})
    assert (page.status_code, "a moment ago" in page.content.decode()) == (409, True)
    assert kept(cast, "viewer")["live"] == [OFFICE]


def test_nobody_loosens_the_hours_of_a_role_they_are_under(cast: Cast) -> None:
    with tenant_scope(cast.tenant_a.id):
        permissions = ["people:view", "role:edit", "camera:view", "site:view", "account:self"]
        OrganisationRole.objects.create(key="warden", title="Warden", permissions=permissions)
        warden = make_account("Wanda")
        Membership.objects.create(account=warden, role="warden")
    client = sign_in(warden)
    reply = api(client, cast, "PUT", "roles/warden/hours", {"live": None, "hidden": [OFFICE]})
    assert (reply.status_code, problem(reply)) == (403, "own-role")
    above = api(client, cast, "PUT", "roles/owner/hours", {"live": [OFFICE]})
    assert (above.status_code, problem(above)) == (403, "denied")
    assert "What holds" in client.get(at(cast, "roles/warden/hours")).content.decode()


def test_no_token_changes_hours(cast: Cast) -> None:
    _, token = make_token(cast.alice)
    assert call(token, "PUT", "/api/v1/roles/viewer/hours", {"live": []}).status_code == 403
    _, token = make_token(cast.alice, PEOPLE_VIEW)
    assert json.loads(call(token, "GET", "/api/v1/roles/viewer/hours").content)["live"] is None


def test_the_editor_grows_keeps_and_removes_rows_without_a_script(cast: Cast, alice: Client) -> None:
    form = ALWAYS | {
        "version": "0",
        "live-mode": "hours",
        "live-0-days": ["mon", "tue"],
        "live-0-from": "08:00",
        "live-0-to": "00:00",
        "back": "24",
    }
    page = alice.post(at(cast, "roles/viewer/hours"), form | {"add": "live"})
    assert page.status_code == 200
    assert 'name="live-1-from"' in page.content.decode()
    assert kept(cast, "viewer") is None
    second = {"live-1-days": ["sun"], "live-1-from": "10:00", "live-1-to": "12:00"}
    page = alice.post(at(cast, "roles/viewer/hours"), form | second | {"remove": "live-0"})
    assert 'value="10:00"' in page.content.decode()
    assert 'value="08:00"' not in page.content.decode()
    done = alice.post(at(cast, "roles/viewer/hours"), form | second | {"confirmed": "1"})
    assert done.status_code == 302
    assert kept(cast, "viewer")["live"] == [
        {"days": ["mon", "tue"], "from": "08:00", "to": "24:00"},
        {"days": ["sun"], "from": "10:00", "to": "12:00"},
    ]
    assert kept(cast, "viewer")["playback_back_h"] == 24
    page = alice.get(at(cast, "roles/viewer/hours")).content.decode()
    assert "Monday, Tuesday 08:00–24:00; Sunday 10:00–12:00." in page
    wrong = alice.post(
        at(cast, "roles/viewer/hours"), form | {"version": "1", "live-0-to": "", "back": "soon"}
    )
    assert wrong.status_code == 422
    assert "must be a time, written as 08:00" in wrong.content.decode().replace("Must", "must")


def test_owners_who_shut_themselves_out_at_once_are_asked_first(cast: Cast, alice: Client) -> None:
    hour = (clock.now().hour + 3) % 24
    window = {"sign_in-0-days": list(DAYS)}
    form = (
        ALWAYS
        | window
        | {
            "version": "0",
            "sign_in-mode": "hours",
            "sign_in-0-from": f"{hour:02}:00",
            "sign_in-0-to": f"{(hour + 2) % 24:02}:00",
        }
    )
    page = alice.post(at(cast, "roles/owner/hours"), form)
    assert (page.status_code, "could not be here now" in page.content.decode()) == (422, True)
    assert kept(cast, "owner") is None
    assert (
        alice.post(
            at(cast, "roles/owner/hours"), form | {"confirm-closed": "on", "confirmed": "1"}
        ).status_code
        == 302
    )
    assert alice.get(at(cast, "")).status_code == 403


def test_the_organisation_has_a_zone_and_holidays(cast: Cast, alice: Client) -> None:
    form = {
        "name": "Acme",
        "timezone": "Europe/Berlin",
        "date": ["2026-12-25", ""],
        "holiday": ["Christmas", ""],
    }
    page = alice.post(at(cast, "organisation"), form | {"add": "day"})
    assert page.content.decode().count('name="date"') == 3
    assert alice.post(at(cast, "organisation"), form).status_code == 302
    told = api(alice, cast, "GET", "organisation").json()
    assert (told["name"], told["timezone"]) == ("Acme", "Europe/Berlin")
    assert told["holidays"] == [{"date": "2026-12-25", "name": "Christmas"}]
    wrong = alice.post(at(cast, "organisation"), form | {"date": ["2026-02-30", ""], "timezone": "Berlin"})
    assert (wrong.status_code, "must be a time zone" in wrong.content.decode().lower()) == (422, True)
    wrong = api(alice, cast, "PATCH", "organisation", {"holidays": [{"date": "2026-02-30"}]})
    assert wrong.json()["errors"][0]["field"] == "holidays.0.date"
    with tenant_scope(cast.tenant_a.id):
        assert Tenant.objects.get().name == "Acme"
        entry = AuditInbox.objects.get(act="tenant.changed")
    assert json.loads(entry.details["after"])["added"] == [{"date": "2026-12-25", "name": "Christmas"}]
    assert "holidays added: 2026-12-25 Christmas" in alice.get(at(cast, "audit?act=tenant.")).content.decode()


def test_a_calendar_moves_the_hours_of_roles_at_once(cast: Cast, alice: Client) -> None:
    bob = sign_in(cast.bob)
    set_calendar(cast.tenant_a, "UTC")
    hour = clock.now().hour
    set_hours(
        cast.tenant_a,
        "viewer",
        sign_in=[
            {
                "days": list(DAYS),
                "from": f"{hour:02}:00",
                "to": f"{(hour + 2) % 24:02}:00",
            }
        ],
    )
    assert bob.get(at(cast, "")).status_code == 200
    assert api(alice, cast, "PATCH", "organisation", {"timezone": "Asia/Tokyo"}).status_code == 200
    assert bob.get(at(cast, "")).status_code == 403


# ---- told before it is saved, and where rights are shown


def test_what_hours_would_alter_is_shown_before_they_are_saved(cast: Cast, alice: Client) -> None:
    set_calendar(cast.tenant_a, "UTC")
    form = ALWAYS | {"version": "0", "sign_in-mode": "hours", "back": "24"}
    page = alice.post(at(cast, "roles/viewer/hours"), form)
    text = page.content.decode()
    assert page.status_code == 200
    assert "Bob can sign in now and could not after this (hours open within seven days: 168, then 0)" in text
    assert "Bob can watch all recordings; after this, those of the last 24 hours" in text
    assert kept(cast, "viewer") is None
    done = alice.post(at(cast, "roles/viewer/hours"), form | {"confirmed": "1"})
    assert (done.status_code, kept(cast, "viewer")["sign_in"]) == (302, [])


def test_a_program_may_try_hours_before_it_sets_them(cast: Cast, alice: Client) -> None:
    set_calendar(cast.tenant_a, "UTC")
    night = {"days": list(DAYS), "from": "18:00", "to": "06:00"}
    wanted = {"hidden": [night], "playback": [OFFICE | {"days": list(DAYS)}], "playback_back_h": 48}
    told = api(alice, cast, "POST", "roles/viewer/hours/preview", wanted).json()["effects"]
    figures = {one["what"]: (one["people"], one["hours"]) for one in told}
    assert figures == {
        "playback": (["Bob"], {"before": 168, "after": 70}),
        "back": (["Bob"], {"before": None, "after": 48}),
        "shown": (["Bob"], {"before": 168, "after": 84}),
    }
    assert kept(cast, "viewer") is None
    # Another role that holds at the same place gives what this one takes; at another place it does not.
    with tenant_scope(cast.tenant_a.id):
        Membership.objects.create(account=cast.bob, role="operator", site=cast.other_site_a)
    assert len(api(alice, cast, "POST", "roles/viewer/hours/preview", wanted).json()["effects"]) == 3
    with tenant_scope(cast.tenant_a.id):
        Membership.objects.create(account=cast.bob, role="operator", site=cast.site_a)
    assert api(alice, cast, "POST", "roles/viewer/hours/preview", wanted).json()["effects"] == []
    locked = api(alice, cast, "POST", "roles/owner/hours/preview", {"sign_in": []})
    assert problem(locked) == "locks-out-owners"


def test_where_rights_are_shown_their_hours_are_too(cast: Cast, alice: Client) -> None:
    set_calendar(cast.tenant_a, "UTC")
    tomorrow = DAYS[(clock.now() + dt.timedelta(days=1)).weekday()]
    set_hours(cast.tenant_a, "viewer", live=[{"days": [tomorrow], "from": "08:00", "to": "18:00"}])
    place = f"site:{cast.site_a.id}"
    text = alice.get(at(cast, f"people/{cast.bob.id}/rights?place={place}")).content.decode()
    assert text.count("Not now; again from") == 1
    assert "When these roles hold" in text
    assert "Live view: " in text
    rights = api(alice, cast, "GET", f"members/{cast.bob.id}/rights?site={cast.site_a.id}").json()["rights"]
    by_name = {one["permission"]: (one["allowed"], one["now"], one["opens_us"]) for one in rights}
    assert by_name["camera:playback"] == (True, True, None)
    opens = clock.now().replace(hour=8, minute=0, second=0, microsecond=0) + dt.timedelta(days=1)
    assert by_name["camera:live"] == (True, False, clock.to_us(opens))
    assert by_name["camera:edit"] == (False, False, None)
    camera = add(make_box(cast.tenant_a, cast.site_a), NewCamera("Gate", MAIN)).id
    text = alice.get(at(cast, f"cameras/{camera}/people")).content.decode()
    assert text.count("Not now; again from") == 1
    assert "Live view: " in text
