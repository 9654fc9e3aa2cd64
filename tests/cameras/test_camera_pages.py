"""Managing cameras in the browser: forms that lose nothing, say what is wrong where, and never undo another's work."""

from __future__ import annotations

import html
import re

import pytest
from django.http import HttpResponse

from protocol.command import EventsOrder
from sealing.ids import Stream
from tenants.scope import tenant_scope
from tests.boxes import make_box
from tests.cameras.place import BY, Place, call
from tests.cast import sign_in
from tests.reading import text
from vsaas.agents.revocation import revoke
from vsaas.audit.models import AuditInbox
from vsaas.cameras.models import Camera, CameraPassword
from vsaas.cameras.services import CameraChange, camera_update

PASSWORD = "hunter2 sécret@/"


def field(reply: HttpResponse, name: str) -> str:
    """The tag of a form's field."""
    found = re.search(rf'<(?:input|select)[^>]* name="{name}"[^>]*>', reply.content.decode())
    assert found, name
    return html.unescape(found.group())


def new_camera(place: Place, **changes: str) -> dict[str, str]:
    return {
        "agent": str(place.box.agent_id),
        "name": "Gate 2",
        "main_url": "rtsp://10.0.0.8/main",
        "sub_url": "10.0.0.8/sub",
        "user": "admin",
        "password": PASSWORD,
        "audio": "on",
        "retention_days": "14",
    } | changes


def test_a_camera_is_added_and_the_agent_gets_its_address_with_user_and_password(place: Place) -> None:
    reply = place.alice.post(place.url("cameras/add"), new_camera(place))
    assert reply.status_code == 302, text(reply)
    shown = place.alice.get(reply["Location"])
    assert "The camera was added" in text(shown)
    assert "was told and will answer within seconds" in text(shown) or "has not been heard from" in text(
        shown
    )
    order = place.orders()["Gate 2"]
    assert place.source(order) == "rtsp://admin:hunter2%20s%C3%A9cret%40%2F@10.0.0.8/main"
    assert place.source(order, Stream.SUB) == "rtsp://admin:hunter2%20s%C3%A9cret%40%2F@10.0.0.8/sub"
    with tenant_scope(place.cast.tenant_a.id):
        camera = Camera.objects.get(name="Gate 2")
    assert (camera.retention_days, camera.audio, camera.site_id) == (14, True, place.cast.site_a.id)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": ""}, "This field is required"),
        ({"name": "x" * 201}, "200 are the most"),
        ({"name": "a\u202eb"}, "not shown"),
        ({"name": "Door"}, "has a camera of this name already"),
        ({"main_url": ""}, "This field is required"),
        ({"main_url": "http://10.0.0.8/x"}, "must begin with rtsp://"),
        ({"sub_url": "rtsp://10.0.0.8:99999/x"}, "port"),
        ({"retention_days": "0"}, "greater than or equal to 1"),
        ({"retention_days": "many"}, "whole number"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_all_but_the_password_stays(
    place: Place, changes: dict[str, str], says: str
) -> None:
    typed = new_camera(place, **changes)
    reply = place.alice.post(place.url("cameras/add"), typed)
    assert reply.status_code == 422
    (name,) = changes
    error = re.search(rf'id="id_{name}_error"[^>]*>(.*?)</div>', reply.content.decode(), re.DOTALL)
    assert error, text(reply)
    assert says in html.unescape(error.group(1))
    assert 'aria-describedby="' in field(reply, name)
    assert 'aria-invalid="true"' in field(reply, name)
    for kept in {"name", "user", "retention_days"} - {name}:
        assert f'value="{typed[kept]}"' in field(reply, kept)
    assert "hunter2" not in reply.content.decode()
    with tenant_scope(place.cast.tenant_a.id):
        assert Camera.objects.count() == 1
    assert set(place.orders()) == {"Door"}


def test_an_address_pasted_with_its_password_is_taken_apart_and_the_password_never_shown(
    place: Place,
) -> None:
    typed = new_camera(place, main_url="rtsp://root:hunter2@10.0.0.8/main", user="", password="", name="")
    reply = place.alice.post(place.url("cameras/add"), typed)
    assert reply.status_code == 422
    assert 'value="rtsp://10.0.0.8/main"' in field(reply, "main_url")
    assert 'value="root"' in field(reply, "user")
    assert "hunter2" not in reply.content.decode()
    reply = place.alice.post(place.url("cameras/add"), typed | {"name": "Gate 2"})
    assert reply.status_code == 302
    assert place.source(place.orders()["Gate 2"]) == "rtsp://root:hunter2@10.0.0.8/main"


def test_only_agents_in_service_are_offered(place: Place) -> None:
    with tenant_scope(place.cast.tenant_a.id, keys=True):
        revoke(place.box.agent(), BY)
    assert "First an agent" in text(place.alice.get(place.url("cameras/add")))
    assert place.alice.post(place.url("cameras/add"), new_camera(place)).status_code == 422


def test_name_site_sound_and_retention_change_and_the_address_stays(place: Place) -> None:
    long_name = "بوابة الشمال 🚪 " * 13
    reply = place.alice.post(
        place.settings(),
        place.form(name=long_name, site=str(place.cast.other_site_a.id), retention_days="90", audio=""),
    )
    assert reply.status_code == 302, text(reply)
    camera = place.now()
    assert (camera.name, camera.site_id) == (long_name.strip(), place.cast.other_site_a.id)
    assert (camera.audio, camera.retention_days, camera.version) == (False, 90, 2)
    order = place.orders()[long_name.strip()]
    assert (place.source(order), order.audio) == ("rtsp://u:p@10.0.0.7/main", False)
    shown = place.alice.get(reply["Location"])
    assert "Your changes are saved" in text(shown)
    assert long_name.strip() in text(shown) or " ".join(long_name.split()) in text(shown)


def test_the_agent_is_told_to_listen_to_the_cameras_own_events_and_where(place: Place) -> None:
    assert place.orders()["Door"].events is None
    reply = place.alice.post(place.settings(), place.form(events="on"))
    assert reply.status_code == 302, text(reply)
    assert place.orders()["Door"].events == EventsOrder("")
    assert "checked" in field(place.alice.get(reply["Location"]), "events")
    service = "http://10.0.0.7:8080/onvif/device_service"
    with tenant_scope(place.cast.tenant_a.id):
        CameraPassword.objects.create(camera=place.camera, service=service)
    path = f"cameras/{place.camera.id}"
    changed = call(place.alice, place, "PATCH", path, {"name": "Door 2"})
    assert (changed.status_code, changed.json()["events"]) == (200, True)
    assert place.orders()["Door 2"].events == EventsOrder(service)
    assert call(place.alice, place, "PATCH", path, {"events": False}).json()["events"] is False
    assert place.orders()["Door 2"].events is None
    with tenant_scope(place.cast.tenant_a.id):
        told = AuditInbox.objects.filter(act="camera.changed").order_by("at").last()
    assert told is not None
    assert "events" in str(told.details)


def test_moving_a_camera_or_its_retention_is_no_business_of_the_agent(place: Place) -> None:
    before = place.box.state().command
    form = place.form(site=str(place.cast.other_site_a.id), retention_days="90")
    assert place.alice.post(place.settings(), form).status_code == 302
    assert place.box.state().command == before


def test_a_new_password_needs_the_address_too_and_then_arrives(place: Place) -> None:
    form = place.form(user="admin", password="fresh")
    reply = place.alice.post(place.settings(), form)
    assert reply.status_code == 422
    assert "Type the address too" in text(reply)
    reply = place.alice.post(place.settings(), form | {"main_url": "rtsp://10.0.0.7/main"})
    assert reply.status_code == 302
    assert place.source(place.orders()["Door"]) == "rtsp://admin:fresh@10.0.0.7/main"


def test_a_sub_stream_comes_and_goes(place: Place) -> None:
    assert place.alice.post(place.settings(), place.form(sub_url="10.0.0.7/sub")).status_code == 302
    assert place.source(place.orders()["Door"], Stream.SUB) == "rtsp://10.0.0.7/sub"
    assert (
        place.alice.post(place.settings(), place.form(remove_sub="on", sub_url="10.0.0.7/x")).status_code
        == 422
    )
    assert place.alice.post(place.settings(), place.form(remove_sub="on")).status_code == 302
    assert place.orders()["Door"].source_sub is None


def test_of_two_people_who_edit_one_camera_the_later_sees_both_versions_and_decides(place: Place) -> None:
    stale = place.form(name="South door", retention_days="60")
    with tenant_scope(place.cast.tenant_a.id):
        camera_update(place.camera, CameraChange(name="North door", audio=False), BY)
    reply = place.alice.post(place.settings(), stale)
    assert reply.status_code == 409
    assert place.now().name == "North door"
    shown = text(reply)
    assert "Somebody else changed this camera" in shown
    assert "Name North door South door" in shown
    assert "Record sound no yes" in shown
    assert 'value="South door"' in field(reply, "name")
    version = re.search(r'value="(\d+)"', field(reply, "version"))
    assert version
    again = place.alice.post(place.settings(), stale | {"version": version.group(1)})
    assert again.status_code == 302
    assert (place.now().name, place.now().audio, place.now().retention_days) == ("South door", True, 60)


def test_a_shorter_time_is_asked_for_in_words_because_it_deletes(place: Place) -> None:
    reply = place.alice.post(place.settings(), place.form(retention_days="7"))
    assert reply.status_code == 422
    assert "older than 7 days will be deleted within minutes" in text(reply)
    assert place.now().retention_days is None
    reply = place.alice.post(place.settings(), place.form(retention_days="7", confirm_shorter="on"))
    assert reply.status_code == 302
    assert place.now().retention_days == 7
    assert place.alice.post(place.settings(), place.form(retention_days="")).status_code == 302


def test_recording_is_switched_off_and_the_way_back_is_one_click(place: Place) -> None:
    switch = place.url(f"cameras/{place.camera.id}/switch")
    off = place.alice.post(switch, {"enabled": "0"})
    shown = place.alice.get(off["Location"])
    assert "Recording was switched off. What was recorded stays." in text(shown)
    assert "Undo" in text(shown)
    assert not place.orders()["Door"].enabled
    on = place.alice.post(switch, {"enabled": "1"})
    assert "Recording was switched on." in text(place.alice.get(on["Location"]))
    assert place.orders()["Door"].enabled
    # The first page again, by the back button: it does not claim what is no longer so.
    assert "Recording was switched off" not in text(place.alice.get(off["Location"]))
    with tenant_scope(place.cast.tenant_a.id):
        acts = list(
            AuditInbox.objects.filter(act__startswith="camera.switched").values_list("act", flat=True)
        )
    assert sorted(acts) == ["camera.switched-off", "camera.switched-on"]


def test_a_camera_is_deleted_once_its_name_is_typed(place: Place) -> None:
    delete = place.url(f"cameras/{place.camera.id}/delete")
    asked = place.alice.get(delete)
    assert "Its recording ends now" in text(asked)
    assert "The last of them goes 30 days from now" in text(asked)
    wrong = place.alice.post(delete, {"footage": "erase", "name": "Dor"})
    assert wrong.status_code == 422
    assert "This is not its name. Nothing was changed." in text(wrong)
    assert place.now().deleted_at is None
    done = place.alice.post(delete, {"footage": "keep", "name": "Door"})
    assert done.status_code == 302
    assert place.orders() == {}
    assert place.now().deleted_at is not None
    shown = text(place.alice.get(done["Location"]))
    assert "The camera was deleted" in shown
    for gone in (place.settings(), delete):
        assert place.alice.get(gone).status_code == 404
    # Its name is free again.
    assert place.alice.post(place.url("cameras/add"), new_camera(place, name="Door")).status_code == 302


@pytest.mark.parametrize(
    ("state", "detail", "says"),
    [
        ("refused", "the camera refused user or password (401)", "Refuses the password"),
        ("offline", "the camera cannot be reached: Connection refused", "Not reachable"),
        ("unusable", "the camera offers no H.264 or H.265", "Unusable stream"),
        ("stalled", "the camera sent nothing for 10 s", "Sends nothing"),
    ],
)
def test_the_page_says_exactly_why_there_is_no_picture_and_what_to_do(
    place: Place, state: str, detail: str, says: str
) -> None:
    stream = {
        "camera": str(place.camera.id),
        "stream": 1,
        "state": state,
        "since_us": 1_700_000_000_000_000,
        "detail": detail,
        "bits_per_s": 0,
        "frames_per_s": 0,
        "codec": "",
    }
    assert place.box.beat(streams=[stream]).status_code in (200, 204)
    shown = text(place.alice.get(place.settings()))
    assert says in shown
    assert detail in shown
    recording = stream | {
        "state": "recording",
        "bits_per_s": 1_900_000,
        "frames_per_s": 25,
        "codec": "avc1.640028",
    }
    place.box.beat(streams=[recording | {"detail": ""}])
    shown = text(place.alice.get(place.settings()))
    assert "The agent records this camera." in shown
    assert "H.264 · 1.90 Mbit/s · 25.0 pictures a second" in shown


def test_who_may_only_look_is_told_so_and_offered_no_change(place: Place) -> None:
    olga = sign_in(place.cast.olga)
    shown = place.alice.get(place.url("sites"))
    assert "Add a camera" in text(shown)
    looked = olga.get(place.url("sites"))
    assert "Adding and changing is for owners" in text(looked)
    assert "Add a camera" not in text(looked)
    assert f"cameras/{place.camera.id}/settings" not in looked.content.decode()
    assert olga.get(place.settings()).status_code == 403
    watch = place.url(f"cameras/{place.camera.id}")
    assert place.settings() in place.alice.get(watch).content.decode()
    assert place.settings() not in olga.get(watch).content.decode()


def test_groups_are_names_with_commas_between_and_lists_are_narrowed_to_one(place: Place) -> None:
    assert (
        place.alice.post(place.settings(), place.form(groups="Entrances,  نوبة الليل، Night ")).status_code
        == 302
    )
    assert 'value="Entrances, Night, نوبة الليل"' in field(place.alice.get(place.settings()), "groups")
    added = place.alice.post(place.url("cameras/add"), new_camera(place, groups="Night"))
    assert added.status_code == 302
    narrowed = place.alice.get(place.url("sites") + "?group=Entrances")
    assert "<bdi>Door</bdi>" in narrowed.content.decode()
    assert "<bdi>Gate 2</bdi>" not in narrowed.content.decode()
    assert "Watch Entrances" in text(narrowed)
    live = text(place.alice.get(place.url("") + "?group=Entrances"))
    assert "Door" in live
    assert "Gate 2" not in live
    wrong = place.alice.post(place.settings(), place.form(groups="a, b\u202ec"))
    assert wrong.status_code == 422
    assert "not shown" in text(wrong)
    rows = call(place.alice, place, "GET", "cameras").json()["items"]
    assert [row["groups"] for row in rows] == [["Entrances", "Night", "نوبة الليل"], ["Night"]]
    path = f"cameras/{place.camera.id}"
    told = call(place.alice, place, "PATCH", path, {"groups": ["Night"]}).json()
    assert (told["groups"], told["version"]) == (["Night"], 3)
    refused = call(place.alice, place, "PATCH", path, {"groups": ["a,b"]})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "groups")
    # A group is there while a camera is in it.
    assert "Entrances" not in text(place.alice.get(place.url("sites")))


def test_groups_of_cameras_a_person_may_not_see_are_not_named(place: Place) -> None:
    with tenant_scope(place.cast.tenant_a.id):
        camera_update(place.camera, CameraChange(site=place.cast.other_site_a, groups=["Vault"]), BY)
    bob = sign_in(place.cast.bob)
    assert "Vault" not in bob.get(place.url("sites")).content.decode()
    assert "Vault" in place.alice.get(place.url("sites")).content.decode()


def test_a_camera_whose_agent_was_revoked_is_deleted_before_another_agent_takes_its_name(
    place: Place,
) -> None:
    with tenant_scope(place.cast.tenant_a.id, keys=True):
        revoke(place.box.agent(), BY)
    box = make_box(place.cast.tenant_a, place.cast.site_a)
    typed = new_camera(place, name="Door", agent=str(box.agent_id))
    refused = place.alice.post(place.url("cameras/add"), typed)
    assert refused.status_code == 422
    assert "on an agent that was revoked. Delete that one first" in text(refused)
    delete = place.url(f"cameras/{place.camera.id}/delete")
    assert place.alice.post(delete, {"footage": "keep", "name": "Door"}).status_code == 302
    assert place.alice.post(place.url("cameras/add"), typed).status_code == 302
