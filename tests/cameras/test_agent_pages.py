"""Agents in browser and API: how each is, its name and site, revoking it, and the page that waits for a new one."""

from __future__ import annotations

import datetime as dt
import json
import re

from tenants.scope import tenant_scope
from tests.boxes import Box, make_box, problem
from tests.cameras.place import BY, Place, call
from tests.cast import later, sign_in
from tests.reading import text
from vsaas.agents.models import Agent
from vsaas.audit.models import AuditInbox
from vsaas.cameras.models import Camera
from vsaas.cameras.services import NewCamera, camera_add


def stream(place: Place, **changes: object) -> dict[str, object]:
    return {
        "camera": str(place.camera.id),
        "stream": 1,
        "state": "recording",
        "since_us": 1_700_000_000_000_000,
        "detail": "",
        "bits_per_s": 1_500_000,
        "frames_per_s": 25,
        "codec": "avc1.640028",
    } | changes


def test_one_agents_page_says_how_it_is(place: Place) -> None:
    address = place.url(f"agents/{place.box.agent_id}")
    never = text(place.alice.get(address))
    assert "Never heard from since it was enrolled" in never or "Offline" in never
    place.box.beat(
        streams=[stream(place)], oldest_unsent_us=1_700_000_000_000_000, alarms=["the portal forgot"]
    )
    shown = text(place.alice.get(address))
    assert "Online" in shown
    assert "room for 12 days without a connection" in shown
    assert re.search(r"Waits to be uploaded Since \S.* · 2023-11-14 23:13:20 CET", shown), shown
    assert "the portal forgot" in shown
    assert "Door main Recording H.264 · 1.50 Mbit/s · 25/s" in shown
    box = {
        "cpu_percent": 12.5,
        "memory_used_bytes": 700_000_000,
        "memory_total_bytes": 4_000_000_000,
        "disk_total_bytes": 512_000_000_000,
        "disk_wear_percent": 30,
        "temperature_c": 51.2,
        "link": "eth0",
        "link_up": True,
        "link_mbit_per_s": 1000,
    }
    seen = {"width": 1920, "height": 1080, "packets_lost": 3, "restarts": 2, "clock_offset_us": 90_000_000}
    waits = {"oldest_unsent_us": 1_700_000_000_000_000}
    place.box.beat(box=box, streams=[stream(place, last_frame_us=1_700_000_000_000_000, **seen, **waits)])
    shown = text(place.alice.get(address)).replace("\xa0", " ")
    assert "H.264 · 1920×1080 · 1.50 Mbit/s · 25/s · 3 packets lost · connected anew 2 times" in shown
    assert "its clock is 1 minute ahead" in shown
    assert re.search(r"not uploaded since \S.* · 2023-11-14 23:13:20 CET", shown), shown
    assert "memory 700.0 MB of 4.0 GB · 51 °C" in shown, shown
    assert "30 % of its life used" in shown
    assert "Network link eth0 · 1000 Mbit/s" in shown
    told = call(place.alice, place, "GET", f"agents/{place.box.agent_id}").json()["health"]
    assert told["box"] == box
    assert told["streams"][0]["packets_lost"] == 3
    with later(minutes=5):
        assert "Not heard from for more than half a minute" in text(sign_in(place.cast.alice).get(address))


def test_a_wrong_clock_is_told_in_words_and_does_not_move_what_waits(place: Place) -> None:
    place.box.clock_error = dt.timedelta(hours=2, seconds=30)
    place.box.beat(oldest_unsent_us=1_700_000_000_000_000 + (2 * 3600 + 30) * 1_000_000, days_left=0.04)
    shown = text(place.alice.get(place.url(f"agents/{place.box.agent_id}"))).replace("\xa0", " ")
    assert "Clock 2 hours ahead" in shown
    assert re.search(r"Waits to be uploaded Since \S.* · 2023-11-14 23:13:(19|20|21) CET", shown), shown
    assert "room for 57 minutes without a connection" in shown


def test_an_agent_is_renamed_and_moved_and_its_cameras_stay(place: Place) -> None:
    address = place.url(f"agents/{place.box.agent_id}")
    bad = place.alice.post(address, {"name": "a\u2028b", "site": str(place.cast.site_a.id)})
    assert bad.status_code == 422
    assert "not shown" in text(bad)
    other = str(place.cast.other_site_a.id)
    assert place.alice.post(address, {"name": "Keller 📦", "site": other}).status_code == 302
    with tenant_scope(place.cast.tenant_a.id):
        agent = Agent.objects.get(id=place.box.agent_id)
        act = AuditInbox.objects.get(act="agent.changed")
    assert (agent.name, agent.site_id, place.now().site_id) == (
        "Keller 📦",
        place.cast.other_site_a.id,
        place.cast.site_a.id,
    )
    assert act.details["changed"] == "name, site"
    assert act.details["before"] == "name: Basement; site: Gate"
    assert act.details["after"] == "name: Keller 📦; site: Yard"
    path = f"agents/{place.box.agent_id}"
    assert call(place.alice, place, "PATCH", path, {"name": "Attic"}).json()["name"] == "Attic"
    wrong = call(place.alice, place, "PATCH", path, {"name": "\u200d"})
    assert (wrong.status_code, problem(wrong)) == (422, "invalid-agent")
    assert call(place.alice, place, "GET", path).json()["site_id"] == other


def test_an_agent_moves_with_its_cameras_where_that_is_wished(place: Place) -> None:
    address = place.url(f"agents/{place.box.agent_id}")
    shown = text(place.alice.get(address))
    assert "Its cameras come along" in shown
    yard = str(place.cast.other_site_a.id)
    number = place.command().number
    moved = place.alice.post(address, {"name": "Basement", "site": yard, "along": "on"})
    assert moved.status_code == 302
    assert place.now().site_id == place.cast.other_site_a.id
    assert place.command().number == number + 1
    with tenant_scope(place.cast.tenant_a.id):
        act = AuditInbox.objects.get(act="camera.changed")
    assert (act.details["before"], act.details["after"]) == ("site: Gate", "site: Yard")
    path = f"agents/{place.box.agent_id}"
    gate = str(place.cast.site_a.id)
    assert call(place.alice, place, "PATCH", path, {"site": gate}).status_code == 200
    assert place.now().site_id == place.cast.other_site_a.id, "those on other sites stay"
    assert call(place.alice, place, "PATCH", path, {"site": yard}).status_code == 200
    assert call(place.alice, place, "PATCH", path, {"site": gate, "cameras": "along"}).status_code == 200
    assert place.now().site_id == place.cast.site_a.id


def test_one_camera_that_cannot_come_along_keeps_all_where_they_are(place: Place) -> None:
    other = make_box(place.cast.tenant_a, place.cast.other_site_a)
    with tenant_scope(place.cast.tenant_a.id):
        camera_add(place.box.agent(), NewCamera("Hall", "rtsp://10.0.0.8/main"), BY)
        camera_add(other.agent(), NewCamera("Hall", "rtsp://10.0.0.9/main"), BY)
    address = place.url(f"agents/{place.box.agent_id}")
    yard = str(place.cast.other_site_a.id)
    refused = place.alice.post(address, {"name": "Basement", "site": yard, "along": "on"})
    assert refused.status_code == 422
    assert "this site has a camera called Hall already" in text(refused)
    path = f"agents/{place.box.agent_id}"
    told = call(place.alice, place, "PATCH", path, {"site": yard, "cameras": "along"})
    assert (told.status_code, problem(told)) == (409, "camera-name-taken")
    with tenant_scope(place.cast.tenant_a.id):
        assert Agent.objects.get(id=place.box.agent_id).site_id == place.cast.site_a.id
        assert set(Camera.objects.filter(agent=place.box.agent_id).values_list("site", flat=True)) == {
            place.cast.site_a.id
        }


def test_new_keys_are_asked_for_on_the_agents_page(place: Place) -> None:
    address = place.url(f"agents/{place.box.agent_id}")
    assert "Renew its keys" in text(place.alice.get(address))
    asked = place.alice.post(address + "/keys", {})
    assert asked.status_code == 302
    shown = text(place.alice.get(asked["Location"]))
    assert "The agent is asked for new keys" in shown
    assert "asked for new ones" in shown
    assert "Renew its keys" not in shown
    assert place.alice.post(address + "/keys", {}).status_code == 409
    told = call(place.alice, place, "GET", f"agents/{place.box.agent_id}").json()["keys"]
    assert told["rollover"]["state"] == "asked"
    assert json.loads(place.box.beat().content).keys() == {"roll_over"}


def test_an_agent_is_revoked_once_its_name_is_typed(place: Place) -> None:
    address = place.url(f"agents/{place.box.agent_id}/revoke")
    asked = text(place.alice.get(address))
    assert "Its 1 camera is recorded no longer" in asked
    assert "Door · Nothing has arrived" in asked
    assert place.alice.post(address, {"name": "Cellar"}).status_code == 422
    assert place.box.beat().status_code in (200, 204)
    done = place.alice.post(address, {"name": "Basement"})
    assert done.status_code == 302
    assert place.box.beat().status_code == 401
    shown = text(place.alice.get(done["Location"]))
    assert "Revoked" in shown
    assert "Revoke this agent" not in shown
    assert place.alice.get(address).status_code == 409


def test_an_operator_looks_and_changes_nothing(place: Place) -> None:
    olga = sign_in(place.cast.olga)
    address = place.url(f"agents/{place.box.agent_id}")
    assert "Owners of your organisation can rename" in text(olga.get(address))
    assert olga.post(address, {"name": "Mine", "site": str(place.cast.site_a.id)}).status_code == 403
    assert olga.get(address + "/revoke").status_code == 403


def test_the_enrolment_page_can_tell_that_the_box_has_come(place: Place) -> None:
    page = place.alice.post(place.url("agents/enrol"), {"site": str(place.cast.site_a.id)})
    code_id = re.search(r'data-enrolling="/api/v1/enrolment-codes/([^"]+)"', page.content.decode())
    command = re.search(r'id="command">python -m edge_agent enrol \S+ ([^<]+)<', page.content.decode())
    assert code_id
    assert command
    path = f"enrolment-codes/{code_id.group(1)}"
    waiting = call(place.alice, place, "GET", path).json()
    assert (waiting["state"], waiting["agent"]) == ("waiting", None)
    assert command.group(1) not in str(waiting)
    box = Box()
    assert box.enrol(command.group(1)).status_code == 200
    told = call(place.alice, place, "GET", path).json()
    assert (told["state"], told["agent"]) == ("enrolled", {"id": str(box.agent_id), "name": "Basement"})
    assert call(sign_in(place.cast.olga), place, "GET", path).status_code == 403


def test_a_code_that_ran_out_says_so(place: Place) -> None:
    made = call(place.alice, place, "POST", "enrolment-codes", {"site": str(place.cast.site_a.id)}).json()
    with later(minutes=31):
        told = call(place.alice, place, "GET", f"enrolment-codes/{made['id']}").json()
    assert told["state"] == "run-out"
