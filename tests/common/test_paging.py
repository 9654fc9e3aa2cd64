"""Lists in pages, and entity tags."""

from __future__ import annotations

import base64
import json

import pytest

from tenants.scope import tenant_scope
from tests.api_calls import call, problem
from tests.boxes import Box, make_box, make_keys
from tests.cast import Cast, make_token
from vsaas.audit.services import system
from vsaas.cameras.models import Camera
from vsaas.cameras.services import CameraChange, NewCamera, camera_add, camera_update

CAMERAS = "/api/v1/cameras"
BY = system("tests")


@pytest.fixture
def box(cast: Cast) -> Box:
    make_keys(cast.tenant_a)
    return make_box(cast.tenant_a, cast.site_a)


@pytest.fixture
def token(cast: Cast) -> str:
    return make_token(cast.alice)[1]


def add(box: Box, *names: str) -> list[Camera]:
    with tenant_scope(box.tenant_id):
        return [camera_add(box.agent(), NewCamera(name, "rtsp://192.0.2.1/x"), BY) for name in names]


def walk(token: str, path: str, limit: int) -> list[str]:
    names, cursor = [], ""
    while True:
        page = call(token, "GET", f"{path}?limit={limit}{cursor}").json()
        assert len(page["items"]) <= limit
        names += [row["name"] for row in page["items"]]
        if page["next"] is None:
            return names
        cursor = f"&cursor={page['next']}"


def test_pages_together_hold_each_row_once_in_order(cast: Cast, box: Box, token: str) -> None:
    names = ["Aal", "aal 2", "Gate", "Gate 2", "Öffnung", "Zaun", "出口"]
    add(box, *reversed(names))
    whole = [row["name"] for row in call(token, "GET", CAMERAS).json()["items"]]
    assert sorted(whole) == sorted(names)
    for limit in (1, 2, 3, 7):
        assert walk(token, CAMERAS, limit) == whole


def test_a_list_of_cameras_can_be_narrowed(cast: Cast, box: Box, token: str) -> None:
    with tenant_scope(box.tenant_id):
        for name, groups in (("Gate", ["Doors", "Night"]), ("Gate 2", ["Doors"]), ("Yard", [])):
            camera_add(box.agent(), NewCamera(name, "rtsp://192.0.2.1/x", groups=tuple(groups)), BY)

    def named(query: str) -> list[str]:
        return [row["name"] for row in call(token, "GET", f"{CAMERAS}?{query}").json()["items"]]

    assert named("group=Doors") == ["Gate", "Gate 2"]
    assert named("group=Night&q=gate") == ["Gate"]
    assert named("group=doors") == []
    assert named(f"site={cast.site_a.id}&q=YARD") == ["Yard"]
    assert named(f"site={cast.site_b.id}") == []
    assert named(f"agent={box.agent_id}&q=yard") == ["Yard"]
    assert named(f"agent={cast.site_a.id}") == []
    wrong = call(token, "GET", f"{CAMERAS}?site=here")
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "site")


def test_rows_that_come_and_go_meanwhile_neither_repeat_nor_hide_others(box: Box, token: str) -> None:
    cameras = add(box, "B", "D", "F", "H")
    first = call(token, "GET", f"{CAMERAS}?limit=2").json()
    assert [row["name"] for row in first["items"]] == ["B", "D"]
    add(box, "A", "E")
    with tenant_scope(box.tenant_id):
        camera_update(cameras[1], CameraChange(name="Y"), BY)
    second = call(token, "GET", f"{CAMERAS}?limit=9&cursor={first['next']}").json()
    assert [row["name"] for row in second["items"]] == ["E", "F", "H", "Y"]
    assert second["next"] is None


def test_lists_descending_page_as_well(cast: Cast, client_for) -> None:
    for number in range(5):
        make_token(cast.alice, name=f"Token {number}")
    alice = client_for(cast.alice)
    names, cursor = [], ""
    for _ in range(3):
        reply = call(
            None, "GET", f"/api/v1/tokens?limit=2{cursor}", client=alice, vsaas_tenant=cast.tenant_a.slug
        ).json()
        names += [row["name"] for row in reply["items"]]
        cursor = f"&cursor={reply['next']}"
    assert names == [f"Token {number}" for number in (4, 3, 2, 1, 0)]
    assert reply["next"] is None


def test_the_longest_names_of_any_script_are_paged_too(box: Box, token: str) -> None:
    names = ["\U0001f4f9" * 200, "\U0001f4f9" * 199 + "a"]
    add(box, *names)
    assert sorted(walk(token, CAMERAS, 1)) == sorted(names)


ID = "019ac0f2-5a3e-7c11-9d8e-2f6b7a0c4d11"


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=-1",
        "limit=x",
        "limit=",
        "cursor=x",
        "cursor=",
        "cursor=" + "A" * 2000,
        "cursor=" + encoded(["name,id", "a"]),
        "cursor=" + encoded(["name,id", "a", "no id"]),
        "cursor=" + encoded(["name,id", "a", 7]),
        "cursor=" + encoded(["name,id", "a\x00", ID]),
        "cursor=" + encoded(["name,id", "\ud800", ID]),
        "cursor=" + encoded(["-name,id", "a", ID]),
        "cursor=" + encoded(["password,id", "a", ID]),
        "cursor=" + encoded(7),
        "cursor=" + encoded([[["name"]] * 200]),
    ],
)
def test_a_wrong_page_is_refused_with_its_field(token: str, query: str) -> None:
    reply = call(token, "GET", f"{CAMERAS}?{query}")
    assert (reply.status_code, problem(reply)) == (422, "invalid-fields"), reply.content
    assert reply.json()["errors"][0]["field"] == query.partition("=")[0]


def test_the_cursors_tried_are_of_the_form_the_list_gives(token: str) -> None:
    reply = call(token, "GET", f"{CAMERAS}?cursor={encoded(['name,id', 'a', ID])}")
    assert reply.status_code == 200, reply.content


def test_the_number_of_queries_does_not_grow_with_the_page(box: Box, token: str) -> None:
    from django.db import connections
    from django.test.utils import CaptureQueriesContext

    add(box, "One", "Two")

    def queries(path: str) -> int:
        call(token, "GET", path)  # notes the token's use
        with CaptureQueriesContext(connections["default"]) as captured:
            assert call(token, "GET", path).status_code == 200
        return len(captured)

    before = queries(CAMERAS), queries("/api/v1/agents")
    add(box, *(f"Camera {number}" for number in range(10)))
    assert (queries(CAMERAS), queries("/api/v1/agents")) == before


# entity tags


def test_what_did_not_change_is_not_sent_again(box: Box, token: str) -> None:
    add(box, "Gate")
    first = call(token, "GET", CAMERAS)
    assert first["Cache-Control"] == "private, no-cache"
    again = call(token, "GET", CAMERAS, if_none_match=f'"other", W/{first["ETag"]}')
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    add(box, "Yard")
    changed = call(token, "GET", CAMERAS, if_none_match=first["ETag"])
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]


def test_browsers_of_people_keep_nothing(cast: Cast, client_for) -> None:
    reply = call(None, "GET", CAMERAS, client=client_for(cast.alice), vsaas_tenant=cast.tenant_a.slug)
    assert reply["Cache-Control"] == "no-store"
    assert "ETag" in reply


def test_a_change_does_not_overwrite_somebody_elses(box: Box, token: str) -> None:
    (camera,) = add(box, "Gate")
    path = f"{CAMERAS}/{camera.id}"
    seen = call(token, "GET", path)
    assert seen.json()["name"] == "Gate"
    assert call(token, "POST", path, {"name": "Gate 2"}, if_match=seen["ETag"]).status_code == 200
    late = call(token, "POST", path, {"audio": False}, if_match=seen["ETag"])
    assert (late.status_code, problem(late)) == (412, "changed-meanwhile")
    now = call(token, "GET", path)
    assert (now.json()["name"], now.json()["audio"]) == ("Gate 2", True)
    assert call(token, "POST", path, {"audio": False}, if_match=now["ETag"]).status_code == 200
    assert call(token, "POST", path, {"audio": True}, if_match="*").status_code == 200
    assert call(token, "POST", path, {"audio": False}, if_match='"x"').status_code == 412
    assert call(token, "POST", path, {"audio": False}).status_code == 200


def test_a_camera_that_only_changed_its_state_may_still_be_changed(box: Box, token: str) -> None:
    (camera,) = add(box, "Gate")
    path = f"{CAMERAS}/{camera.id}"
    seen = call(token, "GET", path)
    box.beat()
    assert call(token, "GET", path)["ETag"] != seen["ETag"]
    assert call(token, "POST", path, {"name": "Gate 2"}, if_match=seen["ETag"]).status_code == 200


def test_a_new_address_is_a_change_too(box: Box, token: str) -> None:
    (camera,) = add(box, "Gate")
    path = f"{CAMERAS}/{camera.id}"
    seen = call(token, "GET", path)
    call(token, "POST", path, {"main_url": "rtsp://192.0.2.9/new"})
    assert call(token, "POST", path, {"name": "Gate 2"}, if_match=seen["ETag"]).status_code == 412
