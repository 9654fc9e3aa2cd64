"""Saved views of the wall: one's own and shared ones, over REST."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tenants.permissions import CAMERA_VIEW, TENANT_EDIT, VIEW_EDIT
from tenants.scope import tenant_scope
from tests.api_calls import call
from tests.boxes import make_box, problem
from tests.cameras.test_cameras import MAIN, add, get, post
from tests.cast import Cast, make_token
from vsaas.audit.models import AuditInbox
from vsaas.cameras.models import Camera
from vsaas.cameras.services import NewCamera


@pytest.fixture
def cameras(cast: Cast) -> tuple[Camera, Camera]:
    """One at the gate, which Bob sees, one on the yard, which he does not."""
    gate, yard = make_box(cast.tenant_a, cast.site_a), make_box(cast.tenant_a, cast.other_site_a)
    return add(gate, NewCamera("Gate", MAIN)), add(yard, NewCamera("Yard", MAIN))


def view_of(*cameras: Camera, **more: Any) -> dict[str, Any]:
    return {"name": "Night", "cameras": [str(camera.id) for camera in cameras]} | more


def change(client: Client, slug: str, view: str, body: object):
    return client.patch(
        f"/api/v1/views/{view}",
        json.dumps(body),
        content_type="application/json",
        headers={"VSaaS-Tenant": slug, "Accept": "application/json"},
    )


def remove(client: Client, slug: str, view: str):
    return client.delete(
        f"/api/v1/views/{view}", headers={"VSaaS-Tenant": slug, "Accept": "application/json"}
    )


def test_a_view_is_kept_changed_and_removed(cast: Cast, cameras, client_for):
    gate, yard = cameras
    alice, slug = client_for(cast.alice), cast.tenant_a.slug
    made = post(alice, slug, "views", view_of(yard, gate, layout="2x2", carousel_s=20))
    assert made.status_code == 201, made.content
    view = made.json()
    assert view == {
        "id": view["id"],
        "name": "Night",
        "layout": "2x2",
        "cameras": [str(yard.id), str(gate.id)],
        "not_shown": 0,
        "carousel_s": 20,
        "shared": False,
        "own": True,
        "may": {"change": True},
    }
    assert get(alice, slug, "views").json()["items"] == [view]
    changed = change(alice, slug, view["id"], {"cameras": [str(gate.id)], "carousel_s": None}).json()
    assert changed == view | {"cameras": [str(gate.id)], "carousel_s": None}
    assert change(alice, slug, view["id"], {"name": "Night"}).status_code == 200
    assert remove(alice, slug, view["id"]).status_code == 204
    assert get(alice, slug, "views").json()["items"] == []
    assert remove(alice, slug, view["id"]).status_code == 404
    with tenant_scope(cast.tenant_a.id):
        acts = AuditInbox.objects.filter(act__startswith="view.").order_by("at")
        assert [(row.act, row.object_name, row.details.get("changed")) for row in acts] == [
            ("view.saved", "Night", None),
            ("view.changed", "Night", "cameras, carousel_s"),
            ("view.removed", "Night", None),
        ]


def test_ones_own_view_is_nobody_elses(cast: Cast, cameras, client_for):
    slug = cast.tenant_a.slug
    alice, olga = client_for(cast.alice), client_for(cast.olga)
    view = post(olga, slug, "views", view_of(*cameras)).json()
    assert get(alice, slug, "views").json()["items"] == []
    assert change(alice, slug, view["id"], {"layout": "1"}).status_code == 404
    assert remove(alice, slug, view["id"]).status_code == 404


def test_a_shared_view_shows_each_person_the_cameras_they_may_see(cast: Cast, cameras, client_for):
    gate, yard = cameras
    slug = cast.tenant_a.slug
    olga, bob, alice = client_for(cast.olga), client_for(cast.bob), client_for(cast.alice)
    view = post(olga, slug, "views", view_of(yard, gate, shared=True)).json()
    (seen,) = get(bob, slug, "views").json()["items"]
    assert (seen["cameras"], seen["not_shown"], seen["own"]) == ([str(gate.id)], 1, False)
    assert str(yard.id) not in json.dumps(seen)
    assert seen["may"] == {"change": False}
    assert change(bob, slug, view["id"], {"name": "Mine"}).status_code == 403
    assert remove(bob, slug, view["id"]).status_code == 403
    # Whoever may change the organisation's settings may tidy up.
    assert get(alice, slug, "views").json()["items"][0]["may"] == {"change": True}
    assert remove(alice, slug, view["id"]).status_code == 204


def test_cameras_one_does_not_see_neither_enter_a_view_nor_fall_out_of_it(cast: Cast, cameras, client_for):
    gate, yard = cameras
    slug = cast.tenant_a.slug
    bob, alice = client_for(cast.bob), client_for(cast.alice)
    assert post(bob, slug, "views", view_of(gate, yard)).status_code == 404
    assert get(bob, slug, "views").json()["items"] == []
    view = post(bob, slug, "views", view_of(gate, shared=True)).json()
    change(alice, slug, view["id"], {"cameras": [str(yard.id), str(gate.id)]})
    (seen,) = get(bob, slug, "views").json()["items"]
    assert (seen["cameras"], seen["not_shown"]) == ([str(gate.id)], 1)
    change(bob, slug, view["id"], {"cameras": [str(gate.id)]})
    assert get(alice, slug, "views").json()["items"][0]["cameras"] == [str(gate.id), str(yard.id)]


def test_another_tenant_finds_nothing(cast: Cast, cameras, client_for):
    view = post(client_for(cast.alice), cast.tenant_a.slug, "views", view_of(*cameras, shared=True)).json()
    charlie = client_for(cast.charlie)
    assert get(charlie, cast.tenant_b.slug, "views").json()["items"] == []
    assert change(charlie, cast.tenant_b.slug, view["id"], {"name": "x"}).status_code == 404
    assert post(charlie, cast.tenant_b.slug, "views", view_of(*cameras)).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "a\u0007b"}, "name"),
        ({"layout": "6x6"}, "layout"),
        ({"cameras": []}, "cameras"),
        ({"cameras": ["x"]}, "cameras.0"),
        ({"cameras": [7]}, "cameras"),
        ({"shared": "yes"}, "shared"),
        ({"carousel_s": 4}, "carousel_s"),
        ({"shared": "perhaps"}, "shared"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_kept(cast: Cast, cameras, client_for, wrong, field):
    alice, slug = client_for(cast.alice), cast.tenant_a.slug
    reply = post(alice, slug, "views", view_of(*cameras) | wrong)
    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, field)
    assert get(alice, slug, "views").json()["items"] == []


def test_a_person_keeps_two_views_under_two_names(cast: Cast, cameras, client_for):
    alice, olga, slug = client_for(cast.alice), client_for(cast.olga), cast.tenant_a.slug
    assert post(alice, slug, "views", view_of(*cameras)).status_code == 201
    again = post(alice, slug, "views", view_of(*cameras))
    assert (again.status_code, problem(again)) == (409, "view-name-taken")
    assert post(olga, slug, "views", view_of(*cameras)).status_code == 201


def test_the_number_of_queries_does_not_grow_with_views_and_cameras(cast: Cast, cameras, client_for):
    alice, slug = client_for(cast.alice), cast.tenant_a.slug

    def queries() -> int:
        with CaptureQueriesContext(connections["default"]) as captured:
            assert get(alice, slug, "views").status_code == 200
        return len(captured)

    post(alice, slug, "views", view_of(*cameras))
    before = queries()
    for number in range(5):
        post(alice, slug, "views", view_of(*cameras, name=f"View {number}"))
    assert queries() == before


def test_a_token_that_sees_cameras_keeps_views_only_where_it_is_lent_that_too(
    cast: Cast, cameras, client_for
):
    view = post(client_for(cast.alice), cast.tenant_a.slug, "views", view_of(*cameras, shared=True)).json()
    path = f"/api/v1/views/{view['id']}"
    seeing = make_token(cast.alice, CAMERA_VIEW, TENANT_EDIT)[1]
    (seen,) = call(seeing, "GET", "/api/v1/views").json()["items"]
    assert seen == view | {"may": {"change": False}}
    changing = (
        ("POST", "/api/v1/views", view_of(*cameras, name="Day")),
        ("PATCH", path, {"name": "Day"}),
        ("DELETE", path, None),
    )
    keeping = make_token(cast.alice, CAMERA_VIEW, VIEW_EDIT)[1]
    blind = make_token(cast.alice, VIEW_EDIT)[1]
    for token, taken in ((seeing, "keep and change views"), (blind, "see that a camera exists")):
        for method, address, body in changing:
            refused = call(token, method, address, body)
            assert (refused.status_code, problem(refused)) == (403, "denied"), (method, refused.content)
            assert taken in refused.json()["detail"]
    answers = [call(keeping, method, address, body).status_code for method, address, body in changing]
    assert answers == [201, 409, 204]  # a view called Day is kept already when the second is to be called so
    (left,) = call(keeping, "GET", "/api/v1/views").json()["items"]
    assert (left["name"], left["may"]) == ("Day", {"change": True})
