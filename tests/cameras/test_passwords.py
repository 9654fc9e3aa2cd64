"""Passwords of cameras in the portal: runs, what agents report, the schedule, and who sees one."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from protocol import b64
from protocol.camera_source import seal_source
from protocol.order import Order
from protocol.passwords import ChangedCamera, PasswordReport, open_password, seal_password
from sealing.cose import parse1
from sealing.ids import Stream
from tenants.models import Membership
from tenants.permissions import INSTALLER
from tenants.scope import tenant_scope
from tests.api_calls import problem
from tests.cameras.place import BY, Place, call
from tests.cast import later, make_account, make_fresh, sign_in
from tests.reading import text
from vsaas.agents.commands import NEWS_ORDER, channel_of
from vsaas.agents.presence import presence_key
from vsaas.audit.models import AuditInbox
from vsaas.cameras import passwords
from vsaas.cameras.handing_over import sealed_elsewhere
from vsaas.cameras.models import Camera, CameraSource, PasswordChange, PasswordRun
from vsaas.cameras.password_schedules import begin_due, months_later
from vsaas.cameras.services import NewCamera, camera_add
from vsaas.common import clock
from vsaas.common.redis import client
from vsaas.keys.models import KeyPurpose, TenantKey
from vsaas.keys.tenant_keys import newest_key, open_private

NEW = "aB3-new-password-xyz"


class Agent:
    """The agent of the place: hears its orders, and reports as the real one does."""

    def __init__(self, place: Place) -> None:
        self._place = place
        assert place.box.agent_id is not None
        self.id: UUID = place.box.agent_id
        self._pubsub = client().pubsub()
        client().set(presence_key(self.id), "tests", ex=120)
        self._pubsub.subscribe(channel_of(self.id))

    def order(self) -> Any:
        """The task of the next order; None where there is none."""
        while (message := self._pubsub.get_message(timeout=0.3)) is not None:
            data = message["data"]
            if isinstance(data, bytes) and data.startswith(NEWS_ORDER):
                return Order.from_payload(parse1(data.removeprefix(NEWS_ORDER)).payload).task
        return None

    def changed(self, change: UUID, *names: str, password: str = NEW, cause: str = "") -> PasswordReport:
        """What it reports when the cameras of these names have got the password."""
        place, tenant = self._place, self._place.cast.tenant_a.id
        with tenant_scope(tenant):
            key = newest_key(tenant, KeyPurpose.RECIPIENT)
        public = place.box.box.public_key().public_bytes_raw()
        rows = []
        for name in names:
            order = place.orders()[name]
            main = seal_source(
                tenant, order.camera, Stream.MAIN, f"rtsp://u:{password}@10.0.0.7/main", public
            )
            before = hashlib.sha256(order.source_main).digest()
            sealed = seal_password(tenant, order.camera, change, password, bytes(key.public_key))
            rows.append(ChangedCamera(order.camera, b"" if cause else main, None, before, sealed))
        return PasswordReport(change, cause, bytes(key.kid), tuple(rows))

    def tell(self, report: PasswordReport) -> int:
        reply = self._place.box.send(
            "POST", "/agent/v1/passwords", report.encode(), content_type="application/cbor"
        )
        return int(reply.status_code)

    def close(self) -> None:
        self._pubsub.close()


@pytest.fixture
def agent(place: Place) -> Iterator[Agent]:
    agent = Agent(place)
    yield agent
    agent.close()


def told(place: Place) -> list[str]:
    with tenant_scope(place.cast.tenant_a.id):
        acts = AuditInbox.objects.filter(act__startswith="camera.password").order_by("id")
        return list(acts.values_list("act", flat=True))


def begin(place: Place, **fields: Any) -> dict[str, Any]:
    reply = call(place.alice, place, "POST", "password-runs", fields)
    assert reply.status_code == 202, reply.content
    found: dict[str, Any] = reply.json()
    return found


def run_now(place: Place, run: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = call(place.alice, place, "GET", f"password-runs/{run['id']}").json()
    return found


def test_a_password_is_changed_shown_to_whoever_may_and_put_back(place: Place, agent: Agent) -> None:
    former = place.source(place.orders()["Door"])
    run = begin(place)
    assert (run["about"], [one["state"] for one in run["changes"]]) == ("all cameras", ["asked"])
    task = agent.order()
    assert str(task.change) == run["changes"][0]["id"]
    assert call(place.alice, place, "POST", "password-runs", {}).json()["type"].endswith("password-under-way")
    report = agent.changed(task.change, "Door")
    version = place.now().version
    assert (agent.tell(report), agent.tell(report)) == (200, 200), "the same again is no change"
    done = run_now(place, run)
    assert done["ended_us"] is not None
    assert [one["state"] for one in done["changes"]] == ["done"]
    assert place.source(place.orders()["Door"]) == f"rtsp://u:{NEW}@10.0.0.7/main"
    assert place.now().version == version + 1

    path = f"cameras/{place.camera.id}/password"
    known = call(place.alice, place, "GET", path).json()
    assert known["changed_us"]
    assert known["may"] == {"reveal": True, "reveal_spare": False, "restore": True}
    assert NEW not in str(known)
    page = place.alice.get(place.url(path))
    assert NEW not in page.content.decode()
    make_fresh(place.alice, place.cast.tenant_a.slug)
    shown = place.alice.post(place.url(f"{path}/reveal"))
    assert NEW in shown.content.decode()
    assert shown["Cache-Control"] == "no-store"
    assert shown["Refresh"].startswith("60; url=")
    by_api = call(place.alice, place, "POST", f"{path}/revealing", {})
    assert by_api.json()["password"] == NEW

    back = begin(place, cameras=[str(place.camera.id)], restore=True)
    task = agent.order()
    assert place.source(type("", (), {"source_main": task.former, "camera": place.camera.id})) == former
    assert agent.tell(agent.changed(task.change, "Door", password="p")) == 200
    assert run_now(place, back)["changes"][0]["state"] == "done"
    assert call(place.alice, place, "POST", f"{path}/revealing", {}).json()["password"] == "p"
    assert told(place) == [
        "camera.passwords-asked",
        "camera.password-changed",
        "camera.password-revealed",
        "camera.password-revealed",
        "camera.passwords-asked",
        "camera.password-changed",
        "camera.password-revealed",
    ]


def test_one_camera_of_an_agent_at_a_time_and_a_report_with_reasons_and_another_try(
    place: Place, agent: Agent
) -> None:
    with tenant_scope(place.cast.tenant_a.id):
        for name in ("Gate", "Hall"):
            camera_add(place.box.agent(), NewCamera(name, f"rtsp://u:p@10.0.0.8/{name}"), BY)
    page = place.alice.get(place.url("cameras/passwords?of=all"))
    assert "Change the passwords of 3 cameras" in text(page)
    begun = place.alice.post(place.url("cameras/passwords"), {"of": "all"})
    assert begun.status_code == 302
    first = agent.order()
    assert agent.order() is None
    assert "0 of 3" in text(place.alice.get(begun["Location"]))
    # The three are channels of two devices: Gate and Hall share theirs.
    assert agent.tell(PasswordReport(first.change, "credentials")) == 200
    second = agent.order()
    assert agent.tell(agent.changed(second.change, "Gate", "Hall")) == 200
    assert agent.order() is None
    report = text(place.alice.get(begun["Location"]))
    assert "The camera refuses the user or password it is recorded with" in report
    assert "1 camera was not changed" in report
    again = place.alice.post(begun["Location"])
    assert again.status_code == 302
    assert agent.order().camera == first.camera
    assert "0 of 1" in text(place.alice.get(again["Location"]))
    assert "2 of 3 done, 1 not done" in text(place.alice.get(place.url("cameras/passwords")))


def test_what_nobody_answers_for_is_given_up_and_a_late_report_still_counts(
    place: Place, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin(place)
    change = agent.order().change
    later = clock.now() + dt.timedelta(seconds=passwords.NO_ANSWER_S + 1)
    with monkeypatch.context() as patched, tenant_scope(place.cast.tenant_a.id):
        patched.setattr(clock, "now", lambda: later)
        passwords.advance()
        long_after = later + dt.timedelta(days=91)
        patched.setattr(clock, "now", lambda: long_after)
        passwords.forget_old()  # its agent may still say which password the camera has
    assert run_now(place, run)["changes"][0]["cause"] == "no-answer"
    assert agent.tell(agent.changed(change, "Door")) == 200
    assert run_now(place, run)["changes"][0]["state"] == "done"
    assert place.source(place.orders()["Door"]).startswith(f"rtsp://u:{NEW}@")
    assert agent.tell(PasswordReport(uuid4(), "timeout")) == 404
    with monkeypatch.context() as patched, tenant_scope(place.cast.tenant_a.id):
        for days, left in ((89, 1), (92, 0)):
            then = clock.now() + dt.timedelta(days=days)
            patched.setattr(clock, "now", lambda then=then: then)
            passwords.forget_old()
            assert PasswordRun.objects.count() == left
            patched.undo()


def test_an_agent_that_is_away_is_waited_for_a_day(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    run = begin(place)
    assert run["changes"][0]["state"] == "waiting"
    later = clock.now() + dt.timedelta(seconds=passwords.WAITS_S + 1)
    with monkeypatch.context() as patched, tenant_scope(place.cast.tenant_a.id):
        patched.setattr(clock, "now", lambda: later)
        passwords.advance()
    assert run_now(place, run)["changes"][0]["cause"] == "agent-offline"


def test_an_address_typed_meanwhile_stays_and_the_new_password_is_not_lost(
    place: Place, agent: Agent
) -> None:
    run = begin(place)
    change = agent.order().change
    report = agent.changed(change, "Door")
    typed = {"main_url": "rtsp://u:typed@10.0.0.9/main"}
    assert call(place.alice, place, "PATCH", f"cameras/{place.camera.id}", typed).status_code == 200
    assert agent.tell(report) == 200
    assert run_now(place, run)["changes"][0]["cause"] == "address-changed"
    assert place.source(place.orders()["Door"]) == "rtsp://u:typed@10.0.0.9/main"
    make_fresh(place.alice, place.cast.tenant_a.slug)
    path = f"cameras/{place.camera.id}/password/revealing"
    assert call(place.alice, place, "POST", path, {}).status_code == 409
    assert call(place.alice, place, "POST", path, {"which": "spare"}).json()["password"] == NEW


def test_a_report_whose_address_is_not_sealed_to_the_box_is_refused(place: Place, agent: Agent) -> None:
    begin(place)
    before = place.source(place.orders()["Door"])
    report = agent.changed(agent.order().change, "Door")
    for other in ({"main": b"no envelope"}, {"sub": report.cameras[0].main}):
        assert agent.tell(replace(report, cameras=(replace(report.cameras[0], **other),))) == 400
        assert place.source(place.orders()["Door"]) == before
    with tenant_scope(place.cast.tenant_a.id):
        CameraSource.objects.update(sealed=b"no envelope")
        assert sealed_elsewhere(agent.id) == []


def test_a_failed_report_sent_again_changes_nothing_and_an_older_one_brings_no_spare(
    place: Place, agent: Agent
) -> None:
    begin(place)
    first = agent.order().change
    failed = agent.changed(first, "Door", cause="neither")
    assert (agent.tell(failed), agent.tell(failed)) == (200, 200)
    assert told(place) == ["camera.passwords-asked", "camera.password-not-changed"]
    begin(place)
    assert agent.tell(agent.changed(agent.order().change, "Door")) == 200
    for late in (failed, agent.changed(first, "Door", cause="separate-kept")):
        assert agent.tell(late) == 200
        known = call(place.alice, place, "GET", f"cameras/{place.camera.id}/password").json()
        assert known["may"] == {"reveal": True, "reveal_spare": False, "restore": True}


def test_an_installer_changes_passwords_and_sees_none(place: Place, agent: Agent) -> None:
    with tenant_scope(place.cast.tenant_a.id):
        iris = make_account("Iris")
        Membership.objects.create(account=iris, role=INSTALLER.name)
    browser = sign_in(iris)
    assert call(browser, place, "POST", "password-runs", {}).status_code == 202
    assert agent.tell(agent.changed(agent.order().change, "Door")) == 200
    make_fresh(browser, place.cast.tenant_a.slug)
    path = f"cameras/{place.camera.id}/password"
    assert call(browser, place, "POST", f"{path}/revealing", {}).status_code == 403
    assert call(browser, place, "GET", path).json()["may"]["reveal"] is False
    # Nor says where the password is sent.
    assert call(browser, place, "PATCH", path, {"service": "http://mine.example/"}).status_code == 403
    assert browser.post(place.url(path), {"service": "mine.example", "way": "onvif"}).status_code == 403
    page = browser.get(place.url(path))
    assert page.status_code == 200
    assert "How it is changed" not in text(page)
    assert "that takes the right to see passwords" in text(page)


def test_where_the_organisation_holds_its_keys_the_portal_shows_none(place: Place, agent: Agent) -> None:
    begin(place)
    assert agent.tell(agent.changed(agent.order().change, "Door")) == 200
    with tenant_scope(place.cast.tenant_a.id, keys=True):
        # What the take-over leaves of the portal's own recipient, whose private half holders have here.
        private = open_private(TenantKey.objects.get(purpose=KeyPurpose.RECIPIENT))
        TenantKey.objects.filter(purpose=KeyPurpose.RECIPIENT).update(wrapped_private=None)
    make_fresh(place.alice, place.cast.tenant_a.slug)
    path = f"cameras/{place.camera.id}/password"
    assert call(place.alice, place, "GET", path).json()["may"]["reveal"] is False
    page = place.alice.get(place.url(path)).content.decode()
    assert f'data-held-password="current" data-camera="{place.camera.id}"' in page
    assert 'data-held-password="spare"' not in page
    refused = place.alice.post(place.url(f"{path}/reveal"))
    assert refused.status_code == 409
    assert NEW not in refused.content.decode()
    reply = call(place.alice, place, "POST", f"{path}/revealing", {}).json()
    assert (reply["password"], reply["sealed"]["camera"]) == (None, str(place.camera.id))
    sealed, change = b64.decode(reply["sealed"]["sealed"]), UUID(reply["sealed"]["change"])
    assert open_password(place.cast.tenant_a.id, place.camera.id, change, sealed, private) == NEW
    assert told(place)[-1] == "camera.password-revealed"


def test_the_schedule_changes_what_is_due_in_its_hour_of_the_site(
    place: Place, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = place.alice.post(
        place.url("cameras/passwords/schedules"), {"place": "all", "months": "6", "hour": "3"}
    )
    assert made.status_code == 302
    assert "every 6 months" in text(place.alice.get(place.url("cameras/passwords")))
    zone = place.cast.site_a.timezone
    due = months_later(clock.now(), 6).astimezone(ZoneInfo(zone)) + dt.timedelta(days=1)
    for hour, days, begun in ((2, 0, 0), (3, -3, 0), (3, 0, 1), (3, 0, 1), (3, 1, 2)):
        at = (due + dt.timedelta(days=days)).replace(hour=hour).astimezone(dt.UTC)
        with monkeypatch.context() as patched, tenant_scope(place.cast.tenant_a.id):
            patched.setattr(clock, "now", lambda at=at: at)
            begin_due()
            found = PasswordChange.objects.filter(camera=place.camera)
            assert found.count() == begun, (hour, days)
            found.update(state="failed", cause="timeout", ended_at=at)
    known = call(place.alice, place, "GET", f"cameras/{place.camera.id}/password").json()
    assert known["next_us"]
    (schedule,) = call(place.alice, place, "GET", "password-schedules").json()["items"]
    assert call(place.alice, place, "DELETE", f"password-schedules/{schedule['id']}").status_code == 204


def test_how_a_password_is_changed_is_set_and_wrong_ways_are_refused(place: Place, agent: Agent) -> None:
    path = f"cameras/{place.camera.id}/password"
    with later(minutes=6):
        assert problem(call(place.alice, place, "PATCH", path, {"way": "axis"})) == "stale-factor"
    saved = place.alice.post(place.url(path), {"service": "10.0.0.7:8080", "way": "axis"})
    assert saved.status_code == 302
    assert (
        call(place.alice, place, "GET", path).json()["service"] == "http://10.0.0.7:8080/onvif/device_service"
    )
    wrong = place.alice.post(place.url(path), {"service": "ftp://10.0.0.7/", "way": "axis"})
    assert wrong.status_code == 422
    assert call(place.alice, place, "PATCH", path, {"way": "Not A Way"}).status_code == 422
    begin(place)
    task = agent.order()
    assert (task.way, task.service) == ("axis", "http://10.0.0.7:8080/onvif/device_service")
    assert call(place.alice, place, "DELETE", f"cameras/{place.camera.id}").status_code in (200, 204)
    with tenant_scope(place.cast.tenant_a.id):
        passwords.advance()
        assert PasswordChange.objects.get().cause == "agent-revoked"
        assert Camera.objects.get(id=place.camera.id).passwords.count() == 0


def test_a_schedule_with_more_cameras_than_a_run_takes_begins_with_as_many(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(place.alice, place, "POST", "password-schedules", {"months": 1, "hour": 3})
    zone = ZoneInfo(place.cast.site_a.timezone)
    at = (clock.now() + dt.timedelta(days=70)).astimezone(zone).replace(hour=3).astimezone(dt.UTC)
    monkeypatch.setattr(passwords, "CAMERAS_MOST", 1)
    monkeypatch.setattr("vsaas.cameras.password_schedules.CAMERAS_MOST", 1)
    with tenant_scope(place.cast.tenant_a.id):
        camera_add(place.box.agent(), NewCamera("Gate", "rtsp://u:p@10.0.0.8/gate"), BY)
        monkeypatch.setattr(clock, "now", lambda: at)
        for begun in (1, 2):
            begin_due()
            assert PasswordChange.objects.count() == begun


def test_a_run_names_no_camera_to_whoever_may_not_change_it(place: Place) -> None:
    with tenant_scope(place.cast.tenant_a.id):
        gate = camera_add(place.box.agent(), NewCamera("Gate", "rtsp://u:p@10.0.0.8/gate"), BY)
        iris = make_account("Iris")
        Membership.objects.create(account=iris, role=INSTALLER.name, camera_id=gate.id)
    run = begin(place, cameras=[str(place.camera.id), str(gate.id)])
    browser = sign_in(iris)
    assert run["about"] == "Door, Gate"
    assert call(browser, place, "GET", f"password-runs/{run['id']}").json()["about"] == "Gate"
    assert call(browser, place, "GET", "password-runs").json()["items"][0]["about"] == "Gate"
    for path in ("cameras/passwords", f"cameras/passwords/{run['id']}"):
        page = text(browser.get(place.url(path)))
        assert "Gate" in page
        assert "Door" not in page


def test_a_schedule_passes_no_denial_by(place: Place) -> None:
    fields = {"months": 6, "hour": 3}
    made = call(place.alice, place, "POST", "password-schedules", fields).json()
    with tenant_scope(place.cast.tenant_a.id):
        iris = make_account("Iris")
        Membership.objects.create(account=iris, role=INSTALLER.name)
        Membership.objects.create(account=iris, role=INSTALLER.name, camera_id=place.camera.id, denies=True)
    browser = sign_in(iris)
    for one in (fields, fields | {"group": "entrance"}):
        assert call(browser, place, "POST", "password-schedules", one).status_code == 403
    assert call(browser, place, "DELETE", f"password-schedules/{made['id']}").status_code == 403


def test_a_month_that_is_shorter_ends_on_its_last_day() -> None:
    at = dt.datetime(2026, 8, 31, 3, tzinfo=dt.UTC)
    assert months_later(at, 6) == dt.datetime(2027, 2, 28, 3, tzinfo=dt.UTC)
    assert months_later(at, 4) == dt.datetime(2026, 12, 31, 3, tzinfo=dt.UTC)
