"""Groups of cameras, as programs list them."""

from __future__ import annotations

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tenants.permissions import CAMERA_VIEW
from tenants.scope import tenant_scope
from tests.api_calls import call
from tests.boxes import Box, make_box, problem
from tests.cameras.test_cameras import MAIN, add, get
from tests.cast import Cast, make_token
from vsaas.audit.services import system
from vsaas.cameras.models import Camera
from vsaas.cameras.services import NewCamera, camera_delete


@pytest.fixture
def boxes(cast: Cast) -> tuple[Box, Box]:
    """At the gate, which Bob sees, and on the yard, which he does not."""
    return make_box(cast.tenant_a, cast.site_a), make_box(cast.tenant_a, cast.other_site_a)


@pytest.fixture
def cameras(boxes: tuple[Box, Box]) -> list[Camera]:
    gate, yard = boxes
    return [
        add(gate, NewCamera("Gate", MAIN, groups=("Entrances", "Night"))),
        add(gate, NewCamera("Door", MAIN, groups=("Entrances",))),
        add(yard, NewCamera("Yard", MAIN, groups=("Entrances", "Zoo"))),
        add(yard, NewCamera("Ramp", MAIN)),
    ]


def listed(client: Client, cast: Cast, query: str = "") -> list[tuple[str, int, list[str]]]:
    reply = get(client, cast.tenant_a.slug, f"groups{query}")
    assert reply.status_code == 200, reply.content
    return [
        (row["name"], row["cameras"], [site["name"] for site in row["sites"]])
        for row in reply.json()["items"]
    ]


def test_groups_are_listed_with_their_cameras_and_sites(cast: Cast, cameras, client_for):
    gate, yard = cast.site_a.name, cast.other_site_a.name
    both = sorted([gate, yard])
    alice = client_for(cast.alice)
    assert listed(alice, cast) == [("Entrances", 3, both), ("Night", 1, [gate]), ("Zoo", 1, [yard])]
    assert listed(alice, cast, f"?site={cast.other_site_a.id}") == [
        ("Entrances", 1, [yard]),
        ("Zoo", 1, [yard]),
    ]
    assert listed(alice, cast, "?q=NI") == [("Night", 1, [gate])]


def test_who_sees_one_site_sees_of_a_group_what_is_there_and_of_others_nothing(
    cast: Cast, cameras, client_for
):
    gate = cast.site_a.name
    expected = [("Entrances", 2, [gate]), ("Night", 1, [gate])]
    assert listed(client_for(cast.bob), cast) == expected
    token = make_token(cast.alice, CAMERA_VIEW, site=cast.site_a)[1]
    by_token = call(token, "GET", "/api/v1/groups").json()["items"]
    assert [(row["name"], row["cameras"]) for row in by_token] == [("Entrances", 2), ("Night", 1)]
    assert str(cast.other_site_a.id) not in str(by_token)
    assert listed(client_for(cast.bob), cast, f"?site={cast.other_site_a.id}") == []
    charlies = get(client_for(cast.charlie), cast.tenant_b.slug, "groups")
    assert charlies.json() == {"items": [], "next": None}


def test_a_group_ends_with_its_last_camera(cast: Cast, cameras, client_for):
    with tenant_scope(cast.tenant_a.id):
        camera_delete(cameras[0], system("tests"), erase_footage=False)
    assert [row[:2] for row in listed(client_for(cast.alice), cast)] == [("Entrances", 2), ("Zoo", 1)]


def test_pages_begin_where_the_one_before_ended(cast: Cast, boxes, client_for):
    names = [f"Group {number}" for number in range(7)]
    for number, name in enumerate(("One", "Two", "Three")):
        add(boxes[0], NewCamera(name, MAIN, groups=names[number : number + 5]))
    alice, seen, cursor = client_for(cast.alice), [], ""
    while cursor is not None:
        page = get(alice, cast.tenant_a.slug, f"groups?limit=2{cursor and '&cursor=' + cursor}").json()
        seen += [(row["name"], row["cameras"]) for row in page["items"]]
        cursor = page["next"]
    assert seen == list(zip(names, (1, 2, 3, 3, 3, 2, 1), strict=True))


@pytest.mark.parametrize(
    ("query", "field"), [("site=gate", "site"), ("cursor=abc", "cursor"), ("limit=0", "limit")]
)
def test_a_wrong_question_is_told_its_field(cast: Cast, client_for, query, field):
    reply = get(client_for(cast.alice), cast.tenant_a.slug, f"groups?{query}")
    assert (reply.status_code, problem(reply)) == (422, "invalid-fields")
    assert reply.json()["errors"][0]["field"] == field


def test_the_number_of_queries_does_not_grow_with_groups_and_cameras(cast: Cast, boxes, client_for):
    alice, slug = client_for(cast.alice), cast.tenant_a.slug

    def queries() -> int:
        with CaptureQueriesContext(connections["default"]) as captured:
            assert get(alice, slug, "groups").status_code == 200
        return len(captured)

    add(boxes[0], NewCamera("Gate", MAIN, groups=("Entrances",)))
    before = queries()
    for number in range(10):
        add(boxes[1], NewCamera(f"Camera {number}", MAIN, groups=(f"Group {number}", "Entrances")))
    assert queries() == before
