"""What falls silent is an alarm within a minute, is told to who looks after it, once, and ends by itself."""

from __future__ import annotations

import re

import pytest

from tenants.models import Membership
from tenants.permissions import MANAGER
from tenants.scope import tenant_scope
from tests.alarms.silence import Silence
from tests.boxes import make_box, problem
from tests.cameras.place import call
from tests.cast import make_account, sign_in
from tests.reading import text
from vsaas.agents.revocation import revoke
from vsaas.alarms import tasks, watching
from vsaas.alarms.models import Alarm
from vsaas.audit.models import AuditInbox
from vsaas.audit.services import system


def test_a_silent_agent_is_told_within_a_minute_and_so_is_its_return(silence: Silence) -> None:
    silence.go_on(35)
    assert silence.alarms() == []
    silence.go_on(20)
    [alarm] = silence.open()
    assert (alarm.kind, alarm.agent_id, alarm.camera_id) == ("agent-silent", silence.place.box.agent_id, None)
    assert (alarm.noticed_at - alarm.began_at).total_seconds() <= 51
    [letter] = silence.mails()
    assert re.search(r" is silent$", letter.subject)
    assert "It records 1 camera." in letter.lines[1]
    silence.go_on(600)
    assert len(silence.mails()) == 1, "told once"
    silence.go_on(20, silence.recording)
    assert silence.open() == []
    [_silent, back] = silence.mails()
    assert re.search(r" is back$", back.subject)
    assert "is heard again" in back.lines[1]


def test_a_camera_that_is_not_recorded_is_told_with_its_cause(silence: Silence) -> None:
    silence.go_on(15, silence.offline)
    assert silence.alarms() == []
    silence.go_on(20, silence.offline)
    [alarm] = silence.open()
    assert (alarm.camera_id, alarm.cause) == (silence.place.camera.id, "offline")
    silence.go_on(10, lambda: silence.beat({silence.place.camera: "refused"}))
    assert [one.cause for one in silence.open()] == ["refused"], "still the same alarm"
    [letter] = silence.mails()
    assert letter.subject == "Door is silent"
    silence.go_on(120, silence.recording)
    assert silence.open() == []
    assert [one.subject for one in silence.mails()] == ["Door is silent", "Door is back"]


def test_a_camera_that_connects_anew_is_given_the_time_to(silence: Silence) -> None:
    connecting = lambda: silence.beat({silence.place.camera: "connecting"})  # noqa: E731
    silence.go_on(40, connecting)
    assert silence.alarms() == []
    silence.go_on(20, connecting)
    assert [one.cause for one in silence.open()] == ["connecting"]


def test_a_switch_that_loses_power_is_one_message(silence: Silence) -> None:
    cameras = [silence.place.camera, *silence.more_cameras(40)]
    silence.go_on(60, lambda: silence.beat(dict.fromkeys(cameras, "recording")))
    silence.go_on(120, lambda: silence.beat(dict.fromkeys(cameras, "offline")))
    assert len(silence.open()) == 41
    [letter] = silence.mails()
    assert letter.subject.endswith(": 41 are silent")
    assert letter.lines[-1] == "And 11 more."
    silence.go_on(300)
    assert len(silence.open()) == 42, "of a silent agent's cameras nothing new is known"
    assert len(silence.mails()) == 2


def test_what_falls_silent_again_and_again_is_told_every_half_hour(silence: Silence) -> None:
    for _time in range(5):
        silence.go_on(60, silence.offline)
        silence.go_on(60, silence.recording)
    assert len(silence.alarms()) == 5
    told = len(silence.mails())
    assert 2 <= told <= 5
    silence.at += 1000
    silence.go_on(30, silence.recording)
    assert len(silence.mails()) == told
    silence.at += 800
    silence.go_on(30, silence.recording)
    assert len(silence.mails()) == told + 1


def test_a_portal_that_hears_nobody_calls_nobody_silent(silence: Silence) -> None:
    cast = silence.place.cast
    boxes = [make_box(cast.tenant_a, cast.site_a) for _n in range(4)]
    all_speak = lambda: [silence.recording(), *(silence.beat(box=box) for box in boxes)]  # noqa: E731
    silence.go_on(60, all_speak)
    silence.go_on(240)
    assert silence.alarms() == []
    silence.go_on(40, silence.recording)
    assert silence.alarms() == [], "the others have the time to speak again"
    silence.go_on(30, silence.recording)
    assert len(silence.open()) == 4


def test_a_worker_that_was_away_calls_nobody_silent_at_once(silence: Silence) -> None:
    silence.at += 300
    silence.go_on(40)
    assert silence.alarms() == []
    silence.go_on(20)
    assert len(silence.open()) == 1


def test_whatever_redis_forgot_is_found_by_looking_everywhere(silence: Silence) -> None:
    silence.at += 100
    with silence._now():
        watching.client().flushdb()
        tasks.look_at_tenant(str(silence.place.cast.tenant_a.id))
        assert len(silence.open()) == 1


@pytest.mark.parametrize("how", ["disabled", "deleted", "revoked"])
def test_what_is_not_to_record_any_more_is_no_alarm(silence: Silence, how: str) -> None:
    silence.go_on(60, silence.offline)
    assert len(silence.open()) == 1
    place = silence.place
    if how == "revoked":
        with tenant_scope(place.cast.tenant_a.id, keys=True):
            revoke(place.box.agent(), system("tests"))
    elif how == "disabled":
        assert (
            call(place.alice, place, "PATCH", f"cameras/{place.camera.id}", {"enabled": False}).status_code
            == 200
        )
    else:
        assert call(place.alice, place, "DELETE", f"cameras/{place.camera.id}").status_code == 204
    with silence._now():
        tasks.look_at_tenant(str(place.cast.tenant_a.id))
    assert silence.open() == []


def test_only_who_looks_after_it_is_told(silence: Silence) -> None:
    cast = silence.place.cast
    with tenant_scope(cast.tenant_a.id):
        make_account("Mia", MANAGER, cast.other_site_a)
        mo = make_account("Mo", MANAGER, cast.site_a)
        make_account("Max", MANAGER, cast.site_a)
    silence.go_on(30, silence.offline)
    with tenant_scope(cast.tenant_a.id):  # before the message is written, but after it was decided
        Membership.objects.filter(account=mo).delete()
    assert len(silence.mails("max@example.org")) == 1
    for other in ("mia", "mo", "olga", "bob"):
        assert silence.mails(f"{other}@example.org") == [], other


def test_the_page_shows_what_is_silent_and_what_is_back(silence: Silence) -> None:
    place = silence.place
    assert "Nothing is silent" in text(place.alice.get(place.url("alarms")))
    silence.go_on(60, silence.offline)
    shown = text(place.alice.get(place.url("alarms")))
    assert "Door Gate The agent cannot reach the camera. Silent" in shown, shown
    assert "Health 1 waiting" in shown, "in the rail"
    silence.go_on(60, silence.recording)
    assert "Door Gate The agent cannot reach the camera. Back" in text(place.alice.get(place.url("alarms")))
    assert "Door" not in text(sign_in(place.cast.charlie).get(f"/t/{place.cast.tenant_b.slug}/alarms"))


def test_programs_read_alarms_by_page_and_state(silence: Silence) -> None:
    place = silence.place
    silence.go_on(60, silence.offline)
    silence.go_on(60, silence.recording)
    silence.go_on(60, silence.offline)
    found = call(place.alice, place, "GET", "alarms?limit=1").json()
    [newest] = found["items"]
    assert newest["camera"] == {"id": str(place.camera.id), "name": "Door"}
    assert newest["ended_us"] is None
    [older] = call(place.alice, place, "GET", f"alarms?limit=1&cursor={found['next']}").json()["items"]
    assert older["began_us"] < older["ended_us"] <= newest["noticed_us"]
    assert len(call(place.alice, place, "GET", "alarms?open=true").json()["items"]) == 1
    assert len(call(place.alice, place, "GET", "alarms?open=false").json()["items"]) == 1
    assert call(place.alice, place, "GET", "alarms?open=maybe").status_code == 422


def test_everybody_chooses_what_they_are_told(silence: Silence) -> None:
    place = silence.place
    cast = place.cast
    assert call(place.alice, place, "GET", "alarms/told").json() == {"by_mail": True, "sites": None}
    yard = str(cast.other_site_a.id)
    reply = place.alice.post(place.url("alarms/told"), {"by_mail": "on", "all_sites": "no"})
    assert reply.status_code == 422
    assert "Choose a site, or all of them." in text(reply)
    reply = place.alice.post(place.url("alarms/told"), {"by_mail": "on", "all_sites": "no", "sites": [yard]})
    assert reply.status_code == 302
    assert call(place.alice, place, "GET", "alarms/told").json() == {"by_mail": True, "sites": [yard]}
    with tenant_scope(cast.tenant_a.id):
        assert AuditInbox.objects.filter(act="alarms.chosen", details__told="of single sites").count() == 1
    silence.go_on(60, silence.offline)
    assert silence.mails() == [], "the Gate is not the Yard"
    strange = {"by_mail": True, "sites": [str(cast.site_b.id)]}
    refused = call(place.alice, place, "PUT", "alarms/told", strange)
    assert (refused.status_code, problem(refused)) == (422, "invalid-fields")
    olga = sign_in(cast.olga)
    assert call(olga, place, "PUT", "alarms/told", {"by_mail": True}).json() == {
        "by_mail": True,
        "sites": None,
    }
    silence.go_on(60, silence.recording)
    assert [one.subject for one in silence.mails("olga@example.org")] == ["Door is back"]


def test_who_chooses_to_be_told_is_told_from_then_on(silence: Silence) -> None:
    place = silence.place
    assert call(place.alice, place, "PUT", "alarms/told", {"by_mail": False}).status_code == 200
    silence.go_on(60, silence.offline)
    silence.go_on(60, silence.recording)
    with silence._now():
        alice = sign_in(place.cast.alice)
        assert call(alice, place, "PUT", "alarms/told", {"by_mail": True}).status_code == 200
    silence.go_on(60, silence.offline)
    assert [one.subject for one in silence.mails()] == ["Door is silent"]


def test_who_chose_nothing_is_told_as_long_as_they_change_cameras(silence: Silence) -> None:
    cast = silence.place.cast
    with tenant_scope(cast.tenant_a.id):
        mo = make_account("Mo", MANAGER, cast.site_a)
    silence.go_on(60, silence.offline)
    assert len(silence.mails("mo@example.org")) == 1
    with tenant_scope(cast.tenant_a.id):
        Membership.objects.filter(account=mo).update(role="operator")
    silence.go_on(120, silence.recording)
    assert len(silence.mails("mo@example.org")) == 1
    assert len(silence.mails()) == 2


def test_a_time_beyond_all_dates_is_refused_and_alarms_go_on(silence: Silence) -> None:
    stream = silence.stream(silence.place.camera, "offline")
    for name in ("since_us", "last_frame_us"):
        refused = silence.place.box.beat(streams=[stream | {name: 2**62}])
        assert (refused.status_code, problem(refused)) == (400, "malformed-message")


def test_alarms_of_long_ago_are_deleted(silence: Silence) -> None:
    silence.go_on(60, silence.offline)
    silence.go_on(60, silence.recording)
    silence.go_on(60, silence.offline)
    silence.at += watching.KEPT.total_seconds() + 3600
    with silence._now():
        tasks.forget_in_tenant(str(silence.place.cast.tenant_a.id))
        with tenant_scope(silence.place.cast.tenant_a.id):
            [left] = Alarm.objects.all()
    assert left.ended_at is None
