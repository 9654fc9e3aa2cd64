"""Cameras from a table: looked through line by line, added together, no password shown or kept."""

from __future__ import annotations

import pytest

from sealing.ids import Stream
from tenants.scope import tenant_scope
from tests.boxes import make_box
from tests.cameras.place import Place, call
from tests.cast import sign_in
from tests.reading import text
from vsaas.cameras.models import Camera, CameraGroup
from vsaas.common.redis import client

PASSWORD = "hunter2 ;sécret"


def table(*lines: str, head: str = "name;address;sub_address;user;password;agent;groups") -> str:
    return "\n".join([head, *lines])


def read(place: Place, text_: str, **fields: str) -> dict[str, object]:
    body = {"agent": str(place.box.agent_id), "table": text_} | fields
    reply = call(place.alice, place, "POST", "camera-imports", body)
    assert reply.status_code == 200, reply.content
    found: dict[str, object] = reply.json()
    return found


def test_lines_are_shown_with_what_is_wrong_and_the_others_are_added(place: Place) -> None:
    yard = make_box(place.cast.tenant_a, place.cast.other_site_a)
    lines = table(
        f'Gate 2;rtsp://10.0.0.8/main;10.0.0.8/sub;admin;"{PASSWORD}";;Doors',
        "Ramp;rtsp://u:p@10.0.0.9/x;;;;Yard;",
        "Door;rtsp://10.0.0.10/x;;;;;",
        "gate 3;http://10.0.0.11/x;;;;;",
        "Gate 4;10.0.0.12/x;;;;Nowhere;",
        "Gate 2;10.0.0.13/x;;;;;",
    )
    begun = place.alice.post(place.url("cameras/import"), {"agent": str(place.box.agent_id), "table": lines})
    assert begun.status_code == 302, text(begun)
    shown = place.alice.get(begun["Location"])
    assert PASSWORD not in shown.content.decode()
    page = text(shown)
    assert "4 lines cannot be added" in page
    assert "has a camera called Door already" in page
    assert "must begin with rtsp://" in page
    assert "no agent and no site you may add cameras to has this name: Nowhere" in page.replace(
        "No agent", "no agent"
    )
    assert "Add 2 cameras" in page
    for key in client().scan_iter("vsaas:camera-import:*"):
        assert b"hunter2" not in client().get(key)
    added = place.alice.post(begun["Location"])
    assert added.status_code == 302
    assert text(place.alice.get(added["Location"])).count("Added") == 2
    order = place.orders()["Gate 2"]
    assert place.source(order) == "rtsp://admin:hunter2%20%3Bs%C3%A9cret@10.0.0.8/main"
    assert place.source(order, Stream.SUB).endswith("@10.0.0.8/sub")
    with tenant_scope(place.cast.tenant_a.id):
        assert Camera.objects.get(name="Ramp").agent_id == yard.agent_id
        assert CameraGroup.objects.get().name == "Doors"
    assert place.alice.post(begun["Location"]).status_code == 302
    with tenant_scope(place.cast.tenant_a.id):
        assert Camera.objects.count() == 3, "adding again adds nothing"
    olga = sign_in(place.cast.olga)
    assert olga.get(begun["Location"]).status_code in (403, 404)


def test_a_program_reads_and_adds_a_table(place: Place) -> None:
    told = read(place, "name,address\nGate 2,10.0.0.8/main\nGate 3,\n")
    assert told["rows"] == [
        {
            "line": 2,
            "name": "Gate 2",
            "address": "rtsp://10.0.0.8/main",
            "agent": str(place.box.agent_id),
            "wrong": "",
        },
        {
            "line": 3,
            "name": "Gate 3",
            "address": "",
            "agent": None,
            "wrong": "the address must have 1 to 2000 bytes",
        },
    ]
    with tenant_scope(place.cast.tenant_a.id):
        camera = Camera.objects.get(name="Door")
        camera.name = "Gate 2"
        camera.save()
    items = call(place.alice, place, "POST", f"camera-imports/{told['id']}/cameras").json()["items"]
    assert [one["problem"]["problem"] for one in items] == ["camera-name-taken"]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("", "may not be blank"),
        ("address\nx", "names no column name"),
        ("name,address,colour\na,b,c", "not known: colour"),
        ("name,address", "no line below"),
        ("name,address\n" + "a,10.0.0.1/x\n" * 501, "at most 500"),
    ],
)
def test_what_is_no_table_of_cameras_is_refused(place: Place, bad: str, why: str) -> None:
    body = {"agent": str(place.box.agent_id), "table": bad}
    reply = call(place.alice, place, "POST", "camera-imports", body)
    assert reply.status_code == 422
    assert why in reply.content.decode()
    form = place.alice.post(place.url("cameras/import"), body)
    assert form.status_code == 422
    assert "Paste the table again" in text(form)
