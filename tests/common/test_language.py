"""In which language a request is answered, and that nothing of another one is left in it."""

from __future__ import annotations

import html.parser
import json
import re
from typing import Any
from zoneinfo import available_timezones

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import translation

from tenants.permissions import CAMERA_VIEW
from tenants.scope import tenant_scope
from tests.cast import Cast, make_token, sign_in
from tests.isolation.stage import make_stage
from vsaas.accounts.models import Account
from vsaas.audit import acts
from vsaas.audit.models import AuditInbox
from vsaas.audit.services import record_act, who
from vsaas.footage import acts as acts_of_footage
from vsaas.footage.findings import note
from vsaas.footage.models import FindingKind
from vsaas.onebox import messages

pytestmark = pytest.mark.usefixtures("pages")

GERMAN = {"accept-language": "de-AT,de;q=0.9,en;q=0.5"}


def at(cast: Cast, rest: str = "") -> str:
    return f"/t/{cast.tenant_a.slug}/{rest}"


def language_of(reply: HttpResponse) -> str:
    """What the page says its language is; the header must say the same."""
    found = re.search(r'<html lang="([a-z-]+)"', reply.content.decode())
    assert found is not None
    assert reply["Content-Language"] == found[1]
    return found[1]


def choose(account: Account, code: str | None) -> None:
    with tenant_scope(account.tenant_id):
        Account.objects.filter(pk=account.pk).update(language=code)


def api(client: Client, cast: Cast, method: str, rest: str, body: Any = None, **headers: str) -> HttpResponse:
    return client.generic(
        method,
        f"/api/v1/{rest}",
        b"" if body is None else json.dumps(body),
        content_type="application/json",
        headers={"VSaaS-Tenant": cast.tenant_a.slug, "accept": "application/json", **headers},
    )


# ---- which language


def test_the_account_comes_before_the_cookie_and_the_cookie_before_the_browser(cast, client_for):
    bob = client_for(cast.bob)
    page = at(cast, "account")
    assert language_of(bob.get(page)) == "en"
    assert language_of(bob.get(page, headers=GERMAN)) == "de"
    bob.cookies["vsaas_language"] = "en"
    assert language_of(bob.get(page, headers=GERMAN)) == "en"
    choose(cast.bob, "de")
    assert language_of(bob.get(page)) == "de"
    choose(cast.bob, "en")
    bob.cookies["vsaas_language"] = "de"
    assert language_of(bob.get(page, headers=GERMAN)) == "en"


def test_the_account_counts_already_while_the_second_factor_is_owed(cast):
    choose(cast.bob, "de")
    client = Client(headers={"accept": "text/html"})
    client.post(at(cast, "sign-in"), {"email": cast.bob.email, "password": "correct horse battery 7 staple"})
    assert language_of(client.get(at(cast, "sign-in/factor"))) == "de"
    client.cookies["vsaas_language"] = "en"  # what the button on this page sets
    assert language_of(client.get(at(cast, "sign-in/factor"))) == "en"


@pytest.mark.parametrize(
    ("cookie", "header", "spoken"),
    [
        ("", "", "en"),
        ("", "fr, tlh;q=0.9", "en"),
        ("", "fr, de;q=0.3, en;q=0.2", "de"),
        ("", "*", "en"),
        ("", "de;q=abc,,;;q=", "en"),
        ("fr", "de", "de"),
        ("../../etc/passwd", "de", "de"),
        ("x" * 3000, "", "en"),
        ("de", "en", "de"),
    ],
)
def test_a_language_the_portal_does_not_speak_counts_as_none(cast, cookie, header, spoken):
    client = Client(headers={"accept": "text/html"})
    if cookie:
        client.cookies["vsaas_language"] = cookie
    assert language_of(client.get(at(cast, "sign-in"), headers={"accept-language": header})) == spoken


def test_a_stored_language_that_is_spoken_no_more_counts_as_none(cast, client_for):
    choose(cast.bob, "tlh")
    bob = client_for(cast.bob)
    assert language_of(bob.get(at(cast, "account"), headers=GERMAN)) == "de"


def test_replies_say_what_they_depend_on(cast, client_for):
    reply = client_for(cast.bob).get(at(cast, "account"), headers=GERMAN)
    assert reply["Content-Language"] == "de"
    assert {"Accept-Language", "Cookie"} <= set(re.split(r",\s*", reply["Vary"]))


def test_two_requests_of_different_languages_in_one_thread_do_not_mix(cast):
    client = Client(headers={"accept": "text/html"})
    spoken = [
        language_of(client.get(at(cast, "sign-in"), headers={"accept-language": code}))
        for code in ("de", "en", "de", "fr", "de")
    ]
    assert spoken == ["de", "en", "de", "en", "de"]
    assert translation.get_language() == "en"
    # Nor after a page that ends in an error, nor with a language left behind by somebody else on the thread.
    assert client.get("/nothing/here", headers=GERMAN).status_code == 404
    assert translation.get_language() == "en"
    translation.activate("de")
    try:
        assert language_of(client.get(at(cast, "sign-in"))) == "en"
    finally:
        translation.deactivate()


# ---- choosing


def test_the_language_is_chosen_on_my_account_without_a_script(cast, client_for):
    bob = client_for(cast.bob)
    page = bob.get(at(cast, "account")).content.decode()
    assert '<option value="de" lang="de">Deutsch</option>' in page
    reply = bob.post(at(cast, "account/language"), {"language": "de"})
    assert (reply.status_code, reply["Location"]) == (302, at(cast, "account"))
    assert bob.cookies["vsaas_language"].value == "de"
    assert bob.cookies["vsaas_language"]["samesite"] == "Lax"
    page = bob.get(at(cast, "account"))
    assert language_of(page) == "de"
    assert '<option value="de" lang="de" selected>Deutsch</option>' in page.content.decode()
    # Another browser of the same person.
    assert language_of(sign_in(cast.bob).get(at(cast, "account"))) == "de"
    bob.post(at(cast, "account/language"), {"language": ""})
    assert bob.cookies["vsaas_language"].value == ""
    with tenant_scope(cast.tenant_a.id):
        assert Account.objects.get(pk=cast.bob.pk).language is None
    assert language_of(bob.get(at(cast, "account"))) == "en"


def test_the_door_offers_the_other_language_and_the_browser_keeps_it(cast):
    client = Client(headers={"accept": "text/html"}, enforce_csrf_checks=True)
    page = at(cast, "sign-in?next=" + at(cast, "people"))
    text = client.get(page).content.decode()
    assert 'value="de" lang="de">Deutsch</button>' in text
    assert 'value="en"' not in text
    form = {"language": "de", "csrfmiddlewaretoken": client.cookies["vsaas_csrf"].value}
    reply = client.post(at(cast, "language"), form, headers={"referer": "http://testserver" + page})
    assert (reply.status_code, reply["Location"]) == (302, page)
    text = client.get(page)
    assert language_of(text) == "de"
    assert 'value="en" lang="en">English</button>' in text.content.decode()


def test_who_is_signed_in_chooses_for_the_account_at_the_door_as_well(cast, client_for):
    bob = client_for(cast.bob)
    bob.post(at(cast, "language"), {"language": "de"})
    with tenant_scope(cast.tenant_a.id):
        assert Account.objects.get(pk=cast.bob.pk).language == "de"


@pytest.mark.parametrize(
    ("referer", "location"),
    [
        ("", "/t/SLUG/sign-in"),
        ("https://evil.example/t/x", "/t/SLUG/sign-in"),
        ("http://testserver//evil.example/", "/evil.example/"),
        ("http://testserver/ca?x=1", "/ca?x=1"),
        ("javascript:alert(1)", "/t/SLUG/sign-in"),
    ],
)
def test_choosing_leads_nowhere_else(cast, referer, location):
    client = Client(headers={"accept": "text/html"})
    reply = client.post(at(cast, "language"), {"language": "de"}, headers={"referer": referer})
    assert reply["Location"] == location.replace("SLUG", cast.tenant_a.slug)


def test_a_language_that_is_not_offered_changes_nothing(cast, client_for):
    bob = client_for(cast.bob)
    assert bob.post("/language", {"language": "tlh"}).status_code == 302
    assert "vsaas_language" not in bob.cookies


# ---- the API


def test_programs_read_and_change_the_language_of_an_account(cast, client_for):
    bob = client_for(cast.bob)
    assert api(bob, cast, "GET", "account").json()["language"] is None
    reply = api(bob, cast, "PATCH", "account", {"language": "de"})
    assert (reply.status_code, reply.json()["language"], reply.json()["name"]) == (200, "de", "Bob")
    wrong = api(bob, cast, "PATCH", "account", {"language": "tlh"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "language")
    assert api(bob, cast, "GET", "account").json()["language"] == "de"
    assert api(bob, cast, "PATCH", "account", {"language": None}).json()["language"] is None
    assert api(bob, cast, "PATCH", "account", {}).status_code == 422


def test_problem_details_are_in_the_callers_language_and_their_types_in_none(cast, client_for):
    bob = client_for(cast.bob)
    body = {"agent": str(cast.bob.pk), "name": "Gate", "main_url": "rtsp://192.0.2.1/main"}
    english = api(bob, cast, "POST", "cameras", body)
    german = api(bob, cast, "POST", "cameras", body, **GERMAN)
    assert (english.status_code, german.status_code) == (403, 403)
    assert (english["Content-Language"], german["Content-Language"]) == ("en", "de")
    assert english.json()["type"] == german.json()["type"] == "urn:vsaas:problem:denied"
    assert english.json()["title"] == "You may not do this"
    assert english.json()["detail"] == (
        "your role does not let you add and change cameras; ask an owner of your organisation"
    )
    assert german.json()["title"] == "Das dürfen Sie nicht"
    assert german.json()["detail"] == (
        "Ihre Rolle umfasst dieses Recht nicht: „Kameras hinzufügen und ändern“; "
        "bitten Sie einen Eigentümer Ihrer Organisation"
    )


def test_wrong_fields_are_told_in_german(cast, client_for):
    alice = client_for(cast.alice)
    reply = api(alice, cast, "POST", "sites", {"name": "", "timezone": "Nowhere/At all"}, **GERMAN)
    messages_told = {row["field"]: row["message"] for row in reply.json()["errors"]}
    assert reply.status_code == 422
    assert reply.json()["title"] == "Einige Felder sind falsch"
    assert messages_told["name"] == "Dieses Feld darf nicht leer sein."
    reply = api(alice, cast, "POST", "sites", {"name": "Dock", "timezone": "Nowhere/At all"}, **GERMAN)
    assert reply.json()["errors"] == [
        {"field": "timezone", "message": "ist keine Zeitzone: Schreiben Sie eine wie Europe/Berlin"}
    ]


def test_rights_do_not_depend_on_the_language(cast, client_for):
    """They stand in sets: their words must not be part of what they are."""
    with translation.override("de"):
        alice = client_for(cast.alice)
        assert api(alice, cast, "GET", "cameras", **GERMAN).status_code == 200
    assert api(alice, cast, "GET", "members", **GERMAN).status_code == 200


def test_with_a_token_the_account_counts_and_no_cookie(cast):
    _row, token = make_token(cast.alice, CAMERA_VIEW)
    client = Client(headers={"accept": "application/json", "authorization": f"Bearer {token}"})
    client.cookies["vsaas_language"] = "de"
    assert client.get("/api/v1/audit").json()["title"] == "You may not do this"
    assert client.get("/api/v1/audit", headers=GERMAN).json()["title"] == "Das dürfen Sie nicht"
    choose(cast.alice, "de")
    assert client.get("/api/v1/audit").json()["title"] == "Das dürfen Sie nicht"


def test_strangers_are_refused_in_their_own_language(cast):
    reply = Client().get("/api/v1/cameras", headers={"authorization": "Bearer nonsense", **GERMAN})
    assert (reply.status_code, reply.json()["title"]) == (401, "Dieses Zugriffstoken wird nicht angenommen")
    page = Client(headers={"accept": "text/html"}).get("/nothing/here", headers=GERMAN)
    assert (page.status_code, language_of(page)) == (404, "de")
    assert "An dieser Adresse gibt es nichts" in page.content.decode()


def test_agents_are_told_in_english_what_their_logs_keep(cast):
    reply = Client().post("/agent/v1/records", b"", content_type="application/cbor", headers=GERMAN)
    assert reply.status_code == 401
    assert reply.json()["title"] in ("The request's signature was refused", "Sign again with the fresh nonce")
    assert "Content-Language" not in reply


def test_the_reference_of_the_api_is_english_for_everybody():
    for path in ("/api/schema/", "/api/docs/"):
        english, german = Client().get(path), Client().get(path, headers=GERMAN)
        assert english["Content-Language"] == german["Content-Language"] == "en"
        assert english.content == german.content
    assert b'<html lang="en"' in german.content


# ---- the audit log


def test_the_log_keeps_english_and_is_read_in_the_readers_language(cast, client_for):
    choose(cast.alice, "de")
    alice = client_for(cast.alice)
    form = {"role": "operator", "where": "all", "confirmed": "1"}
    page = at(cast, f"people/{cast.bob.pk}")
    seen = re.search(r'name="seen" value="([^"]*)"', alice.get(page).content.decode())[1]
    reply = alice.post(page, form | {"seen": seen})
    assert reply.status_code == 302, reply.content.decode()
    with tenant_scope(cast.tenant_a.id):
        stored = AuditInbox.objects.get(act="people.access-changed").details
        factor = AuditInbox.objects.filter(act="session.signed-in").last().details
    assert stored == {"role": "Operator", "sites": "all sites", "before": "Viewer of Gate"}
    assert factor == {"factor": "the authenticator app"}
    german = alice.get(at(cast, "audit")).content.decode()
    assert "Alice hat Bob zum Bediener gemacht (alle Standorte); vorher: Betrachter (Gate)" in german
    assert "Alice hat sich mit der Authenticator-App angemeldet" in german
    choose(cast.alice, "en")
    english = alice.get(at(cast, "audit")).content.decode()
    assert "Alice made Bob Operator of all sites; Bob was Viewer of Gate" in english


def test_words_of_the_log_are_found_in_the_language_they_are_read_in(cast, client_for):
    alice = client_for(cast.alice)
    asked = at(cast, "audit?text=angemeldet")
    assert "Alice signed in" not in alice.get(asked).content.decode()
    assert "Alice hat sich mit der" in alice.get(asked, headers=GERMAN).content.decode()


def test_a_download_of_the_log_is_in_the_language_of_who_asked(cast, client_for):
    alice = client_for(cast.alice)
    german = b"".join(alice.post(at(cast, "audit/export"), headers=GERMAN)).decode()
    assert "Alice hat sich mit der Authenticator-App angemeldet" in german
    english = b"".join(alice.post(at(cast, "audit/export"))).decode()
    assert "Alice signed in with the authenticator app" in english
    assert "Anfang bis" not in english


@pytest.mark.parametrize(
    ("act", "details", "sentence"),
    [
        (
            "footage.deleted",
            {"segments": 3, "from_time": "a", "to_time": "b", "policy": "retention 30 days"},
            "3 Segmente von Tor von a bis b wurden gelöscht: Aufbewahrung 30 Tage",
        ),
        (
            "footage.deleted",
            {"segments": 3, "from_time": "a", "to_time": "b", "policy": "camera deleted"},
            "3 Segmente von Tor von a bis b wurden gelöscht: Kamera gelöscht",
        ),
        (
            "footage.policy-changed",
            {"days": 30, "quota": "none"},
            "Alice hat Aufbewahrung und Kontingent geändert: 30 Tage, ohne Kontingent",
        ),
        (
            "camera.changed",
            {"changed": "name, main address"},
            "Alice hat an Tor geändert: Name, Adresse des Hauptstroms",
        ),
        (
            "people.removed",
            {"email": "b@example.org", "before": "Viewer of Gate, Yard; Operator of all sites"},
            "Alice hat Tor (b@example.org) entfernt; vorher: Betrachter (Gate, Yard); Bediener (alle Standorte)",
        ),
        (
            "session.ended",
            {"device": "Firefox on Linux", "network": "192.0.2.7"},
            "Alice hat Firefox unter Linux in 192.0.2.7 abgemeldet",
        ),
        (
            "audit.exported",
            {"count": 5, "range": "the beginning to now, person 'Bob'"},
            "Alice hat 5 Einträge des Protokolls heruntergeladen: Anfang bis jetzt, person 'Bob'",
        ),
    ],
)
def test_stored_words_are_spoken(act, details, sentence):
    with translation.override("de"):
        assert acts.sentence_of(act, "Alice", "Tor", details) == sentence


def test_names_are_not_taken_for_words():
    """A site may be called as a message is."""
    with translation.override("de"):
        said = acts.sentence_of(
            "people.invited", "Alice", "Nora", {"role": "Viewer", "sites": "Sites, Recordings"}
        )
    assert said == "Alice hat Nora eingeladen, als Betrachter (Sites, Recordings)"


# ---- whole pages


class Texts(html.parser.HTMLParser):
    """What people read or hear of a page: text, and attributes that are text."""

    SPOKEN = ("aria-label", "title", "placeholder", "alt", "data-copied", "data-selected")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: set[str] = set()
        self.silent = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in ("script", "style", "code", "pre")
        self._add(*(value for name, value in attrs if name in self.SPOKEN and value))

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in ("script", "style", "code", "pre")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self._add(data)

    def _add(self, *found: str) -> None:
        pieces = [piece for text in found for piece in " ".join(text.split()).split(" · ")]
        self.texts |= {piece.strip(" ·") for piece in pieces if re.search(r"[A-Za-z]{2}", piece)}


# Texts that are the same in both languages: names, and words that German has as well.
ALIKE = {
    "Agent", "Android", "Ctrl K", "Deutsch", "English", "Linux", "Live", "Mac", "Name", "Online", "Offline", "Organisation",
    "System", "Version", "Windows", "Browser", "UTC", "GB", "Clips", "Passkey", "Passkeys", "Person", "Token", "optional",
    "Syslog: siem.example.com:6514. OCSF: https://siem.example.com/ingest",
    "name;address;sub_address;user;password Gate 2;rtsp://192.168.1.20/main;rtsp://192.168.1.20/sub;operator;…",
}  # fmt: skip
# What the people of the test are and have; times and sizes are alike by their form.
NAMES = {
    "Alice", "Bob", "Olga", "Ingrid", "Wanda", "Hugo", "Guarded", "By-Hours", "Gate", "Yard", "Tenant A", "Zebra crossing", "Gate east",
    "Script", "Crossings", "Basement",
    "vsaas-edge 0.1.0",
    "alice@example.org", "bob@example.org", "olga@example.org", "ingrid@example.org",
    "wanda@example.org", "hugo@example.org",
}  # fmt: skip
FORMS = re.compile(
    r"[\d.,:\s]*(kB|MB|GB|UTC|CET|CEST)?"
    r"|\d{4}-\d\d-\d\d[\d:.\s]*(UTC|CET|CEST)?"
    r"|[a-z]+(:[a-z]+)+"  # rights
    r"|vsaas_pat_.*|[0-9a-f-]{32,}"
)


def left_in(german: HttpResponse, english: HttpResponse) -> set[str]:
    """What a German page says as the English one does, though it is neither a name nor alike in both."""
    same = Texts(german.content.decode()).texts & Texts(english.content.decode()).texts
    of_tests = {acts.outline(one) for one in acts.all_acts() if one.name.startswith("test.")}
    zones = available_timezones() | {zone.replace("_", " ") for zone in available_timezones()}
    return {text for text in same - ALIKE - NAMES - of_tests - zones if not FORMS.fullmatch(text)}


@pytest.fixture(scope="module")
def stage(database: None, object_store_server: None, pages: None) -> Any:
    made = make_stage().whole()
    with tenant_scope(made.cast.tenant_a.id):
        for kind in (FindingKind.OVERLAP, FindingKind.OBJECT_MISSING, FindingKind.FORK):
            note(kind, "0123", acts_of_footage.GONE_FROM_STORE % {"version": "1"}, camera=made.camera.id)
        alice = who(made.cast.alice)
        record_act(acts.EXPORTED, alice, count=1, range="the beginning to now")
    return made


PAGES = (
    "",
    "account",
    "account/password",
    "account/factor",
    "account/recovery-codes",
    "account/tokens",
    "account/tokens/new",
    "account/tokens/{token}/revoke",
    "people",
    "people/invite",
    "people/{bob}",
    "people/{bob}/remove",
    "people/{bob}/grants",
    "people/{bob}/rights",
    "roles",
    "roles/new",
    "roles/viewer",
    "roles/guarded",
    "roles/guarded/sessions",
    "roles/guarded/delete",
    "roles/guarded/hours",
    "organisation",
    "organisation/sign-in",
    "mail",
    "approvals",
    "approvals/policy",
    "approvals/break-glass",
    "account/email",
    "account/close",
    "audit",
    "audit/{event}",
    "audit/watched?camera={camera}",
    "audit/settings",
    "audit/destinations/new",
    "account/activity",
    "account/keys",
    "keys",
    "sites",
    "sites/add",
    "sites/{site}",
    "cameras/add",
    "cameras/find",
    "cameras/import",
    "cameras/{camera}",
    "cameras/{camera}/people",
    "cameras/{camera}/settings",
    "cameras/{camera}/delete",
    "sync?cameras={camera}",
    "agents",
    "agents/enrol",
    "agents/{agent}",
    "agents/{agent}/revoke",
    "usage",
    "health",
)


@pytest.mark.parametrize("rest", PAGES)
def test_a_german_page_has_no_english_left(stage, rest):
    path = f"/t/{stage.slug}/" + rest.format(
        bob=stage.cast.bob.pk,
        token=stage.token_of_alice.id,
        event=stage.event_id,
        site=stage.site.id,
        camera=stage.camera.id,
        agent=stage.agent_id,
    )
    english, german = stage.alice.get(path), stage.alice.get(path, headers=GERMAN)
    assert (english.status_code, german.status_code) == (200, 200)
    assert (language_of(english), language_of(german)) == ("en", "de")
    assert left_in(german, english) == set()


@pytest.mark.parametrize(
    "path",
    [
        "/t/{slug}/sign-in",
        "/t/{slug}/forgot",
        "/t/{slug}/reset",
        "/t/nobody-here/sign-in",
        "/find-sign-in",
        "/setup/unknown",
        "/t/offline",
    ],
)
def test_a_german_page_before_sign_in_has_no_english_left(stage, path):
    client = Client(headers={"accept": "text/html"})
    path = path.format(slug=stage.slug)
    english, german = client.get(path), client.get(path, headers=GERMAN)
    assert english.status_code == german.status_code
    assert (language_of(english), language_of(german)) == ("en", "de")
    assert left_in(german, english) == set()


def test_a_german_form_says_in_german_what_is_wrong(stage):
    client = Client(headers={"accept": "text/html"})
    wrong = {"email": stage.cast.bob.email, "password": "not the one"}
    path = f"/t/{stage.slug}/sign-in"
    english, german = client.post(path, wrong), client.post(path, wrong, headers=GERMAN)
    assert english.status_code == german.status_code
    assert left_in(german, english) == set()
    assert "gehören hier nicht zusammen" in german.content.decode()


def test_messages_that_stay_as_they_are_are_known():
    """A text that is forgotten to be translated would be one."""
    same = {
        message.id
        for message in messages.load("de")
        if isinstance(message.id, str) and message.id and message.id == message.string
    }
    words = [one for one in same - ALIKE if re.search("[A-Za-z]{2}", re.sub(r"%\(\w+\)[sg]", "", one))]
    known = {
        "%(rate)s Mbit/s", "%(date)s, %(time)s UTC", "Bitrate (kbit/s)", "Codec", "Firmware", "Transport",
    }  # fmt: skip
    assert set(words) <= known
