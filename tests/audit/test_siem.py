"""Sending the log on: to a real rsyslog over TLS and to an HTTPS server; in order, at least once, resumed after outages."""

from __future__ import annotations

import html
import json
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from tenants.lookups import tenants_with_destinations
from tenants.permissions import AUDIT_VIEW, TENANT_EDIT
from tenants.scope import tenant_scope
from tests.api_calls import call, problem
from tests.audit.receivers import Collector, Rsyslog, collecting
from tests.audit.test_pages import say
from tests.cast import Cast, later, make_token, owner_connection
from vsaas.audit import retention, sequencer
from vsaas.audit.models import AuditDestination, AuditEntry
from vsaas.audit.services import What, Who, record_act, record_refusal, system
from vsaas.audit.siem import destinations, wire
from vsaas.audit.siem.destinations import Wanted
from vsaas.audit.siem.forward import BATCH, forward_tenant
from vsaas.common import clock

NASTY = 'he said "no" ]=\\ | line\nend'


@pytest.fixture
def rsyslog(tmp_path: Path) -> Iterator[Rsyslog]:
    made = Rsyslog(tmp_path)
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    with collecting(tmp_path / "https") as made:
        yield made


def add(cast: Cast, wanted: Wanted) -> AuditDestination:
    with tenant_scope(cast.tenant_a.id):
        return destinations.add(wanted, system("tests"))


def to_rsyslog(cast: Cast, rsyslog: Rsyslog, kind: str = "syslog", **more: Any) -> AuditDestination:
    return add(cast, Wanted("Watch", kind, rsyslog.address, rsyslog.ca_pem, **more))


def to_collector(cast: Cast, collector: Collector, **more: Any) -> AuditDestination:
    return add(cast, Wanted("Watch", "ocsf", collector.url + "in?a=b", collector.ca_pem, **more))


def chained(cast: Cast, *words: str) -> None:
    say(cast, *words)
    sequencer.sequence(cast.tenant_a.id)


def forward(cast: Cast) -> int:
    return forward_tenant(cast.tenant_a.id)


def state(cast: Cast) -> tuple[str, int, str]:
    with tenant_scope(cast.tenant_a.id):
        found = destinations.state_of(AuditDestination.objects.get())
    return found.word, found.behind, found.error


def entries(cast: Cast) -> list[AuditEntry]:
    with tenant_scope(cast.tenant_a.id):
        return list(AuditEntry.objects.order_by("seq"))


def params(data: str) -> dict[str, dict[str, str]]:
    """Structured data (RFC 5424) as a receiver reads it."""
    found: dict[str, dict[str, str]] = {}
    for name, body in re.findall(r'\[([^ \]]+)((?: [^=]+="(?:\\.|[^"\\])*")*)\]', data):
        pairs = re.findall(r' ([^=]+)="((?:\\.|[^"\\])*)"', body)
        found[name] = {key: re.sub(r'\\(["\]\\])', r"\1", value) for key, value in pairs}
    return found


# ---- syslog


def test_a_real_rsyslog_reads_each_entry_as_it_is_in_order(cast, rsyslog):
    to_rsyslog(cast, rsyslog, from_start=True)
    chained(cast, *(f"word {n}" for n in range(BATCH + 20)))
    with tenant_scope(cast.tenant_a.id):
        by = Who("account", cast.bob.id, "Bob \u202eÄö")
        record_refusal(destinations.acts.REFUSED, by, method="GET", path="/x", reason=NASTY)
    sequencer.sequence(cast.tenant_a.id)
    sent = entries(cast)
    assert forward(cast) == len(sent)
    found = rsyslog.until(len(sent))
    assert len(found) == len(sent)
    audit = [params(one["structured-data"])["audit@32473"] for one in found]
    assert [int(one["seq"]) for one in audit] == [entry.seq for entry in sent]
    assert [one["hash"] for one in audit] == [bytes(entry.hash).hex() for entry in sent]
    last, refused = found[-1], sent[-1]
    assert (last["pri"], last["app-name"], last["msgid"]) == ("108", "vsaas", "access.refused")
    assert last["timestamp"].startswith(refused.at.strftime("%Y-%m-%dT%H:%M:%S"))
    details = params(last["structured-data"])["details@32473"]
    assert details["reason"] == NASTY.replace("\n", " ")
    assert audit[-1]["actor"] == "Bob \u202eÄö"
    assert "was refused GET /x" in last["msg"]
    assert found[0]["pri"] == "109"
    assert state(cast) == ("current", 0, "")


def test_cef_is_read_with_its_escapes(cast, rsyslog):
    to_rsyslog(cast, rsyslog, "cef")
    with tenant_scope(cast.tenant_a.id):
        by = Who("account", cast.bob.id, "Bob=|\\")
        record_act(destinations.acts.DESTINATION_TESTED, by, What("thing", "t-1", NASTY))
    sequencer.sequence(cast.tenant_a.id)
    forward(cast)
    found = rsyslog.until(len(entries(cast)))
    text = found[-1]["msg"].removeprefix("\ufeff")
    head = re.split(r"(?<!\\)\|", text, maxsplit=7)
    assert head[:2] == ["CEF:0", "VSaaS"]
    assert (head[4], head[5], head[6]) == ("audit.destination-tested", "… sent a test entry to …", "3")
    values = dict(re.findall(r"(\w+)=((?:\\.|[^=\\])*?)(?= \w+=|$)", head[7]))
    assert values["suser"] == "Bob\\=|\\\\"
    assert values["cs1"] == NASTY.replace("\n", " ").replace("\\", "\\\\").replace("=", "\\=")
    assert (values["cn1"], values["cn1Label"]) == (str(entries(cast)[-1].seq), "seq")
    assert values["outcome"] == "success"


def test_what_was_added_during_an_outage_arrives_once_it_is_over(cast, rsyslog):
    to_rsyslog(cast, rsyslog)
    chained(cast, "before")
    assert forward(cast) == len(entries(cast))
    rsyslog.stop()
    chained(cast, "during 1")
    assert forward(cast) == 0
    word, behind, error = state(cast)
    assert (word, behind) == ("failing", 1)
    assert "nothing listens there" in error
    chained(cast, "during 2")
    assert forward(cast) == 0, "not due yet: it waits a second, then longer"
    assert cast.tenant_a.id not in tenants_with_destinations()
    with later(days=3):
        assert forward(cast) == 0
        chained(cast, "days later")
        rsyslog.start()
    with later(days=3, minutes=6):
        assert forward(cast) == 3
    sent = entries(cast)
    found = rsyslog.until(len(sent))
    seqs = [int(params(one["structured-data"])["audit@32473"]["seq"]) for one in found]
    assert seqs == [entry.seq for entry in sent]
    assert state(cast) == ("current", 0, "")


def test_it_waits_five_minutes_at_most(cast):
    add(cast, Wanted("Watch", "syslog", "localhost:1"))
    chained(cast, "a")
    waits = []
    for attempt in range(12):
        with clock.stopped(), later(hours=attempt):
            forward(cast)
            with tenant_scope(cast.tenant_a.id):
                row = AuditDestination.objects.get()
            waits.append(round((row.next_try_at - clock.now()).total_seconds()))
    assert waits[:3] == [1, 2, 4]
    assert max(waits) == 300


def test_another_certificate_than_the_authoritys_is_refused_and_gets_nothing(cast, rsyslog, tmp_path):
    for number, ca_pem in enumerate(("", Rsyslog(make(tmp_path / "other")).ca_pem)):
        with tenant_scope(cast.tenant_a.id):
            AuditDestination.objects.all().delete()
        add(cast, Wanted("Watch", "syslog", rsyslog.address, ca_pem))
        chained(cast, f"secret {number}")
        assert forward(cast) == 0
        assert "certificate of localhost" in state(cast)[2]
    with tenant_scope(cast.tenant_a.id):
        AuditDestination.objects.all().delete()
    # The right authority, another name: 127.0.0.2 is none of the certificate's.
    add(cast, Wanted("Watch", "syslog", f"127.0.0.2:{rsyslog.port}", rsyslog.ca_pem))
    chained(cast, "secret 3")
    assert forward(cast) == 0
    assert rsyslog.received() == []


def make(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_a_receiver_that_dies_before_it_has_read_gets_everything_again(cast, tmp_path):
    """A listener that completes the handshake, reads nothing and goes: its system answers with a reset."""
    import ssl

    from tests.audit.receivers import authority

    made = authority(tmp_path / "ca")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.server_certificate, made.server_key)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def go_away() -> None:
            plain, _address = server.accept()
            secured = context.wrap_socket(plain, server_side=True)
            secured.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            secured.close()

        thread = threading.Thread(target=go_away)
        thread.start()
        port = server.getsockname()[1]
        add(cast, Wanted("Watch", "syslog", f"localhost:{port}", made.certificate_file.read_text()))
        chained(cast, *(NASTY * 30 for _ in range(50)))
        assert forward(cast) == 0
        thread.join()
    word, behind, error = state(cast)
    assert (word, behind) == ("failing", len(entries(cast)))
    assert error


def test_plain_tcp_is_not_spoken_to(cast):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk() -> None:
            plain, _address = server.accept()
            plain.sendall(b"220 hello\r\n")
            plain.close()

        thread = threading.Thread(target=talk)
        thread.start()
        add(cast, Wanted("Watch", "syslog", f"localhost:{server.getsockname()[1]}"))
        chained(cast, "secret")
        assert forward(cast) == 0
        thread.join()
    assert "does not speak TLS" in state(cast)[2]


# ---- OCSF


def test_ocsf_arrives_as_arrays_with_the_token_and_in_order(cast, collector):
    to_collector(cast, collector, token="Bearer s3cret", header_name="X-Token", from_start=True)
    chained(cast, *(f"word {n}" for n in range(BATCH + 5)))
    sent = entries(cast)
    assert forward(cast) == len(sent)
    assert [one["metadata"]["sequence"] for one in collector.events] == [entry.seq for entry in sent]
    assert [len(body) for body in collector.bodies] == [BATCH, len(sent) - BATCH]
    assert {one["X-Token"] for one in collector.headers} == {"Bearer s3cret"}
    last = collector.events[-1]
    assert (last["class_uid"], last["type_uid"], last["status"]) == (3004, 300499, "Success")
    assert last["time"] == int(sent[-1].at.timestamp() * 1000)
    assert last["unmapped"]["hash"] == bytes(sent[-1].hash).hex()
    assert "s3cret" not in json.dumps(collector.bodies)


@pytest.mark.parametrize("status", [302, 400, 403, 500])
def test_whatever_is_no_success_is_sent_again(cast, collector, status):
    to_collector(cast, collector)
    collector.answers = [status]
    chained(cast, "a")
    assert forward(cast) == 0
    assert f"answered {status}" in state(cast)[2]
    with later(seconds=2):
        assert forward(cast) == len(entries(cast))
    assert len(collector.headers) == 2, "a redirect is not followed"
    assert [one["metadata"]["sequence"] for one in collector.events] == [one.seq for one in entries(cast)]


def test_a_lost_reply_and_a_dead_worker_have_it_sent_again_never_left_out(cast, collector, monkeypatch):
    to_collector(cast, collector)
    chained(cast, "a")
    from vsaas.audit.siem import forward as module

    with monkeypatch.context() as patched:
        patched.setattr(module, "_arrived", lambda *_args: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            forward(cast)
    assert forward(cast) == 0, "the dead worker's lease"
    with later(minutes=2):
        assert forward(cast) == len(entries(cast))
    seqs = [one["metadata"]["sequence"] for one in collector.events]
    assert seqs == [one.seq for one in entries(cast)] * 2


def test_two_workers_do_not_serve_one_destination_at_once(cast, collector):
    row = to_collector(cast, collector)
    chained(cast, "a")
    from vsaas.audit.siem import forward as module

    lease = module._claim(cast.tenant_a.id, row.pk)
    assert lease is not None
    assert forward(cast) == 0
    module._release(cast.tenant_a.id, row.pk, lease)
    assert forward(cast) == len(entries(cast))


def test_entries_pruned_before_they_could_be_sent_do_not_stop_the_rest(cast, collector):
    with later(days=-3 * 366):
        to_collector(cast, collector, from_start=True)
        chained(cast, "old")
    chained(cast, "new")
    with owner_connection() as owner:
        owner.execute(
            "UPDATE audit_auditdestination SET enabled = false WHERE tenant_id = %s", [cast.tenant_a.id]
        )
    assert retention.prune(cast.tenant_a.id) > 0
    with owner_connection() as owner:
        owner.execute(
            "UPDATE audit_auditdestination SET enabled = true WHERE tenant_id = %s", [cast.tenant_a.id]
        )
    assert forward(cast) == len(entries(cast))
    assert collector.events[0]["metadata"]["sequence"] == entries(cast)[0].seq > 0


# ---- no way into the installation's own network


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_addresses_of_the_installations_own_network_are_no_destinations(address):
    assert not wire.is_public(address)


def test_public_addresses_are(database):
    assert wire.is_public("93.184.216.34")
    assert wire.is_public("2606:2800:220:1::1")


def test_a_name_that_leads_inside_is_refused_at_each_connection(cast, collector):
    to_collector(cast, collector, token="Bearer s3cret")
    chained(cast, "a")
    closed = settings.ENV.model_copy(update={"audit_private_targets": False})
    with override_settings(ENV=closed):
        assert forward(cast) == 0
    assert "not a public one" in state(cast)[2]
    assert collector.headers == []


# ---- managing


def token(cast: Cast) -> str:
    return make_token(cast.alice, AUDIT_VIEW, TENANT_EDIT)[1]


def test_a_destination_is_added_changed_tried_and_removed_by_a_program(cast, collector):
    asked = {
        "name": "Centre",
        "kind": "ocsf",
        "address": collector.url,
        "ca_pem": collector.ca_pem,
        "token": "Bearer s3cret",
    }
    made = call(token(cast), "POST", "/api/v1/audit/destinations", asked)
    assert made.status_code == 201, made.content
    assert made.json()["has_token"]
    at = f"/api/v1/audit/destinations/{made.json()['id']}"
    assert call(token(cast), "POST", f"{at}/test").json() == {"arrived": True, "reason": ""}
    assert collector.events[0]["metadata"]["event_code"] == "audit.destination-tested"
    assert "sequence" not in collector.events[0]["metadata"]
    collector.answers = [401]
    tried = call(token(cast), "POST", f"{at}/test").json()
    assert not tried["arrived"]
    assert "answered 401" in tried["reason"]
    moved = call(token(cast), "PATCH", at, {"address": "https://elsewhere.example.com/"})
    assert (moved.status_code, moved.json()["errors"][0]["field"]) == (422, "token")
    changed = call(token(cast), "PATCH", at, {"name": "Center", "enabled": False})
    assert (changed.json()["name"], changed.json()["state"]) == ("Center", "off")
    everything = call(token(cast), "GET", "/api/v1/audit/destinations").content
    assert b"s3cret" not in everything + made.content + changed.content
    assert call(token(cast), "DELETE", at).status_code == 204
    assert call(token(cast), "GET", at).status_code == 404
    sequencer.sequence(cast.tenant_a.id)
    said = [(one.act, json.dumps(one.details)) for one in entries(cast) if "destination" in one.act]
    assert [act for act, _details in said] == [
        "audit.destination-added",
        "audit.destination-tested",
        "audit.destination-tested",
        "audit.destination-changed",
        "audit.destination-removed",
    ]
    assert "s3cret" not in str(said)
    assert "Centre" in said[3][1]
    assert "Center" in said[3][1]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"address": "http://siem.example.com/"}, "address"),
        ({"address": "https://user:pw@siem.example.com/"}, "address"),
        ({"kind": "syslog"}, "address"),
        ({"kind": "syslog", "address": "siem.example.com", "token": "x"}, "token"),
        ({"kind": "syslog", "address": "siem.example.com:99999"}, "address"),
        ({"token": "two\nlines"}, "token"),
        ({"header_name": "Host"}, "header_name"),
        ({"header_name": "A: b"}, "header_name"),
        ({"ca_pem": "no certificate"}, "ca_pem"),
        ({"ca_pem": "ä"}, "ca_pem"),
        ({"address": "https://siem.example.com/ä"}, "address"),
        ({"kind": "syslog", "address": "siem example.com"}, "address"),
        ({"name": "a\u202eb"}, "name"),
        ({"kind": "smoke"}, "kind"),
        ({"name": ""}, "name"),
    ],
)
def test_a_destination_that_cannot_be_is_refused_by_its_field(cast, change, field):
    asked = {"name": "Centre", "kind": "ocsf", "address": "https://siem.example.com/"} | change
    reply = call(token(cast), "POST", "/api/v1/audit/destinations", asked)
    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, field), reply.content


def test_names_are_once_and_there_are_ten_at_most(cast, monkeypatch):
    asked = {"name": "Centre", "kind": "syslog", "address": "siem.example.com"}
    assert call(token(cast), "POST", "/api/v1/audit/destinations", asked).status_code == 201
    assert call(token(cast), "POST", "/api/v1/audit/destinations", asked).status_code == 422
    monkeypatch.setattr(destinations, "MOST", 1)
    reply = call(token(cast), "POST", "/api/v1/audit/destinations", asked | {"name": "Other"})
    assert (reply.status_code, problem(reply)) == (409, "too-many-destinations")


def test_the_page_shows_what_arrives_and_why_not(pages, cast, client_for, collector):
    alice, at = client_for(cast.alice), f"/t/{cast.tenant_a.slug}/audit"
    form = {
        "name": "Centre",
        "kind": "ocsf",
        "address": collector.url,
        "ca_pem": collector.ca_pem,
        "token": "Bearer s3cret",
        "enabled": "on",
    }
    assert alice.post(f"{at}/destinations/new", form | {"address": "nowhere"}).status_code == 422
    assert alice.post(f"{at}/destinations/new", form).status_code == 302
    chained(cast, "a")
    collector.answers = [503]
    forward(cast)
    page = html.unescape(alice.get(f"{at}/settings").content.decode())
    assert "Nothing arrives" in page
    assert "answered 503" in page
    with tenant_scope(cast.tenant_a.id):
        row = AuditDestination.objects.get()
    tried = html.unescape(alice.post(f"{at}/destinations/{row.pk}/test").content.decode())
    assert "The test entry arrived." in tried
    assert "s3cret" not in page + tried
    with later(seconds=2):
        forward(cast)
    assert "Up to date" in alice.get(f"{at}/settings").content.decode()
    renamed = form | {"name": "Center", "token": ""}
    assert alice.post(f"{at}/destinations/{row.pk}", renamed).status_code == 302
    with tenant_scope(cast.tenant_a.id):
        again = AuditDestination.objects.get()
        assert (again.name, destinations.token_of(again)) == ("Center", "Bearer s3cret")
    assert alice.post(f"{at}/destinations/{row.pk}/remove").status_code == 302
    assert "Nowhere yet." in alice.get(f"{at}/settings").content.decode()


def test_retention_and_signature_have_a_page_and_the_api_says_the_same(pages, cast, client_for):
    alice, at = client_for(cast.alice), f"/t/{cast.tenant_a.slug}/audit/settings"
    assert "Nothing of this log is signed yet." in alice.get(at).content.decode()
    assert alice.post(at, {"retention_years": "11"}).status_code == 422
    assert alice.post(at, {"retention_years": "7"}).status_code == 302
    sequencer.sequence(cast.tenant_a.id)
    told = call(token(cast), "GET", "/api/v1/audit/policy").json()
    assert (told["retention_years"], told["signed"]) == (7, told["entries"])
    page = alice.get(at).content.decode()
    assert told["public_key"] in page
    assert f"The first {told['signed']} entries are signed." in page
    changed = call(token(cast), "PATCH", "/api/v1/audit/policy", {"retention_years": 1})
    assert changed.json()["retention_years"] == 1
    sequencer.sequence(cast.tenant_a.id)
    set_to = [one.details for one in entries(cast) if one.act == "audit.retention-set"]
    assert set_to == [{"years": 7, "before": 2}, {"years": 1, "before": 7}]
