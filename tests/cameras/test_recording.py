"""When a camera is recorded: by the API and in the browser, told to its agent, audited, and shown as what it is."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.plan import Mode, PlanWindow, Quality, RecordingPlan, Rule
from tenants.models import Site
from tenants.scope import tenant_scope
from tests.cameras.place import BY, Place, call
from tests.cast import sign_in
from tests.reading import text
from vsaas.audit.models import AuditInbox
from vsaas.cameras.models import Camera, CameraGroup
from vsaas.cameras.services import NewCamera, camera_add
from vsaas.cameras.sites import site_change

NIGHT = {"days": ["fri", "sat"], "from": "22:00", "to": "06:00", "mode": "event", "quality": "key-frames"}
PLAN: dict[str, Any] = {
    "mode": "continuous",
    "quality": "full",
    "windows": [NIGHT],
    "pre_roll_s": 5,
    "post_roll_s": 60,
    "triggers": ["motion", "line"],
}


def recording(place: Place, document: Any, **also: Any) -> Any:
    return call(place.alice, place, "PATCH", f"cameras/{place.camera.id}", {"recording": document} | also)


def test_a_plan_is_kept_told_to_the_agent_and_audited(place: Place) -> None:
    reply = recording(place, PLAN)
    assert reply.status_code == 200, reply.content
    assert reply.json()["recording"] == PLAN
    zone = place.cast.site_a.timezone
    expected = PlanWindow(frozenset({4, 5}), 22 * 60, 6 * 60, Rule(Mode.EVENT, Quality.KEY_FRAMES))
    assert place.orders()["Door"].plan == RecordingPlan(
        zone, Rule(), (expected,), 5, 60, frozenset({"motion", "line"})
    )
    with tenant_scope(place.cast.tenant_a.id):
        (act,) = AuditInbox.objects.filter(act="camera.changed")
    assert act.details["changed"] == "recording"
    assert act.details["before"] == "recording: continuous full"
    assert "fri+sat 22:00-06:00 event key-frames" in act.details["after"]
    assert recording(place, None).json()["recording"] is None
    assert place.orders()["Door"].plan is None


def test_a_plan_based_on_an_older_camera_is_refused(place: Place) -> None:
    assert recording(place, PLAN, version=1).status_code == 200
    assert recording(place, None, version=1).status_code == 409
    assert place.orders()["Door"].plan is not None


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"mode": "sometimes"}, "recording.mode"),
        ({"quality": "best"}, "recording.quality"),
        ({"pre_roll_s": 31}, "recording.pre_roll_s"),
        ({"post_roll_s": True}, "recording.post_roll_s"),
        ({"triggers": []}, "recording.triggers"),
        ({"triggers": ["rain"]}, "recording.triggers"),
        ({"windows": [NIGHT | {"days": []}]}, "recording.windows.0.days"),
        ({"windows": [NIGHT | {"to": "22:00"}]}, "recording.windows.0.to"),
        ({"windows": [NIGHT | {"mode": []}]}, "recording.windows.0.mode"),
        ({"windows": [NIGHT] * 51}, "recording.windows"),
        ({"colour": "red"}, "recording.colour"),
    ],
)
def test_a_plan_that_cannot_be_read_is_refused_where_it_is_wrong(
    place: Place, changed: dict[str, Any], field: str
) -> None:
    reply = recording(place, PLAN | changed)
    assert reply.status_code == 422
    assert field in reply.content.decode()


def test_the_sub_stream_alone_is_kept_of_a_camera_that_has_one(place: Place) -> None:
    alone = {"mode": "continuous", "quality": "sub"}
    assert recording(place, alone, sub_url="").status_code == 422
    assert recording(place, alone, sub_url="rtsp://10.0.0.7/sub").status_code == 200
    reply = call(place.alice, place, "PATCH", f"cameras/{place.camera.id}", {"sub_url": ""})
    assert reply.status_code == 422
    assert place.orders()["Door"].source_sub is not None


def test_another_time_zone_of_the_site_is_told_to_the_agent(place: Place) -> None:
    recording(place, PLAN)
    with tenant_scope(place.cast.tenant_a.id):
        site_change(Site.objects.get(id=place.camera.site_id), BY, timezone="America/Halifax")
    plan = place.orders()["Door"].plan
    assert plan is not None
    assert plan.zone == "America/Halifax"


def beat(place: Place, *states: str) -> None:
    rows = [
        {
            "camera": str(place.camera.id),
            "stream": number,
            "state": state,
            "since_us": 1_700_000_000_000_000,
            "detail": "",
            "bits_per_s": 0,
            "frames_per_s": 0,
            "codec": "",
        }
        for number, state in enumerate(states, 1)
    ]
    assert place.box.beat(streams=rows).status_code in (200, 204)


@pytest.mark.parametrize(
    ("states", "told", "words"),
    [
        (("by-plan", "by-plan"), "by-plan", "By its recording plan nothing is recorded now"),
        (("waiting-for-event",), "waiting-for-event", "Recorded when something happens"),
        (("by-plan", "recording"), "recording", "The agent records this camera."),
        (("by-plan", "offline"), "offline", "The agent cannot reach"),
    ],
)
def test_a_camera_that_records_nothing_by_plan_is_not_called_offline(
    place: Place, states: tuple[str, ...], told: str, words: str
) -> None:
    beat(place, *states)
    reply = call(place.alice, place, "GET", f"cameras/{place.camera.id}").json()
    assert reply["state"] == told
    assert words in text(place.alice.get(place.settings()))


# In the browser


def form(version: int, **changes: Any) -> dict[str, Any]:
    return {
        "version": str(version),
        "mode": "event",
        "quality": "full",
        "before": "10",
        "after": "30",
        "triggers": ["motion"],
        "0-days": ["mon", "tue", "wed", "thu", "fri"],
        "0-from": "08:00",
        "0-to": "18:00",
        "0-mode": "continuous",
        "0-quality": "key-frames",
    } | changes


def at(place: Place, version: int = 1, **changes: Any) -> Any:
    return place.alice.post(
        place.url(f"cameras/{place.camera.id}/recording"), form(version, **changes), follow=True
    )


def test_the_page_says_what_holds_in_sentences(place: Place) -> None:
    shown = text(place.alice.get(place.url(f"cameras/{place.camera.id}/recording")))
    assert "Everything is recorded, always." in shown
    shown = text(at(place))
    assert "Saved for 1 camera." in shown
    assert "Monday to Friday 08:00–18:00: recorded continuously, of the main stream key frames only." in shown
    assert "At all other times: recorded when something happens." in shown
    assert "An event is recorded from 10 s before it until 30 s after it. It is: motion." in shown
    assert "Of the 168 hours of a week 50 are recorded throughout" in shown
    assert "118 by event" in shown
    deaf = "neither listens to this camera's own events"
    assert deaf in shown.replace("’", "'")
    call(place.alice, place, "PATCH", f"cameras/{place.camera.id}", {"events": True})
    assert deaf not in text(place.alice.get(place.url(f"cameras/{place.camera.id}/recording")))
    assert "Monday to Friday 08:00–18:00" in text(place.alice.get(place.settings()))


def test_rows_are_added_and_removed_and_nothing_typed_is_lost(place: Place) -> None:
    shown = at(place, add="1")
    assert 'name="1-from"' in shown.content.decode()
    assert 'value="08:00"' in shown.content.decode()
    assert 'name="0-from"' not in at(place, remove="0").content.decode()
    wrong = at(place, **{"0-to": "08:00"})
    assert wrong.status_code == 422
    assert "Must differ from where it begins" in text(wrong)
    assert "Seconds before it: Must be whole seconds, from 0 to 30." in text(at(place, before="31"))
    assert place.orders()["Door"].plan is None


def test_what_somebody_else_changed_meanwhile_is_not_put_back(place: Place) -> None:
    recording(place, PLAN)
    reply = at(place)
    assert reply.status_code == 409
    assert "Somebody else changed this camera" in text(reply)
    assert 'value="08:00"' in reply.content.decode()


def test_a_plan_is_copied_to_a_group_and_to_other_cameras_and_the_agent_is_told_once(place: Place) -> None:
    with tenant_scope(place.cast.tenant_a.id):
        others = [camera_add(place.box.agent(), NewCamera(name, "rtsp://10.0.0.9/x"), BY) for name in "PQR"]
        CameraGroup.objects.create(camera=others[0], name="Doors")
    number = place.command().number
    shown = at(place, also=["group:Doors", f"camera:{others[1].id}"])
    assert "Saved for 3 cameras." in text(shown)
    orders = place.orders()
    assert orders["Door"].plan == orders["P"].plan == orders["Q"].plan
    assert orders["R"].plan is None
    assert place.command().number == number + 1
    refused = at(place, version=2, quality="sub", also=[f"camera:{others[2].id}"])
    assert refused.status_code == 422
    assert "has no sub stream" in text(refused)


def test_others_are_changed_only_by_who_may_change_them(place: Place) -> None:
    bob = sign_in(place.cast.bob)
    reply = bob.post(place.url(f"cameras/{place.camera.id}/recording"), form(1))
    assert reply.status_code in (403, 404)
    with tenant_scope(place.cast.tenant_a.id):
        assert Camera.objects.get(id=place.camera.id).recording is None
