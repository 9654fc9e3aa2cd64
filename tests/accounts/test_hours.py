"""Signing in, sessions and access tokens by the hours of roles, with the clock moved."""

from __future__ import annotations

import datetime as dt
import json
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from tenants.models import Membership
from tenants.permissions import CAMERA_VIEW
from tenants.scope import tenant_scope
from tests.api_calls import call, problem
from tests.cast import PASSWORD, Cast, code_of, later, make_token, sign_in
from tests.rules import set_calendar, set_hours
from vsaas.audit.models import AuditInbox
from vsaas.common import clock

OFFICE = [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "18:00"}]
BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str):
    """The clock at a local time of Berlin; it goes on from there."""
    moment = dt.datetime.fromisoformat(text).replace(tzinfo=BERLIN)
    return clock.shifted(moment - clock.now())


@pytest.fixture
def office(cast: Cast) -> Cast:
    """Viewers work in the office's hours."""
    set_calendar(cast.tenant_a, "Europe/Berlin", "2027-01-06")
    set_hours(cast.tenant_a, "viewer", sign_in=OFFICE, holidays="closed")
    return cast


def give_both_factors(cast: Cast, password: str = PASSWORD, code: str | None = None):
    client, base = Client(headers={"accept": "text/html"}), f"/t/{cast.tenant_a.slug}"
    reply = client.post(f"{base}/sign-in", {"email": cast.bob.email, "password": password})
    if reply.status_code != 302:
        return client, reply
    return client, client.post(f"{base}/sign-in/factor", {"code": code or code_of(cast.bob)})


def acts(cast: Cast) -> list[str]:
    with tenant_scope(cast.tenant_a.id):
        return list(AuditInbox.objects.filter(actor_id=cast.bob.id).values_list("act", flat=True))


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ("2027-01-04T07:59:30", "Monday, Jan. 4, 2027, 08:00"),
        ("2027-01-04T18:00:00", "Tuesday, Jan. 5, 2027, 08:00"),
        ("2027-01-05T23:00:00", "Thursday, Jan. 7, 2027, 08:00"),  # the 6th is a holiday
        ("2027-03-27T12:00:00", "Monday, March 29, 2027, 08:00"),  # over the change of clocks
    ],
)
def test_signing_in_outside_the_hours_is_refused_after_both_factors(
    office: Cast, moment: str, opens: str
) -> None:
    with at(moment):
        client, reply = give_both_factors(office)
        assert reply.status_code == 403
        assert opens in reply.content.decode()
        assert "Europe/Berlin" in reply.content.decode()
        assert "session.outside-hours" in acts(office)
        assert "session.signed-in" not in acts(office)
        assert client.get(f"/t/{office.tenant_a.slug}/").status_code == 302  # nobody is signed in


def test_who_lacks_a_factor_learns_nothing_of_the_hours(office: Cast) -> None:
    with at("2027-01-04T20:00:00"):
        _, reply = give_both_factors(office, password="wrong")
        assert (reply.status_code, "Europe/Berlin" in reply.content.decode()) == (401, False)
        _, reply = give_both_factors(office, code="000000")
        assert (reply.status_code, "Europe/Berlin" in reply.content.decode()) == (401, False)


def test_the_same_person_signs_in_when_the_hours_have_come(office: Cast) -> None:
    with at("2027-01-04T08:00:00"):
        client, reply = give_both_factors(office)
        assert reply.status_code == 302
        assert client.get(f"/t/{office.tenant_a.slug}/").status_code == 200


def test_a_session_is_kept_and_opens_nothing_outside_the_hours(office: Cast) -> None:
    base = f"/t/{office.tenant_a.slug}"
    headers = {"VSaaS-Tenant": office.tenant_a.slug, "accept": "*/*"}
    with at("2027-01-04T17:30:00"):
        client = sign_in(office.bob)
        with later(minutes=31):
            page = client.get(f"{base}/")
            assert page.status_code == 403
            assert "Tuesday, Jan. 5, 2027, 08:00" in page.content.decode()
            assert "Sign out" in page.content.decode()
            reply = client.get("/api/v1/cameras", headers=headers)
            assert (reply.status_code, problem(reply)) == (403, "outside-hours")
            opens = dt.datetime(2027, 1, 5, 8, tzinfo=BERLIN)
            assert json.loads(reply.content)["opens_us"] == clock.to_us(opens)
            assert client.get("/api/v1/me", headers=headers).json()["rights"] == []
            assert client.post(f"{base}/sign-out").status_code == 302
        client = sign_in(office.bob)
    with at("2027-01-05T01:00:00"):  # within the idle time, in the night
        assert client.get(f"{base}/").status_code == 403
        with tenant_scope(office.tenant_a.id):
            Membership.objects.create(account=office.bob, role="operator", site=office.site_a)
        assert (
            client.get(f"{base}/").status_code == 200
        )  # one grant in force is enough, and the session was kept


def test_a_token_opens_nothing_outside_the_hours_of_its_owner(office: Cast) -> None:
    with at("2027-01-04T17:30:00"):
        _, token = make_token(office.bob, CAMERA_VIEW)
        assert call(token, "GET", "/api/v1/cameras").status_code == 200
        with later(minutes=31):
            reply = call(token, "GET", "/api/v1/cameras")
            assert (reply.status_code, problem(reply)) == (403, "outside-hours")
        with later(hours=15):
            assert call(token, "GET", "/api/v1/cameras").status_code == 200


def test_hours_that_cannot_be_read_let_nobody_in(cast: Cast) -> None:
    client = sign_in(cast.bob)
    set_hours(cast.tenant_a, "viewer", sign_in="whenever")
    reply = client.get(f"/t/{cast.tenant_a.slug}/")
    assert (reply.status_code, "no hours in which you may" in reply.content.decode()) == (403, True)


def test_a_denial_holds_at_all_hours(office: Cast) -> None:
    with tenant_scope(office.tenant_a.id):
        Membership.objects.create(account=office.bob, role="operator", site=office.site_a)
        Membership.objects.create(account=office.bob, role="viewer", site=office.site_a, denies=True)
    with at("2027-01-04T17:30:00"):
        client = sign_in(office.bob)
        headers = {"VSaaS-Tenant": office.tenant_a.slug, "accept": "*/*"}
        within = client.get("/api/v1/usage", headers=headers)
        with later(hours=2):
            outside = client.get("/api/v1/usage", headers=headers)
            assert client.get("/api/v1/cameras", headers=headers).status_code == 403
    assert (within.status_code, outside.status_code) == (200, 200)
