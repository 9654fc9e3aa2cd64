"""Sites in browser and API: added, renamed, given a zone, deleted when empty; and the page that shows everything."""

from __future__ import annotations

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from tenants.models import Membership, Site
from tenants.permissions import OWNER
from tenants.scope import tenant_scope
from tests.boxes import make_box, make_code, problem
from tests.cameras.place import BY, Place, call
from tests.cast import later, make_account, make_fresh, sign_in
from tests.reading import text
from vsaas.agents.revocation import revoke
from vsaas.cameras.services import CameraChange, NewCamera, camera_add, camera_delete, camera_update


def test_a_site_is_added_renamed_and_deleted(place: Place) -> None:
    added = place.alice.post(place.url("sites/add"), {"name": "Hafen ⚓", "timezone": "Europe/Lisbon"})
    assert added.status_code == 302
    shown = text(place.alice.get(added["Location"]))
    assert "Hafen ⚓ 0 cameras · Europe/Lisbon" in shown
    with tenant_scope(place.cast.tenant_a.id):
        site = Site.objects.get(name="Hafen ⚓")
    one = place.url(f"sites/{site.id}")
    assert place.alice.post(one, {"name": "Quay", "timezone": "Asia/Tokyo"}).status_code == 302
    deleted = place.alice.post(one + "/delete", {})
    assert deleted.status_code == 302
    assert "Quay" not in text(place.alice.get(deleted["Location"]))


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"name": "Gate", "timezone": "UTC"}, "There is a site of this name already"),
        ({"name": " ", "timezone": "UTC"}, "This field is required"),
        ({"name": "Quay", "timezone": "Europe/Atlantis"}, "Select a valid choice"),
    ],
)
def test_a_site_that_cannot_be_is_refused_with_what_was_typed(
    place: Place, typed: dict[str, str], says: str
) -> None:
    reply = place.alice.post(place.url("sites/add"), typed)
    assert reply.status_code == 422
    assert says in text(reply)


def test_a_site_with_anything_on_it_is_not_deleted_and_says_what(place: Place) -> None:
    address = place.url(f"sites/{place.cast.site_a.id}")
    shown = text(place.alice.get(address))
    assert "1 camera: move it to another site, or delete it" in shown
    assert "1 agent: move it to another site, or revoke it" in shown
    assert "1 person whose role is for this site alone" in shown
    assert place.alice.post(address + "/delete", {}).status_code == 409
    refused = call(place.alice, place, "DELETE", f"sites/{place.cast.site_a.id}")
    assert (refused.status_code, problem(refused)) == (409, "site-not-empty")
    assert refused.json()["kept_by"] == {"cameras": 1, "agents": 1, "people": 1}


def test_an_enrolment_code_that_still_works_keeps_a_site(place: Place) -> None:
    with tenant_scope(place.cast.tenant_a.id):
        site = Site.objects.create(name="Quay")
    make_code(place.cast.tenant_a, site)
    refused = call(place.alice, place, "DELETE", f"sites/{site.id}")
    assert refused.json()["kept_by"] == {"codes": 1}
    with later(minutes=31):
        make_fresh(place.alice, place.cast.tenant_a.slug)
        assert call(place.alice, place, "DELETE", f"sites/{site.id}").status_code == 204


def test_what_a_closed_site_leaves_behind_is_filed_under_another(place: Place) -> None:
    tenant = place.cast.tenant_a.id
    with tenant_scope(tenant, keys=True):
        camera_delete(place.camera, BY, erase_footage=False)
        revoke(place.box.agent(), BY)
        Membership.objects.filter(site=place.cast.site_a).delete()
    address = f"sites/{place.cast.site_a.id}"
    refused = call(place.alice, place, "DELETE", address)
    assert refused.json()["kept_by"] == {"left_behind": 2}
    heir = str(place.cast.other_site_a.id)
    assert call(place.alice, place, "DELETE", f"{address}?heir={place.cast.site_a.id}").status_code == 404
    assert place.alice.post(place.url(address) + "/delete", {"heir": heir}).status_code == 302
    assert place.now().site_id == place.cast.other_site_a.id
    assert call(place.alice, place, "GET", address).status_code == 404


def test_programs_manage_sites_by_the_same_rules(place: Place) -> None:
    listed = call(place.alice, place, "GET", "sites").json()["items"]
    assert [row["name"] for row in listed] == ["Gate", "Yard"]
    made = call(place.alice, place, "POST", "sites", {"name": "Quay", "timezone": "Asia/Tokyo"})
    assert made.status_code == 201
    assert {"name": "Quay", "timezone": "Asia/Tokyo", "may": {"edit": True}}.items() <= made.json().items()
    again = call(place.alice, place, "POST", "sites", {"name": "Quay", "timezone": "Asia/Tokyo"})
    assert (again.status_code, problem(again)) == (409, "site-name-taken")
    wrong = call(place.alice, place, "POST", "sites", {"name": "a\u202eb", "timezone": "Nowhere"})
    assert (wrong.status_code, problem(wrong)) == (422, "invalid-site")
    site = f"sites/{made.json()['id']}"
    assert call(place.alice, place, "PATCH", site, {"name": "Pier"}).json()["name"] == "Pier"
    assert call(place.alice, place, "GET", site).json()["name"] == "Pier"
    assert call(place.alice, place, "DELETE", site).status_code == 204


def test_an_owner_of_one_site_adds_no_others(place: Place) -> None:
    with tenant_scope(place.cast.tenant_a.id):
        sue = make_account("Sue", OWNER, place.cast.site_a)
    browser = sign_in(sue)
    assert call(browser, place, "POST", "sites", {"name": "Quay", "timezone": "UTC"}).status_code == 403
    assert browser.post(place.url("sites/add"), {"name": "Quay", "timezone": "UTC"}).status_code == 403
    shown = text(browser.get(place.url("sites")))
    assert "Yard" not in shown
    assert "Add a site" not in shown
    # Nor does she move her camera to where she has no part.
    form = place.form(site=str(place.cast.other_site_a.id))
    assert browser.post(place.settings(), form).status_code == 422
    body = {"site": str(place.cast.other_site_a.id)}
    assert call(browser, place, "PATCH", f"cameras/{place.camera.id}", body).status_code == 404


def test_programs_read_change_and_delete_cameras(place: Place) -> None:
    path = f"cameras/{place.camera.id}"
    told = call(place.alice, place, "GET", path).json()
    assert (told["name"], told["version"], told["enabled"], told["retention_days"]) == ("Door", 1, True, None)
    assert told["site_id"] == str(place.cast.site_a.id)
    assert told["agent_id"] == str(place.box.agent_id)
    changed = call(place.alice, place, "PATCH", path, {"version": 1, "name": "Front", "retention_days": 3})
    assert (changed.json()["name"], changed.json()["version"]) == ("Front", 2)
    stale = call(place.alice, place, "PATCH", path, {"version": 1, "name": "Back"})
    assert (stale.status_code, problem(stale), stale.json()["version"]) == (409, "stale-version", 2)
    body = {"agent": str(place.box.agent_id), "name": "Gate 2", "main_url": "rtsp://10.0.0.8/x", "user": "a"}
    made = call(place.alice, place, "POST", "cameras", body | {"password": "b/c"})
    assert made.status_code == 201
    assert place.source(place.orders()["Gate 2"]) == "rtsp://a:b%2Fc@10.0.0.8/x"
    assert call(place.alice, place, "DELETE", path + "?erase_footage=false").status_code == 204
    assert call(place.alice, place, "DELETE", path).status_code == 404
    assert [row["name"] for row in call(place.alice, place, "GET", "cameras").json()["items"]] == ["Gate 2"]


def test_the_page_finds_by_name_and_shows_what_does_not_record(place: Place) -> None:
    with tenant_scope(place.cast.tenant_a.id):
        second = camera_add(place.box.agent(), NewCamera("Ramp", "rtsp://10.0.0.9/x"), BY)
    recording = {
        "camera": str(second.id),
        "stream": 1,
        "state": "recording",
        "since_us": 1,
        "detail": "",
        "bits_per_s": 10,
        "frames_per_s": 1,
        "codec": "avc1.640028",
    }
    place.box.beat(streams=[recording])
    found = text(place.alice.get(place.url("sites") + "?q=rAmP"))
    assert "Ramp" in found
    assert "Door" not in found
    trouble = text(place.alice.get(place.url("sites") + "?show=trouble"))
    assert "Door" in trouble
    assert "Ramp" not in trouble
    assert "Nothing here has this name" in text(place.alice.get(place.url("sites") + "?q=zzz"))
    by_site = text(place.alice.get(place.url("sites") + "?q=gate"))
    assert "Door" in by_site
    assert "Yard" not in by_site


def test_the_number_of_queries_does_not_grow_with_cameras_sites_or_agents(place: Place) -> None:
    def queries(path: str) -> int:
        with CaptureQueriesContext(connections["default"]) as captured:
            assert place.alice.get(place.url(path)).status_code == 200
        return len(captured)

    with tenant_scope(place.cast.tenant_a.id):
        gone = camera_add(place.box.agent(), NewCamera("Gone", "rtsp://10.0.0.9/x"), BY)
        camera_delete(gone, BY, erase_footage=False)
    paths = (
        "sites",
        "agents",
        "usage",
        f"agents/{place.box.agent_id}",
        f"cameras/{place.camera.id}/settings",
    )
    before = {path: queries(path) for path in paths}
    more = make_box(place.cast.tenant_a, place.cast.other_site_a)
    more.beat()
    with tenant_scope(place.cast.tenant_a.id):
        for number in range(6):
            Site.objects.create(name=f"Site {number}")
            for box in (place.box, more):
                added = camera_add(box.agent(), NewCamera(f"Camera {number}", "rtsp://10.0.0.9/x"), BY)
            if number % 2:
                camera_delete(added, BY, erase_footage=False)
            else:
                camera_update(added, CameraChange(enabled=False), BY)
    assert {path: queries(path) for path in paths} == before
