"""Who watched a camera last night, by the clock of its site; answered from what was released, not from what was asked."""

from __future__ import annotations

import datetime as dt
import html
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.http import HttpResponse
from django.test import Client

from tenants.permissions import AUDIT_VIEW
from tenants.scope import tenant_scope
from tests.api_calls import call
from tests.boxes import make_box, make_keys
from tests.cast import Cast, make_token
from vsaas.agents.models import Agent
from vsaas.audit import sequencer
from vsaas.audit.services import record_act, system, what, who
from vsaas.audit.watched import last_night
from vsaas.cameras.models import Camera
from vsaas.cameras.services import NewCamera, camera_add
from vsaas.common import clock
from vsaas.footage.acts import STILLS_SEEN
from vsaas.keys.acts import KEYS_RELEASED
from vsaas.live import acts as live

pytestmark = pytest.mark.usefixtures("pages")
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def alice(cast: Cast, client_for: Any) -> Client:
    return client_for(cast.alice)


@pytest.fixture
def gate(cast: Cast) -> Camera:
    make_keys(cast.tenant_a)
    box = make_box(cast.tenant_a, cast.site_a)
    with tenant_scope(cast.tenant_a.id):
        agent = Agent.objects.get(id=box.agent_id)
        return camera_add(agent, NewCamera("Gate 2", "rtsp://192.0.2.1/main"), system("tests"))


def at(moment: dt.datetime) -> Any:
    """The clock at a moment."""
    return clock.shifted(moment - clock.now())


def local(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(clock.UTC)


def watch_live(cast: Cast, camera: Camera, begin: str, end: str | None, view: str) -> None:
    with at(local(begin)), tenant_scope(cast.tenant_a.id):
        record_act(live.WATCHED, who(cast.bob), what(camera), view=view)
    if end is not None:
        since, until = (clock.iso(clock.to_us(local(one))) for one in (begin, end))
        with at(local(end)), tenant_scope(cast.tenant_a.id):
            record_act(live.ENDED, who(cast.bob), what(camera), view=view, from_time=since, to_time=until)


def release(cast: Cast, camera: Camera, when: str, begin: str, end: str, *, by: Any = None) -> None:
    since, until = (clock.iso(clock.to_us(local(one))) for one in (begin, end))
    with at(local(when)), tenant_scope(cast.tenant_a.id):
        on = what(camera)
        record_act(KEYS_RELEASED, who(by or cast.olga), on, count=3, from_time=since, to_time=until)


def told(cast: Cast, camera: Camera, query: str = "") -> dict[str, Any]:
    token = make_token(cast.alice, AUDIT_VIEW)[1]
    reply = call(token, "GET", f"/api/v1/audit/watchers?camera={camera.id}{query}")
    assert reply.status_code == 200, reply.content
    found: dict[str, Any] = reply.json()
    return found


def spans(rows: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    def wall(us: int | None) -> str | None:
        return us and clock.from_us(us).astimezone(BERLIN).strftime("%d %H:%M")

    return [(wall(row["from_us"]), wall(row["to_us"])) for row in rows]


@pytest.mark.parametrize(
    ("now", "begin", "end"),
    [
        ("2026-06-10T09:00", "2026-06-09T18:00", "2026-06-10T06:00"),
        ("2026-06-10T03:00", "2026-06-09T18:00", "2026-06-10T03:00"),
        ("2026-06-10T23:00", "2026-06-09T18:00", "2026-06-10T06:00"),
        ("2026-03-29T09:00", "2026-03-28T18:00", "2026-03-29T06:00"),  # the clocks went forward: 11 hours
    ],
)
def test_last_night_is_meant_by_the_clock_on_the_wall(now, begin, end):
    with clock.stopped(), at(local(now)):
        assert last_night(BERLIN) == (local(begin), local(end))


def test_who_watched_last_night_with_the_time_really_released(cast, gate):
    watch_live(cast, gate, "2026-06-09T17:00", "2026-06-09T17:30", "before")
    watch_live(cast, gate, "2026-06-09T17:50", "2026-06-09T18:10", "into")
    watch_live(cast, gate, "2026-06-10T05:55", "2026-06-10T06:20", "out of")
    watch_live(cast, gate, "2026-06-10T02:00", None, "unended")
    release(cast, gate, "2026-06-09T22:00", "2026-06-01T10:00", "2026-06-01T10:02")
    release(cast, gate, "2026-06-09T22:02", "2026-06-01T10:02", "2026-06-01T10:04")
    release(cast, gate, "2026-06-09T22:09", "2026-06-02T10:00", "2026-06-02T10:02")
    release(cast, gate, "2026-06-10T07:00", "2026-06-03T10:00", "2026-06-03T10:02", by=cast.alice)
    sequencer.sequence_tenant(cast.tenant_a.id)
    with at(local("2026-06-10T05:00")), tenant_scope(cast.tenant_a.id):  # waits in the inbox
        record_act(STILLS_SEEN, who(cast.olga), what(gate), from_time="2026-06-01T08:00:00Z")
    since, until = "2026-06-09T16:00:00Z", "2026-06-10T04:00:00Z"
    with at(local("2026-06-10T09:00")):
        found = told(cast, gate)
        page = client_page(cast, gate)
    assert told(cast, gate, f"&from={since}&to={until}")["watchers"] == found["watchers"]
    assert [one["actor"]["name"] for one in found["watchers"]] == ["Bob", "Olga"]
    bob, olga = found["watchers"]
    assert spans(bob["live"]) == [
        ("09 17:50", "09 18:10"),
        ("10 02:00", None),
        ("10 05:55", "10 06:20"),
    ]
    assert spans(olga["footage"]) == [("01 10:00", "01 10:04"), ("02 10:00", "02 10:02")]
    assert (olga["stills"], found["whole"]) == (1, True)
    assert "Who watched Gate 2" in page
    assert "2026-06-01 10:00:00 – 2026-06-01 10:04:00" in page
    assert "the end is not in the log" in page
    assert "Europe/Berlin" in page
    assert "Alice" not in page.split("Last night:")[1].split("</main>")[0]


def client_page(cast: Cast, camera: Camera) -> str:
    from tests.cast import sign_in

    client = sign_in(cast.alice)
    return text_of(client.get(f"/t/{cast.tenant_a.slug}/audit/watched?camera={camera.id}"))


def text_of(reply: HttpResponse) -> str:
    assert reply.status_code == 200, reply.content
    return html.unescape(reply.content.decode())


def test_the_question_stands_one_click_from_camera_and_log(cast, alice, gate):
    link = f"/t/{cast.tenant_a.slug}/audit/watched?camera={gate.id}"
    assert link in text_of(alice.get(f"/t/{cast.tenant_a.slug}/cameras/{gate.id}"))
    assert "Who watched a camera last night" in text_of(alice.get(f"/t/{cast.tenant_a.slug}/audit"))
    page = text_of(alice.get(link))
    assert "Nobody watched this camera in that time." in page
    assert f"camera={gate.id}&act=watching&from=" in page


def test_who_may_not_read_the_log_is_not_offered_it(cast, gate, client_for):
    bob = client_for(cast.bob)
    assert "audit/watched" not in text_of(bob.get(f"/t/{cast.tenant_a.slug}/cameras/{gate.id}"))
    assert bob.get(f"/t/{cast.tenant_a.slug}/audit/watched?camera={gate.id}").status_code == 403


def test_the_log_is_filtered_by_camera_and_by_watching(cast, alice, gate):
    release(cast, gate, "2026-06-09T22:00", "2026-06-01T10:00", "2026-06-01T10:02")
    token = make_token(cast.alice, AUDIT_VIEW)[1]
    both = call(token, "GET", f"/api/v1/audit?camera={gate.id}").json()["items"]
    assert {item["act"] for item in both} == {"camera.added", "keys.released"}
    found = call(token, "GET", f"/api/v1/audit?camera={gate.id}&act=watching").json()["items"]
    assert [item["act"] for item in found] == ["keys.released"]
    assert "2026-06-01T08:00:00Z to 2026-06-01T08:02:00Z" in found[0]["sentence"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("camera=019ac0f2-5a3e-7c11-9d8e-2f6b7a0c4d11", 404),
        ("camera=gate", 404),
        ("", 404),
        ("camera={id}&from=2026-06-01T00:00:00Z", 422),
        ("camera={id}&from=2026-06-01T00:00:00Z&to=2026-07-09T00:00:00Z", 422),
        ("camera={id}&from=2026-06-02T00:00:00Z&to=2026-06-01T00:00:00Z", 422),
        ("camera={id}&from=yesterday&to=2026-06-01T00:00:00Z", 422),
    ],
)
def test_a_question_without_answer_says_why(cast, gate, query, status):
    token = make_token(cast.alice, AUDIT_VIEW)[1]
    reply = call(token, "GET", f"/api/v1/audit/watchers?{query.format(id=gate.id)}")
    assert reply.status_code == status
