"""Roles of one's own, roles on groups and cameras, denials: who may make them, what they change, and what is told before."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from tenants.access import actor_of
from tenants.models import Membership, OrganisationRole
from tenants.permissions import CAMERA_AUDIO, CAMERA_VIEW, NEVER_BY_TOKEN, ROLE_EDIT, all_permissions
from tenants.scope import tenant_scope
from tests.api_calls import problem
from tests.boxes import make_box
from tests.cameras.test_cameras import MAIN, add
from tests.cast import Cast, make_account, make_token
from vsaas.audit.models import AuditInbox
from vsaas.cameras.models import Camera
from vsaas.cameras.services import NewCamera

pytestmark = pytest.mark.usefixtures("pages")


@pytest.fixture
def alice(cast: Cast, client_for: Any) -> Client:
    return client_for(cast.alice)


@pytest.fixture
def cameras(cast: Cast) -> tuple[Camera, Camera]:
    """Both on the Gate, the first in the group Vault."""
    box = make_box(cast.tenant_a, cast.site_a)
    return add(box, NewCamera("Gate 1", MAIN, groups=("Vault",))), add(box, NewCamera("Gate 2", MAIN))


def at(cast: Cast, rest: str) -> str:
    return f"/t/{cast.tenant_a.slug}/{rest}"


def api(client: Client, cast: Cast, method: str, rest: str, body: Any = None) -> HttpResponse:
    return client.generic(
        method,
        f"/api/v1/{rest}",
        b"" if body is None else json.dumps(body),
        content_type="application/json",
        headers={"VSaaS-Tenant": cast.tenant_a.slug, "accept": "application/json"},
    )


def text_of(reply: HttpResponse) -> str:
    return html.unescape(reply.content.decode())


def make_role(client: Client, cast: Cast, title: str, *permissions: str) -> str:
    reply = api(client, cast, "POST", "roles", {"title": title, "permissions": list(permissions)})
    assert reply.status_code == 201, reply.content
    key: str = reply.json()["key"]
    return key


def grant(client: Client, cast: Cast, account: Any, *grants: dict[str, Any]) -> HttpResponse:
    return api(client, cast, "PATCH", f"members/{account.id}", {"grants": list(grants)})


def sentences(reply: HttpResponse) -> list[str]:
    assert reply.status_code == 200, reply.content
    return [one["sentence"] for one in reply.json()["effects"]]


def details(cast: Cast, act: str) -> dict[str, Any]:
    with tenant_scope(cast.tenant_a.id):
        found: dict[str, Any] = AuditInbox.objects.filter(act=act).order_by("-id")[0].details
    return found


# ---- what there is


def test_the_built_in_roles_come_first_and_cannot_be_changed(cast, alice):
    listed = api(alice, cast, "GET", "roles").json()["items"]
    assert [row["key"] for row in listed] == [
        "owner", "manager", "operator", "viewer", "auditor", "installer",
    ]  # fmt: skip
    assert {row["key"]: row["members"] for row in listed}["viewer"] == 1
    by_key = {row["key"]: set(row["permissions"]) for row in listed}
    assert by_key["owner"] == {one.name for one in all_permissions()}
    assert "camera:playback" not in by_key["installer"] | by_key["auditor"]
    assert "people:edit" not in by_key["manager"]
    for method, body in (("PATCH", {"title": "Boss"}), ("DELETE", None)):
        reply = api(alice, cast, method, "roles/owner", body)
        assert (reply.status_code, problem(reply)) == (409, "built-in-role")
    assert "Sees no pictures" in text_of(alice.get(at(cast, "roles")))


def test_a_role_brings_along_what_it_is_of_no_use_without_and_can_be_given_and_invited(
    cast, alice, client_for, cameras
):
    key = make_role(alice, cast, "Reception", "camera:clip")
    assert key == "reception"
    role = api(alice, cast, "GET", "roles/reception").json()
    assert role["permissions"] == ["camera:clip", "camera:playback", "camera:view"]
    assert details(cast, "role.made") == {"rights": "camera:clip, camera:playback, camera:view"}
    assert grant(alice, cast, cast.bob, {"role": key, "group": "Vault"}).status_code == 200
    bob = client_for(cast.bob)
    seen = api(bob, cast, "GET", "cameras").json()["items"]
    assert [row["name"] for row in seen] == ["Gate 1"]
    assert seen[0]["may"] == {"live": False, "playback": True, "audio": False, "clip": True, "edit": False}
    # The site's name, and nothing else there.
    assert [row["name"] for row in api(bob, cast, "GET", "sites").json()["items"]] == ["Gate"]
    assert api(bob, cast, "GET", f"cameras/{cameras[1].id}").status_code == 404
    assert bob.get(at(cast, f"cameras/{cameras[1].id}")).status_code == 404
    invited = {"name": "Nora", "email": "nora@example.org", "role": key, "all_sites": True}
    assert api(alice, cast, "POST", "invitations", invited).status_code == 201
    used = api(alice, cast, "DELETE", f"roles/{key}")
    assert (used.status_code, problem(used)) == (409, "role-in-use")
    assert "Bob, Nora" in used.json()["detail"]


def test_a_role_on_one_camera_ends_with_the_row_and_a_denial_wins_over_everything(
    cast, alice, client_for, cameras
):
    one, two = cameras
    bob = client_for(cast.bob)
    reply = grant(
        alice,
        cast,
        cast.bob,
        {"role": "viewer", "site": str(cast.site_a.id)},
        {"role": "operator", "camera": str(two.id)},
        {"role": "", "group": "Vault", "denies": True},
    )
    assert reply.status_code == 200, reply.content
    assert details(cast, "people.grants-changed") == {
        "before": "Viewer of Gate",
        "after": "Operator of the camera Gate 2; Viewer of Gate; not Everything of the group Vault",
    }
    assert [row["name"] for row in api(bob, cast, "GET", "cameras").json()["items"]] == ["Gate 2"]
    assert api(bob, cast, "GET", f"cameras/{two.id}").json()["may"]["audio"]
    timeline = f"timeline?cameras={one.id}&from=2026-11-22T00:00:00Z&to=2026-11-22T01:00:00Z&stream=main&resolution=60"
    assert api(bob, cast, "GET", timeline).status_code == 404
    stills = {"stills": [{"camera": str(one.id)}], "hpke_public": "A" * 43}
    assert api(bob, cast, "POST", "stills", stills).status_code == 404
    live = {"camera": str(one.id), "stream": "main", "hpke_public": "A" * 43}
    assert api(bob, cast, "POST", "live", live).status_code == 404
    palette = bob.get(at(cast, "palette.json")).json()
    assert [row["name"] for row in palette["cameras"]] == ["Gate 2"]
    # Without the denial all of it is there again.
    grant(alice, cast, cast.bob, {"role": "viewer", "site": str(cast.site_a.id)})
    assert len(api(bob, cast, "GET", "cameras").json()["items"]) == 2


def test_a_deleted_camera_keeps_the_groups_that_roles_speak_of(cast, alice, client_for, cameras):
    grant(
        alice,
        cast,
        cast.bob,
        {"role": "viewer", "site": str(cast.site_a.id)},
        {"role": "", "group": "Vault", "denies": True},
    )
    assert api(alice, cast, "DELETE", f"cameras/{cameras[0].id}").status_code == 204
    bob = client_for(cast.bob)
    assert bob.get(at(cast, f"cameras/{cameras[0].id}")).status_code == 404
    assert alice.get(at(cast, f"cameras/{cameras[0].id}")).status_code == 200
    assert api(alice, cast, "GET", "groups").json()["items"] == []


# ---- who may not


def test_nobody_makes_or_changes_a_role_beyond_their_own_rights_or_one_they_are_under(
    cast, alice, client_for
):
    key = make_role(alice, cast, "Deputies", "role:edit", "people:edit", "camera:view")
    with tenant_scope(cast.tenant_a.id):
        deputy = make_account("Dana")
        Membership.objects.create(account=deputy, role=key)
    dana = client_for(deputy)
    beyond = api(dana, cast, "POST", "roles", {"title": "More", "permissions": ["camera:audio"]})
    assert beyond.status_code == 403
    assert "listen to a camera" in beyond.json()["detail"]
    watchers = make_role(alice, cast, "Watchers", "camera:live")
    assert api(dana, cast, "PATCH", f"roles/{watchers}", {"permissions": ["camera:view"]}).status_code == 403
    own = api(dana, cast, "PATCH", f"roles/{key}", {"permissions": ["camera:view", "role:edit"]})
    assert (own.status_code, problem(own)) == (403, "own-role")
    assert grant(dana, cast, cast.bob, {"role": "operator"}).status_code == 403
    assert grant(dana, cast, cast.alice, {"role": key}).status_code == 403
    assert ROLE_EDIT in NEVER_BY_TOKEN
    token = make_token(cast.alice)[1]
    refused = Client().post(
        "/api/v1/roles", "{}", content_type="application/json", headers={"authorization": f"Bearer {token}"}
    )
    assert refused.status_code == 403


def test_an_owner_in_all_but_name_does_not_leave_the_organisation_without_one(cast, alice, client_for):
    key = make_role(alice, cast, "Second", *(one.name for one in all_permissions()))
    with tenant_scope(cast.tenant_a.id):
        second = make_account("Sec")
        Membership.objects.create(account=second, role=key)
    sec = client_for(second)
    for change in (
        [{"role": "viewer"}],
        [{"role": "owner"}, {"role": "viewer", "site": str(cast.site_a.id), "denies": True}],
    ):
        reply = grant(sec, cast, cast.alice, *change)
        assert (reply.status_code, problem(reply)) == (409, "last-owner"), reply.content
    removed = api(sec, cast, "DELETE", f"members/{cast.alice.id}")
    assert (removed.status_code, problem(removed)) == (409, "last-owner")
    assert grant(sec, cast, second, {"role": "owner"}).status_code == 403


def test_who_is_denied_something_somewhere_gives_it_to_nobody_there(cast, alice, client_for, cameras):
    with tenant_scope(cast.tenant_a.id):
        anton = make_account("Anton")
        Membership.objects.create(account=anton, role="owner")
        Membership.objects.create(account=anton, role="viewer", group="Vault", denies=True)
    client = client_for(anton)
    assert grant(client, cast, cast.bob, {"role": "viewer", "camera": str(cameras[0].id)}).status_code == 403
    assert grant(client, cast, cast.bob, {"role": "viewer"}).status_code == 403
    assert api(client, cast, "GET", f"cameras/{cameras[0].id}").status_code in (403, 404)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"role": "nobody"}, "no role"),
        ({"role": ""}, "no role"),
        ({"role": "viewer", "site": "{site}", "group": "Vault"}, "one place"),
        ({"role": "viewer", "group": "Nowhere"}, "Nowhere"),
        ({"role": "viewer", "camera": "01900000-0000-7000-8000-000000000000"}, "cameras"),
        ({"role": "owner", "site": "{site}"}, "all sites"),
    ],
)
def test_a_wrong_grant_is_told(cast, alice, cameras, change, says):
    body = {name: str(cast.site_a.id) if value == "{site}" else value for name, value in change.items()}
    reply = grant(alice, cast, cast.bob, body)
    assert reply.status_code == 422
    assert says in reply.json()["detail"]
    with tenant_scope(cast.tenant_a.id):
        assert Membership.objects.get(account=cast.bob).role == "viewer"


def test_of_two_who_edit_one_role_the_second_is_told(cast, alice):
    key = make_role(alice, cast, "Reception", "camera:live")
    first = api(alice, cast, "PATCH", f"roles/{key}", {"permissions": ["camera:view"], "version": 1})
    assert first.json()["version"] == 2
    late = api(alice, cast, "PATCH", f"roles/{key}", {"title": "Desk", "version": 1})
    assert (late.status_code, problem(late)) == (409, "stale-version")
    assert api(alice, cast, "PATCH", f"roles/{key}", {"title": "Viewer"}).status_code == 422
    assert details(cast, "role.changed") == {"before": "camera:live, camera:view", "after": "camera:view"}


# ---- moving a camera gives nobody rights


def test_who_may_not_give_roles_changes_no_rights_by_moving_a_camera(cast, alice, client_for, cameras):
    with tenant_scope(cast.tenant_a.id):
        manager = make_account("Mona")
        Membership.objects.create(account=manager, role="manager")
    mona = client_for(manager)
    one, two = cameras
    assert api(mona, cast, "PATCH", f"cameras/{two.id}", {"groups": ["New"]}).status_code == 200
    grant(alice, cast, cast.olga, {"role": "viewer", "group": "Vault"})
    joins = api(mona, cast, "PATCH", f"cameras/{two.id}", {"groups": ["Vault"]})
    assert (joins.status_code, problem(joins)) == (403, "gives-rights")
    leaves = api(mona, cast, "PATCH", f"cameras/{one.id}", {"groups": []})
    assert (leaves.status_code, problem(leaves)) == (403, "gives-rights")
    moved = {"site": str(cast.other_site_a.id)}
    assert api(mona, cast, "PATCH", f"cameras/{one.id}", moved).status_code == 403  # Bob views the Gate
    with tenant_scope(cast.tenant_a.id):
        form = {"version": two.version + 1, "name": "Gate 2", "site": str(cast.site_a.id), "groups": "Vault"}
    assert mona.post(at(cast, f"cameras/{two.id}/settings"), form).status_code == 403
    assert api(alice, cast, "PATCH", f"cameras/{two.id}", {"groups": ["Vault"]}).status_code == 200
    assert len(api(client_for(cast.olga), cast, "GET", "cameras").json()["items"]) == 2


# ---- before it is done, and why it is so


def test_a_change_of_a_role_says_before_who_loses_what_where(cast, alice, cameras):
    key = make_role(alice, cast, "Reception", "camera:live", "camera:playback")
    for account in (cast.bob, cast.olga):
        grant(alice, cast, account, {"role": key, "camera": str(cameras[1].id)})
    tried = api(alice, cast, "POST", f"roles/{key}/preview", {"permissions": ["camera:live", "camera:audio"]})
    assert sentences(tried) == [
        "Bob, Olga can no longer watch a camera's recordings: Gate 2",
        "Bob, Olga can now listen to a camera, live and recorded: Gate 2",
    ]
    assert api(alice, cast, "GET", f"roles/{key}").json()["version"] == 1
    form = {"title": "Reception", "permissions": ["camera:live", "camera:view"], "version": "1"}
    asked = alice.post(at(cast, f"roles/{key}"), form)
    assert asked.status_code == 200
    assert "Bob, Olga can no longer watch a camera's recordings: Gate 2" in text_of(asked)
    with tenant_scope(cast.tenant_a.id):
        assert OrganisationRole.objects.get(key=key).version == 1
        assert actor_of(cast.bob).holds(CAMERA_VIEW)
    assert alice.post(at(cast, f"roles/{key}"), form | {"confirmed": "1"}).status_code == 302
    assert api(alice, cast, "GET", f"roles/{key}").json()["permissions"] == ["camera:live", "camera:view"]


def test_a_change_of_a_persons_roles_is_shown_before_it_is_made(cast, alice, cameras):
    page = at(cast, f"people/{cast.bob.id}/grants")
    form = {"act": "deny", "role": "", "where": "camera", "camera": str(cameras[0].id)}
    asked = alice.post(page, form)
    assert asked.status_code == 200
    assert "Bob can no longer watch a camera live: Gate 1" in text_of(asked)
    with tenant_scope(cast.tenant_a.id):
        assert Membership.objects.filter(account=cast.bob).count() == 1
    assert alice.post(page, form | {"confirmed": "1"}).status_code == 302
    member = text_of(alice.get(at(cast, f"people/{cast.bob.id}")))
    assert "The camera Gate 1" in member
    assert "not: the camera Gate 1" in member
    tried = api(alice, cast, "POST", f"members/{cast.bob.id}/preview", {"grants": []})
    assert "Bob can no longer watch a camera live: Gate 2" in sentences(tried)
    with tenant_scope(cast.tenant_a.id):
        denial = Membership.objects.get(account=cast.bob, denies=True)
    taken_away = alice.post(page, {"remove": str(denial.pk), "confirmed": "1"})
    assert taken_away.status_code == 302
    with tenant_scope(cast.tenant_a.id):
        assert [row.role for row in Membership.objects.filter(account=cast.bob)] == ["viewer"]
    assert alice.post(page, {"remove": str(denial.pk), "confirmed": "1"}).status_code == 404
    assert alice.post(page, {"act": "give", "role": "", "where": "all"}).status_code == 422


def test_what_a_person_can_do_here_and_who_can_see_this_camera_come_with_the_reason(cast, alice, cameras):
    one, two = cameras
    grant(
        alice,
        cast,
        cast.bob,
        {"role": "viewer", "site": str(cast.site_a.id)},
        {"role": "viewer", "group": "Vault", "denies": True},
    )
    why = api(alice, cast, "GET", f"members/{cast.bob.id}/rights?camera={one.id}").json()
    live = next(row for row in why["rights"] if row["permission"] == "camera:live")
    assert not live["allowed"]
    assert [row["site"]["name"] for row in live["given_by"]] == ["Gate"]
    assert [row["group"] for row in live["taken_by"]] == ["Vault"]
    page = text_of(alice.get(at(cast, f"people/{cast.bob.id}/rights?place=camera:{one.id}")))
    assert "Taken: not Viewer of the group Vault" in page
    assert alice.get(at(cast, f"people/{cast.bob.id}/rights?place=camera:x")).status_code == 404
    people = api(alice, cast, "GET", f"cameras/{two.id}/people").json()["items"]
    allowed = {
        person["name"]: {row["permission"] for row in person["rights"] if row["allowed"]} for person in people
    }
    assert set(allowed) == {"Alice", "Bob", "Olga"}
    assert CAMERA_AUDIO.name in allowed["Olga"] - allowed["Bob"]
    page = text_of(alice.get(at(cast, f"cameras/{one.id}/people")))
    assert "Nothing here" in page
    assert "Viewer of Gate" in page
    denied_all = api(alice, cast, "GET", f"cameras/{one.id}/people").json()["items"]
    assert not any(
        row["allowed"] for person in denied_all if person["name"] == "Bob" for row in person["rights"]
    )


def test_whoever_sees_no_cameras_is_led_to_what_they_may_open(cast, alice, client_for, cameras):
    key = make_role(alice, cast, "Readers", "audit:view")
    assert grant(alice, cast, cast.bob, {"role": key}).status_code == 200
    bob = client_for(cast.bob)
    first = bob.get(at(cast, ""))
    assert (first.status_code, first["Location"]) == (302, at(cast, "sites"))
    assert bob.get(first["Location"]).status_code == 200
    assert bob.get(at(cast, "audit")).status_code == 200
    assert bob.get(at(cast, f"cameras/{cameras[0].id}")).status_code == 403


def test_an_unused_role_is_deleted_and_the_log_keeps_what_it_could(cast, alice):
    made = alice.post(at(cast, "roles/new"), {"title": "Быстро", "permissions": ["camera:live"]})
    assert made.status_code == 302
    (row,) = [one for one in api(alice, cast, "GET", "roles").json()["items"] if not one["built_in"]]
    assert row["title"] == "Быстро"
    assert "Nobody has it" in text_of(alice.get(at(cast, f"roles/{row['key']}/delete")))
    assert alice.post(at(cast, f"roles/{row['key']}/delete")).status_code == 302
    assert details(cast, "role.deleted") == {"before": "camera:live, camera:view"}
    assert alice.get(at(cast, f"roles/{row['key']}")).status_code == 404
