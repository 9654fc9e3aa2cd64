"""Cameras: added by people and operators, told to their agent under seal, shown with their state."""

import dataclasses
import json
import uuid

import pytest
from django.test import Client

from protocol.camera_source import open_source
from protocol.command import CommandDocument
from sealing.cose import parse1
from sealing.ids import Stream
from tenants.scope import tenant_scope
from tests.boxes import Box, make_box, problem
from tests.cast import later
from tests.keys.dumps import holding
from vsaas.agents.revocation import revoke
from vsaas.audit.models import AuditInbox
from vsaas.audit.services import system
from vsaas.cameras.errors import AgentGone, CameraNameTaken, InvalidCamera
from vsaas.cameras.models import Camera
from vsaas.cameras.services import CameraChange, NewCamera, camera_add, camera_update, cameras_of_agent
from vsaas.cameras.states import state_of

MAIN = "rtsp://admin:hunter2secret@10.0.0.7:554/main"
SUB = "rtsp://admin:hunter2secret@10.0.0.7:554/sub"
GATE = NewCamera("Gate", MAIN, SUB)
BY = system("tests")


@pytest.fixture
def box(houses):
    return make_box(houses.tenant_a, houses.site_a)


def add(box: Box, new: NewCamera = GATE) -> Camera:
    with tenant_scope(box.tenant_id):
        return camera_add(box.agent(), new, BY)


def command_of(box: Box) -> CommandDocument:
    return CommandDocument.from_payload(parse1(box.state().command).payload)


def source(box: Box, camera: uuid.UUID, stream: Stream, sealed: bytes) -> str:
    private, public = box.box.private_bytes_raw(), box.box.public_key().public_bytes_raw()
    return open_source(box.tenant_id, camera, stream, sealed, private, public)


def test_the_agent_is_told_the_camera_and_opens_its_addresses(box):
    camera = add(box)
    command = command_of(box)
    assert command.number == 2
    (order,) = command.cameras
    assert (order.camera, order.name, order.enabled, order.audio) == (camera.id, "Gate", True, True)
    assert source(box, camera.id, Stream.MAIN, order.source_main) == MAIN
    assert source(box, camera.id, Stream.SUB, order.source_sub) == SUB


def test_no_database_holds_an_address_or_password(box):
    add(box, NewCamera("Sealed gate", "rtsp://admin:pf6wq2m9@198.51.100.93:554/front"))
    assert holding("Sealed gate", "default")
    for clear in ("pf6wq2m9", "198.51.100.93"):
        assert holding(clear, "default", "keys") == []


def test_each_command_holds_every_camera(box):
    add(box)
    add(box, NewCamera("Yard", "rtsp://10.0.0.8/x", audio=False))
    command = command_of(box)
    assert command.number == 3
    assert [(order.name, order.audio, order.source_sub is None) for order in command.cameras] == [
        ("Gate", True, False),
        ("Yard", False, True),
    ]


def test_a_change_sends_the_next_command_and_no_change_none(box):
    camera = add(box)
    with tenant_scope(box.tenant_id):
        camera_update(camera, CameraChange(enabled=False, name="Front gate", retention_days=7), BY)
        camera_update(camera, CameraChange(name="Front gate"), BY)
    command = command_of(box)
    assert command.number == 3
    assert [(order.name, order.enabled) for order in command.cameras] == [("Front gate", False)]
    with tenant_scope(box.tenant_id):
        camera = Camera.objects.get()
        assert camera.retention_days == 7
        camera_update(camera, CameraChange(retention_days=0, sub_url="", main_url="rtsp://10.0.0.9/new"), BY)
    (order,) = command_of(box).cameras
    assert order.source_sub is None
    assert source(box, camera.id, Stream.MAIN, order.source_main) == "rtsp://10.0.0.9/new"
    with tenant_scope(box.tenant_id):
        assert Camera.objects.get().retention_days is None
        acts = list(AuditInbox.objects.filter(object_kind="camera").order_by("at"))
    assert [(row.act, row.details.get("changed")) for row in acts] == [
        ("camera.added", None),
        ("camera.switched-off", None),
        ("camera.changed", "name, retention days"),
        ("camera.changed", "retention days, main address, sub address"),
    ]
    assert [(row.details.get("before"), row.details.get("after")) for row in acts[2:]] == [
        ("name: Gate; retention days: none", "name: Front gate; retention days: 7"),
        ("retention days: 7", "retention days: none"),
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"main_url": "http://admin:hunter2secret@host/"}, "main_url"),
        ({"sub_url": "rtsp://admin:hunter2secret@"}, "sub_url"),
        ({"retention_days": 0}, "retention_days"),
        ({"retention_days": 4000}, "retention_days"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_stored(box, change, field):
    with pytest.raises(InvalidCamera) as caught:
        add(box, dataclasses.replace(GATE, **change))
    assert caught.value.extra["errors"][0]["field"] == field
    assert "hunter2secret" not in str(caught.value)
    with tenant_scope(box.tenant_id):
        assert not Camera.objects.exists()
    assert command_of(box).number == 1


def test_addresses_show_in_no_repr():
    assert "hunter2" not in repr(GATE)
    assert "hunter2" not in repr(CameraChange(main_url=MAIN, sub_url=SUB))


def test_two_cameras_of_one_site_have_two_names(box):
    add(box)
    with pytest.raises(CameraNameTaken):
        add(box)


def test_a_revoked_agent_gets_no_camera(box):
    with tenant_scope(box.tenant_id):
        revoke(box.agent(), BY)
    with pytest.raises(AgentGone):
        add(box)


def test_the_cameras_of_an_agent_are_its_own(houses, box):
    camera = add(box)
    other = make_box(houses.tenant_a, houses.other_site_a)
    with tenant_scope(box.tenant_id):
        assert set(cameras_of_agent(box.agent_id)) == {camera.id}
        assert cameras_of_agent(other.agent_id) == {}


def stream(camera: Camera, state: str, number: int = 1) -> dict[str, object]:
    return {
        "camera": str(camera.id),
        "stream": number,
        "state": state,
        "since_us": 77,
        "detail": "",
        "bits_per_s": 0,
        "frames_per_s": 0,
        "codec": "",
    }


@pytest.mark.parametrize(
    ("told", "state", "reason"),
    [
        ("recording", "recording", None),
        ("connecting", "waiting", "connecting"),
        ("offline", "offline", "offline"),
        ("refused", "offline", "refused"),
        ("stalled", "offline", "stalled"),
        ("unusable", "offline", "unusable"),
        ("disk-full", "offline", "disk-full"),
    ],
)
def test_the_state_is_what_the_agent_says_of_the_main_stream(box, told, state, reason):
    camera = add(box)
    box.beat(streams=[stream(camera, "recording", 2), stream(camera, told, 1)])
    with tenant_scope(box.tenant_id):
        row = Camera.objects.select_related("agent__health").get()
        assert state_of(row) == (state, 77, reason)
        with later(minutes=1):
            assert state_of(row)[0] == "agent-offline"


def test_a_camera_is_waiting_disabled_or_without_its_agent(box):
    camera = add(box)
    box.beat()

    def state():
        with tenant_scope(box.tenant_id):
            return state_of(Camera.objects.select_related("agent__health").get())

    assert state() == ("waiting", None, None)
    with tenant_scope(box.tenant_id):
        camera_update(camera, CameraChange(enabled=False), BY)
    assert state()[0] == "disabled"
    with tenant_scope(box.tenant_id):
        camera_update(camera, CameraChange(enabled=True), BY)
        revoke(box.agent(), BY)
    assert state()[::2] == ("agent-offline", "revoked")


# Through the browser API, with people.


@pytest.fixture
def staffed(cast):
    """Boxes and cameras on both sites of A, and one of B."""
    gate, yard, depot = (
        make_box(cast.tenant_a, cast.site_a),
        make_box(cast.tenant_a, cast.other_site_a),
        make_box(cast.tenant_b, cast.site_b),
    )
    for box, name in ((gate, "Gate"), (yard, "Yard"), (depot, "Depot")):
        add(box, NewCamera(name, MAIN))
    return gate, yard, depot


def get(client: Client, slug: str, path: str):
    return client.get(f"/api/v1/{path}", headers={"VSaaS-Tenant": slug, "Accept": "application/json"})


def post(client: Client, slug: str, path: str, body: object):
    return client.post(
        f"/api/v1/{path}",
        json.dumps(body),
        content_type="application/json",
        headers={"VSaaS-Tenant": slug, "Accept": "application/json"},
    )


def test_the_camera_page_says_what_its_reader_may_do(cast, staffed, client_for):
    slug = cast.tenant_a.slug
    (gate,) = get(client_for(cast.bob), slug, "cameras").json()["items"]
    for person, clip in ((cast.alice, 1), (cast.olga, 1), (cast.bob, 0)):
        page = client_for(person).get(f"/t/{slug}/cameras/{gate['id']}").content.decode()
        assert f'data-may-clip="{clip}"' in page


def test_people_see_the_cameras_and_agents_of_their_sites(cast, staffed, client_for):
    gate, _yard, _depot = staffed
    slug = cast.tenant_a.slug
    alice, bob = client_for(cast.alice), client_for(cast.bob)
    rows = get(alice, slug, "cameras").json()["items"]
    assert [row["name"] for row in rows] == ["Gate", "Yard"]
    assert rows[0] == {
        "id": rows[0]["id"],
        "name": "Gate",
        "site": "Gate",
        "site_id": str(cast.site_a.id),
        "agent": "Basement",
        "agent_id": str(gate.agent_id),
        "groups": [],
        "protection": {
            "link": "plain",
            "storage": "sealed",
            "signature": "signed",
            "transport": "this-machine",
        },
        "certificate": {"accepted": None, "shown": None},
        "enabled": True,
        "retention_days": None,
        "version": 1,
        "time_zone": "Europe/Berlin",
        "state": "agent-offline",
        "since_us": rows[0]["since_us"],
        "reason": None,
        "newest_us": None,
        "streams": ["main"],
        "audio": True,
        "recording": None,
        "events": False,
        "detection": None,
        "hardware": None,
        "steers": [],
        "health": [],
        "may": {"live": True, "playback": True, "audio": True, "clip": True, "edit": True},
    }
    (seen,) = get(bob, slug, "cameras").json()["items"]
    assert (seen["name"], seen["may"]) == (
        "Gate",
        {"live": True, "playback": True, "audio": False, "clip": False, "edit": False},
    )
    agents = get(alice, slug, "agents").json()["items"]
    assert [(row["site"], row["state"], row["may"]) for row in agents] == [
        ("Gate", "offline", {"edit": True, "revoke": True}),
        ("Yard", "offline", {"edit": True, "revoke": True}),
    ]
    gate.beat()
    states = {row["id"]: row for row in get(alice, slug, "agents").json()["items"]}
    assert states[str(gate.agent_id)]["state"] == "online"
    assert states[str(gate.agent_id)]["health"]["days_left"] == 12.5
    assert get(bob, slug, "agents").status_code == 403


def test_statements_are_for_whoever_sees_a_camera(cast, staffed, client_for):
    reply = get(client_for(cast.bob), cast.tenant_a.slug, "statements").json()
    assert set(reply) == {"root_fingerprint", "statements"}
    assert len(reply["statements"]) == 6
    assert len(reply["root_fingerprint"]) == 64


def test_the_number_of_queries_does_not_grow_with_the_cameras(cast, staffed, client_for):
    from django.db import connections
    from django.test.utils import CaptureQueriesContext

    gate = staffed[0]
    alice, slug = client_for(cast.alice), cast.tenant_a.slug

    def queries() -> int:
        with CaptureQueriesContext(connections["default"]) as captured:
            assert get(alice, slug, "cameras").status_code == 200
        return len(captured)

    before = queries()
    for number in range(8):
        add(gate, NewCamera(f"Camera {number}", MAIN, SUB))
    assert queries() == before


def test_an_owner_adds_and_changes_cameras_through_the_api(cast, staffed, client_for):
    gate = staffed[0]
    alice, slug = client_for(cast.alice), cast.tenant_a.slug
    reply = post(alice, slug, f"agents/{gate.agent_id}/cameras", {"name": "Door", "main_url": MAIN})
    assert reply.status_code == 201, reply.content
    assert reply.json()["streams"] == ["main"]
    changed = post(alice, slug, f"cameras/{reply.json()['id']}", {"enabled": False, "sub_url": SUB})
    assert (changed.json()["state"], changed.json()["streams"]) == ("disabled", ["main", "sub"])
    bad = post(
        alice, slug, f"agents/{gate.agent_id}/cameras", {"name": "Bad", "main_url": "ftp://hunter2secret"}
    )
    assert (bad.status_code, problem(bad)) == (422, "invalid-camera")
    assert b"hunter2secret" not in bad.content
    empty = post(alice, slug, f"agents/{gate.agent_id}/cameras", {})
    assert (empty.status_code, problem(empty)) == (422, "invalid-fields")


def test_others_add_and_change_nothing(cast, staffed, client_for):
    gate, _yard, depot = staffed
    slug_a, slug_b = cast.tenant_a.slug, cast.tenant_b.slug
    new = {"name": "Door", "main_url": MAIN}
    bob, charlie = client_for(cast.bob), client_for(cast.charlie)
    assert post(bob, slug_a, f"agents/{gate.agent_id}/cameras", new).status_code == 403
    assert post(charlie, slug_b, f"agents/{gate.agent_id}/cameras", new).status_code == 404
    assert post(charlie, slug_a, f"agents/{gate.agent_id}/cameras", new).status_code == 401
    assert post(Client(), slug_a, f"agents/{gate.agent_id}/cameras", new).status_code == 401
    assert post(charlie, slug_b, f"agents/{depot.agent_id}/cameras", new).status_code == 201


def test_owners_make_codes_and_revoke_others_may_not(cast, staffed, client_for):
    gate = staffed[0]
    slug = cast.tenant_a.slug
    alice, olga, charlie = client_for(cast.alice), client_for(cast.olga), client_for(cast.charlie)
    reply = post(alice, slug, "enrolment-codes", {"site": str(cast.site_a.id)})
    assert reply.status_code == 201
    assert Box().enrol(reply.json()["code"]).status_code == 200
    assert post(olga, slug, "enrolment-codes", {"site": str(cast.site_a.id)}).status_code == 403
    assert (
        post(charlie, cast.tenant_b.slug, "enrolment-codes", {"site": str(cast.site_a.id)}).status_code == 404
    )
    assert problem(post(alice, slug, "enrolment-codes", {"site": "x"})) == "invalid-fields"
    assert problem(post(alice, slug, "enrolment-codes", [])) == "invalid-fields"
    assert post(olga, slug, f"agents/{gate.agent_id}/revocation", {}).status_code == 403
    assert post(charlie, cast.tenant_b.slug, f"agents/{gate.agent_id}/revocation", {}).status_code == 404
    assert post(alice, slug, f"agents/{gate.agent_id}/revocation", {}).status_code == 200
    again = post(alice, slug, f"agents/{gate.agent_id}/revocation", {})
    assert (again.status_code, problem(again)) == (409, "already-revoked")
