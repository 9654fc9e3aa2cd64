"""The audit page: sentences, filters, pages that lose nothing, the chain at one entry, and a CSV that is safe to open."""

from __future__ import annotations

import csv
import datetime as dt
import html
import io
import json
import re
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tenants.access import Actor, Grant, actor_of
from tenants.models import Site
from tenants.permissions import AUDIT_VIEW, OWNER
from tenants.scope import tenant_scope
from tests.api_calls import call, problem
from tests.audit.altered import altered
from tests.cast import Cast, make_token, owner_connection
from tests.live.studio import apart
from vsaas.audit import acts, export, feed, sequencer
from vsaas.audit.feed import Filters
from vsaas.audit.models import AuditEntry, AuditInbox
from vsaas.audit.services import What, Who, record_act, system, what
from vsaas.common import clock

pytestmark = pytest.mark.usefixtures("pages")

SAID = acts.declare("test.said", "{actor} said {words} to {object}")


@pytest.fixture
def alice(cast: Cast, client_for: Any) -> Client:
    return client_for(cast.alice)


def at(cast: Cast, rest: str) -> str:
    return f"/t/{cast.tenant_a.slug}/{rest}"


def text_of(reply: HttpResponse) -> str:
    return html.unescape(reply.content.decode())


def sentences(reply: HttpResponse) -> list[str]:
    return [html.unescape(one) for one in re.findall(r'zone=[^"]*">([^<]+)</a>', reply.content.decode())]


def say(cast: Cast, *words: str, by: Who | None = None, on: What | None = None) -> None:
    with tenant_scope(cast.tenant_a.id):
        for one in words:
            record_act(SAID, by or system("tests"), on or What("thing", "t-1", "Wall"), words=one)


def chain(cast: Cast) -> None:
    sequencer.sequence_tenant(cast.tenant_a.id)


def api(client: Client, cast: Cast, rest: str) -> HttpResponse:
    headers = {"VSaaS-Tenant": cast.tenant_a.slug, "accept": "application/json"}
    return client.get(f"/api/v1/{rest}", headers=headers)


def test_what_is_chained_and_what_is_about_to_be_read_as_one_list(cast, alice):
    say(cast, "one")
    chain(cast)
    say(cast, "two")
    reply = alice.get(at(cast, "audit"))
    found = sentences(reply)
    assert found[:2] == ["Tests said two to Wall", "Tests said one to Wall"]
    assert "Alice signed in with the authenticator app" in found
    assert text_of(reply).count("Not chained yet") == 1
    assert "1 entry is about to be chained" in text_of(reply)


def test_pages_that_were_begun_before_the_sequencer_ran_go_on_without_loss_or_repetition(cast, alice):
    say(cast, *(f"word {n}" for n in range(120)))
    chain(cast)
    say(cast, *(f"word {n}" for n in range(120, 130)))
    seen: list[str] = []
    cursor = ""
    while True:
        page = api(alice, cast, f"audit?limit=7&act=test.said&cursor={cursor}").json()
        seen += [item["details"]["words"] for item in page["items"]]
        chain(cast)  # moves the ten after the first page
        if page["next"] is None:
            break
        cursor = page["next"]
    assert seen == [f"word {n}" for n in reversed(range(130))]


def test_events_of_the_very_same_moment_are_neither_lost_nor_repeated(cast, alice):
    with clock.stopped():
        say(cast, *(f"w{n}" for n in range(30)))
    chain(cast)
    seen, cursor = [], ""
    while True:
        page = api(alice, cast, f"audit?limit=4&act=test.said&cursor={cursor}").json()
        seen += [item["details"]["words"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = page["next"]
    assert sorted(seen) == sorted(f"w{n}" for n in range(30))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("person=bob", {"bob"}),
        ("person=Tests", {"gate", "umlaut"}),
        ("act=test.said", {"bob", "gate", "umlaut"}),
        ("act=test.", {"bob", "gate", "umlaut"}),
        ("act=session.", set()),
        ("object=GATE", {"gate"}),
        ("object=t-1", {"bob", "umlaut"}),
        ("text=said+grün", {"umlaut"}),
        ("text=said+nothing-like-it", set()),
        ("outcome=refused", set()),
        ("outcome=done&act=test.said", {"bob", "gate", "umlaut"}),
    ],
)
def test_each_filter_finds_what_it_names(cast, alice, query, expected):
    say(cast, "bob", by=Who("account", cast.bob.id, "Bob"))
    with tenant_scope(cast.tenant_a.id):
        gate = what(Site.objects.get(pk=cast.site_a.pk))
    say(cast, "gate", on=gate)
    say(cast, "umlaut grün")
    chain(cast)
    page = api(alice, cast, f"audit?{query}").json()
    assert {i["details"]["words"].split()[0] for i in page["items"] if i["act"] == "test.said"} == expected
    assert alice.get(at(cast, f"audit?{query}")).status_code == 200


def test_a_person_is_found_by_id_when_the_name_has_changed(cast, alice):
    say(cast, "one", by=Who("account", cast.bob.id, "Bob"))
    say(cast, "two", by=Who("account", cast.bob.id, "Robert"))
    page = api(alice, cast, f"audit?person={cast.bob.id}").json()
    assert [item["details"]["words"] for item in page["items"]] == ["two", "one"]


def test_times_are_shown_and_typed_in_the_zone_of_the_site(cast, alice):
    moment = dt.datetime(2026, 7, 1, 22, 30, tzinfo=dt.UTC)
    with tenant_scope(cast.tenant_a.id):
        AuditInbox.objects.create(
            act="test.said", at=moment, actor_kind="system", actor_name="tests", details={"words": "summer"}
        )
    berlin = alice.get(at(cast, "audit?from=2026-07-02T00:29&to=2026-07-02T00:31"))
    assert "2026-07-02 <b>00:30:00</b>" in text_of(berlin)
    assert "Times in Europe/Berlin" in text_of(berlin)
    utc = alice.get(at(cast, "audit?from=2026-07-01T22:29&to=2026-07-01T22:31&zone=UTC"))
    assert "2026-07-01 <b>22:30:00</b>" in text_of(utc)
    none = alice.get(at(cast, "audit?from=2026-07-01T22:29&to=2026-07-01T22:31"))
    assert "Nothing in the log fits" in text_of(none)
    page = api(alice, cast, "audit?from=2026-07-01T22:30:00Z&to=2026-07-02T00:30:01%2B02:00").json()
    assert [item["at_us"] for item in page["items"]] == [clock.to_us(moment)]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("from=yesterday", "valid date"),
        ("from=2026-07-02T00:00&to=2026-07-01T00:00", "not after the beginning"),
        ("act=no.such", "not one of the available choices"),
        ("zone=Mars", "not one of the available choices"),
        ("text=" + "x" * 201, "at most 200"),
        ("person=%00", "Null characters"),
    ],
)
def test_a_wrong_filter_is_told_at_its_field_and_stays_as_typed(cast, alice, query, says):
    reply = alice.get(at(cast, f"audit?{query}"))
    assert (reply.status_code, says in text_of(reply)) == (422, True)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-07-02T00:00", "from"),
        ("outcome=maybe", "outcome"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("cursor=abc", "cursor"),
        ("text=%00", "text"),
    ],
)
def test_programs_are_told_which_field_is_wrong(cast, alice, query, field):
    reply = api(alice, cast, f"audit?{query}")
    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, field)


def test_a_search_that_is_long_says_how_far_back_it_looked_and_goes_on_from_there(cast, alice, monkeypatch):
    monkeypatch.setattr(feed, "WINDOW", 10)
    say(cast, "needle", *(f"straw {n}" for n in range(25)))
    chain(cast)
    reply = alice.get(at(cast, "audit?text=needle"))
    text = text_of(reply)
    assert "has not been looked at yet" in text
    hops = 0
    while "Look further back" in text:
        assert "Tests said needle" not in text
        hops += 1
        reply = alice.get(at(cast, "audit") + re.search(r'rel="next" href="([^"]+)"', text)[1])
        text = text_of(reply)
    assert hops == 2
    assert sentences(reply) == ["Tests said needle to Wall"]


def test_the_number_of_queries_does_not_grow_with_the_log(cast, alice):
    def queries() -> int:
        alice.get(at(cast, "audit"))
        with CaptureQueriesContext(connection) as captured:
            alice.get(at(cast, "audit"))
        return len(captured)

    say(cast, *"abcdefghij")
    few = queries()
    say(cast, *(f"word {n}" for n in range(90)))
    assert queries() == few


# ---- one entry


def entry(cast: Cast, words: str) -> AuditEntry:
    with tenant_scope(cast.tenant_a.id):
        return AuditEntry.objects.get(details__words=words)


def test_an_entry_shows_its_hash_and_that_the_chain_holds_around_it(cast, alice):
    say(cast, *"abcde")
    chain(cast)
    found = entry(cast, "c")
    text = text_of(alice.get(at(cast, f"audit/{found.event_id}")))
    assert "The chain holds here" in text
    assert bytes(found.hash).hex() in text
    assert '"words": "c"' in text
    told = api(alice, cast, f"audit/{found.event_id}").json()
    assert told["hash"] == bytes(found.hash).hex()
    assert told["chain"]["holds"]


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ('UPDATE audit_auditentry SET details = \'{"words": "x"}\' WHERE id = %s', "content was changed"),
        ("DELETE FROM audit_auditentry WHERE id = %s", "is missing"),
    ],
)
def test_an_entry_beside_one_that_was_tampered_with_says_so(cast, alice, sql, says):
    say(cast, *"abcde")
    chain(cast)
    victim, neighbour = entry(cast, "c"), entry(cast, "e")
    with altered(cast.tenant_a.id):
        with owner_connection() as owner:
            owner.execute(sql, [victim.id])
        text = text_of(alice.get(at(cast, f"audit/{neighbour.event_id}")))
    assert f"broken at entry {victim.seq}" in text
    assert says in text


def test_a_stretch_in_the_middle_of_a_long_log_is_checked_from_the_entry_before_it(cast, alice, monkeypatch):
    monkeypatch.setattr("vsaas.audit.stretch.AROUND", 3)
    say(cast, *"abcdefghijklmnop")
    chain(cast)
    with tenant_scope(cast.tenant_a.id):  # acts of one millisecond are chained in any order
        found = AuditEntry.objects.order_by("seq")[8]
        before = AuditEntry.objects.get(seq=found.seq - 4)
    told = api(alice, cast, f"audit/{found.event_id}").json()["chain"]
    assert (told["first_seq"], told["last_seq"], told["holds"]) == (found.seq - 3, found.seq + 3, True)
    with altered(cast.tenant_a.id):
        with owner_connection() as owner:
            owner.execute("DELETE FROM audit_auditentry WHERE id = %s", [before.id])
        told = api(alice, cast, f"audit/{found.event_id}").json()["chain"]
    assert (told["holds"], told["broken_at_seq"]) == (False, found.seq - 4)


def test_an_entry_that_is_not_chained_yet_says_so(cast, alice):
    say(cast, "fresh")
    with tenant_scope(cast.tenant_a.id):
        event = AuditInbox.objects.get(details__words="fresh")
    assert "about to be chained" in text_of(alice.get(at(cast, f"audit/{event.id}")))
    told = api(alice, cast, f"audit/{event.id}").json()
    assert (told["hash"], told["seq"], told["chain"]) == (None, None, None)


# ---- CSV


def rows_of(reply: Any) -> list[dict[str, str]]:
    body = reply.getvalue().decode()
    assert body.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(body[1:], newline="")))


def test_the_download_holds_the_filtered_log_and_is_itself_on_record(cast, alice, monkeypatch):
    monkeypatch.setattr(export, "PAGE_ROWS", 4)
    say(cast, *(f"word {n}" for n in range(10)))
    chain(cast)
    say(cast, "word 10", 'quote " comma , and\nnew line')
    reply = alice.post(at(cast, "audit/export"), {"act": "test.said"})
    assert reply.streaming
    assert reply["Content-Disposition"].startswith(f'attachment; filename="audit-{cast.tenant_a.slug}-')
    rows = rows_of(reply)
    assert len(rows) == 12
    assert json.loads(rows[0]["details"]) == {"words": 'quote " comma , and\nnew line'}
    assert (rows[0]["hash"], len(rows[-1]["hash"])) == ("", 64)
    assert rows[-1]["sentence"] == "tests said word 0 to Wall"
    assert rows[-1]["time_utc"].endswith("+00:00")
    with tenant_scope(cast.tenant_a.id):
        event = AuditInbox.objects.get(act="audit.exported")
    assert event.details["count"] == 12
    assert "act 'test.said'" in event.details["range"]


@pytest.mark.parametrize("lead", ["=", "+", "-", "@", "\t=", " =", "\r", "＝", "|", "%"])
def test_no_cell_of_the_download_is_a_formula(cast, alice, lead):
    payload = f"{lead}HYPERLINK(A1)"
    say(cast, payload, by=Who("account", cast.bob.id, payload), on=What("thing", payload[:60], payload))
    for row in rows_of(alice.post(at(cast, "audit/export"), {"act": "test.said"})):
        for cell in row.values():
            assert not cell.lstrip(" \t\r\n").startswith(("=", "+", "-", "@", "＝", "|", "%")), cell


def test_a_download_that_would_be_too_long_is_refused_whole(cast, alice, monkeypatch):
    monkeypatch.setattr(export, "ROWS_MAX", 5)
    say(cast, *"abcdef")
    reply = alice.post(at(cast, "audit/export"), {"act": "test.said"})
    assert reply.status_code == 422
    assert "choose a shorter time" in text_of(reply)
    with tenant_scope(cast.tenant_a.id):
        assert not AuditInbox.objects.filter(act="audit.exported").exists()


@pytest.mark.parametrize("caller", ["token", "session"])
def test_a_program_downloads_what_the_page_does(cast, alice, monkeypatch, caller):
    monkeypatch.setattr(export, "PAGE_ROWS", 4)
    say(cast, *(f"word {n}" for n in range(6)))
    chain(cast)
    say(cast, "=word")
    page = rows_of(alice.post(at(cast, "audit/export"), {"act": "test.said"}))
    asked, token = "audit.csv?act=test.said", make_token(cast.alice, AUDIT_VIEW)[1]
    reply = call(token, "GET", f"/api/v1/{asked}") if caller == "token" else api(alice, cast, asked)
    assert reply.streaming
    assert reply["Content-Type"] == "text/csv; charset=utf-8"
    assert reply["Content-Disposition"].startswith(f'attachment; filename="audit-{cast.tenant_a.slug}-')
    assert rows_of(reply) == page
    assert len(page) == 7
    with tenant_scope(cast.tenant_a.id):
        events = list(AuditInbox.objects.filter(act="audit.exported").order_by("at"))
    assert [event.details["count"] for event in events] == [7, 7]
    assert "Alice" in events[1].actor_name
    assert ("Script" in events[1].actor_name) == (caller == "token")


def test_a_program_that_asks_too_much_or_wrongly_gets_and_records_nothing(cast, alice, monkeypatch):
    monkeypatch.setattr(export, "ROWS_MAX", 5)
    say(cast, *"abcdef")
    token = make_token(cast.alice, AUDIT_VIEW)[1]
    for query in ("act=test.said", "from=yesterday"):
        reply = call(token, "GET", f"/api/v1/audit.csv?{query}", None, accept="text/csv")
        assert (reply.status_code, problem(reply)) == (422, "invalid-fields")
        assert reply.json()["errors"][0]["field"] == "from"
    assert call(token, "HEAD", "/api/v1/audit.csv").status_code == 405
    with tenant_scope(cast.tenant_a.id):
        assert not AuditInbox.objects.filter(act="audit.exported").exists()


async def test_an_asgi_server_sends_the_download_piece_by_piece(cast, monkeypatch):
    monkeypatch.setattr(export, "PAGE_ROWS", 3)

    def prepare() -> Actor:
        say(cast, *"abcdefg")
        with tenant_scope(cast.tenant_a.id):
            return actor_of(cast.alice)

    actor = await apart(prepare)
    pieces = [piece async for piece in export.lines_async(actor, Filters(act="test.said"))]
    assert len(pieces) >= 4
    whole = await apart(lambda: "".join(export.lines(actor, Filters(act="test.said"))))
    assert "".join(pieces) == whole
    assert len(list(csv.reader(io.StringIO(whole, newline="")))) == 8


# ---- who may


def test_a_right_to_the_log_on_one_site_opens_nothing_of_it(cast):
    """There is no such role yet; the log is the organisation's as a whole."""
    with tenant_scope(cast.tenant_a.id):
        say_nothing = Actor(cast.tenant_a.id, cast.bob.id, "Bob", (Grant(OWNER, cast.site_a.id),))
        record_act(SAID, system("tests"), words="secret")
        assert feed.page(say_nothing, Filters()).events == []
        event = AuditInbox.objects.get()
        assert feed.event(say_nothing, event.id) is None


def test_another_tenants_entry_does_not_exist(cast, alice, client_for):
    say(cast, "zebrafish")
    with tenant_scope(cast.tenant_a.id):
        event = AuditInbox.objects.get(details__words="zebrafish")
    charlie = client_for(cast.charlie)
    assert charlie.get(f"/t/{cast.tenant_b.slug}/audit/{event.id}").status_code == 404
    assert "zebrafish" not in text_of(charlie.get(f"/t/{cast.tenant_b.slug}/audit"))


def test_what_is_shown_of_an_act_without_its_details_is_its_outline():
    assert acts.outline(SAID) == "… said … to …"
