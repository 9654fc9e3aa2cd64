"""The decision agrees with a naive reading of the rule, whatever the grants, groups and denials; lists show what single
objects would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenants import access
from tenants.access import Actor, Grant, actor_of, may, narrowed, require, visible
from tenants.errors import Denied, NotFound
from tenants.ids import uuid7
from tenants.models import Membership, OrganisationRole, Site, Tenant
from tenants.permissions import (
    AUDIT_VIEW,
    CAMERA_PLAYBACK,
    CAMERA_VIEW,
    SITE_VIEW,
    Permission,
    Role,
)
from tenants.scope import tenant_scope
from tests.boxes import make_box
from tests.cameras.test_cameras import MAIN, add
from tests.cast import Cast, make_account
from vsaas.agents.models import Agent
from vsaas.cameras.models import Camera, CameraGroup, CameraSource
from vsaas.cameras.services import NewCamera
from vsaas.cameras.states import camera_states

ASKED = (CAMERA_VIEW, CAMERA_PLAYBACK, SITE_VIEW, AUDIT_VIEW)


@dataclass(frozen=True)
class Estate:
    """Three cameras on two sites: the first in both groups, the second in one, the third (on the other site) in one."""

    cast: Cast
    cameras: list[Camera]


@pytest.fixture
def estate(cast: Cast) -> Estate:
    gate, yard = make_box(cast.tenant_a, cast.site_a), make_box(cast.tenant_a, cast.other_site_a)
    cameras = [
        add(gate, NewCamera("One", MAIN, groups=("Night", "Vault"))),
        add(gate, NewCamera("Two", MAIN, groups=("Night",))),
        add(yard, NewCamera("Three", MAIN, groups=("Vault",))),
    ]
    return Estate(cast, cameras)


roles = st.frozensets(st.sampled_from(ASKED)).map(lambda held: Role("some", "Some", "some", held))
# site, group, camera as numbers into the estate, at most one of them
places = st.one_of(
    st.just((None, "", None)),
    st.integers(0, 1).map(lambda site: (site, "", None)),
    st.sampled_from(["Night", "Vault", "Nowhere"]).map(lambda group: (None, group, None)),
    st.integers(0, 2).map(lambda camera: (None, "", camera)),
)
rows = st.lists(st.tuples(roles, places, st.booleans()), max_size=6)


def grants_of(estate: Estate, chosen: list[Any]) -> tuple[Grant, ...]:
    sites = [estate.cast.site_a.id, estate.cast.other_site_a.id]
    return tuple(
        Grant(
            role,
            None if site is None else sites[site],
            group,
            None if camera is None else estate.cameras[camera].id,
            denies,
        )
        for role, (site, group, camera), denies in chosen
    )


def naive(grants: tuple[Grant, ...], permission: Permission, camera: Camera, only: UUID | None) -> bool:
    """The rule as it is said: given by something that covers the camera, and taken by nothing that does."""
    groups = {group.name for group in camera.groups.all()}

    def covers(grant: Grant) -> bool:
        everywhere = grant.site_id is None and not grant.group and grant.camera_id is None
        return (
            everywhere
            or grant.site_id == camera.site_id
            or grant.group in groups
            or grant.camera_id == camera.id
        )

    given_by = [one for one in grants if not one.denies and covers(one)]
    taken_by = [one for one in grants if one.denies and covers(one)]
    inside = only is None or camera.site_id == only
    return (
        inside
        and any(permission in one.role.permissions for one in given_by)
        and not any(permission in one.role.permissions for one in taken_by)
    )


def allowed(actor: Actor, permission: Permission, obj: Any) -> bool:
    try:
        require(actor, permission, obj)
    except (Denied, NotFound):
        return False
    return True


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=rows, limited=st.sampled_from([None, 0, 1]))
def test_require_visible_and_may_agree_with_the_rule(
    estate: Estate, chosen: Any, limited: int | None
) -> None:
    cast = estate.cast
    only = None if limited is None else [cast.site_a.id, cast.other_site_a.id][limited]
    grants = grants_of(estate, chosen)
    actor = Actor(cast.tenant_a.id, cast.bob.id, "Bob", grants)
    if only is not None:
        actor = narrowed(actor, frozenset(ASKED), only, token_id=uuid7(), name="token")
    with tenant_scope(cast.tenant_a.id):
        cameras = list(Camera.objects.prefetch_related("groups"))
        bare = list(Camera.objects.all())
        for permission in ASKED:
            expected = {one.id for one in cameras if naive(grants, permission, one, only)}
            assert {one.id for one in cameras if may(actor, permission, one)} == expected
            assert {one.id for one in bare if may(actor, permission, one)} == expected
            assert {one.id for one in bare if allowed(actor, permission, one)} == expected
            assert {one.id for one in visible(actor, permission, Camera.objects.all())} == expected
            for model in (CameraSource, CameraGroup):
                reached = set(
                    visible(actor, permission, model.objects.all()).values_list("camera_id", flat=True)
                )
                assert reached == {
                    one.id
                    for one in cameras
                    if one.id in expected and (model is CameraSource or one.groups.all())
                }
        _sites_agree(actor, cameras)


def _sites_agree(actor: Actor, cameras: list[Camera]) -> None:
    """A site's name is seen by who sees it as such, or may see a name at one of its cameras; nothing else follows."""
    listed = {site.id for site in visible(actor, SITE_VIEW, Site.objects.all())}
    assert listed == {site.id for site in Site.objects.all() if allowed(actor, SITE_VIEW, site)}
    through = {one.site_id for one in cameras if may(actor, SITE_VIEW, one)}
    as_such = {
        site.id for site in Site.objects.all() if actor.allows(SITE_VIEW, access.Place(site_id=site.id))
    }
    assert as_such <= listed <= through | as_such
    for permission in (CAMERA_VIEW, AUDIT_VIEW):
        agents = {agent.id for agent in visible(actor, permission, Agent.objects.all())}
        assert agents == {agent.id for agent in Agent.objects.all() if allowed(actor, permission, agent)}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=rows)
def test_what_is_held_throughout_a_place_is_held_on_each_camera_of_it(estate: Estate, chosen: Any) -> None:
    """Nobody gives more than they hold: the rule errs on the side of refusing."""
    cast = estate.cast
    actor = Actor(cast.tenant_a.id, cast.bob.id, "Bob", grants_of(estate, chosen))
    with tenant_scope(cast.tenant_a.id):
        cameras = list(Camera.objects.prefetch_related("groups"))
    role = Role("some", "Some", "some", frozenset(ASKED))
    wheres = [
        Grant(role, None),
        *(Grant(role, site.id) for site in (cast.site_a, cast.other_site_a)),
        *(Grant(role, None, group) for group in ("Night", "Vault")),
        *(Grant(role, None, "", camera.id) for camera in cameras),
    ]
    for where in wheres:
        under = [one for one in cameras if where.covers(access.place_of(one))]
        for permission in ASKED:
            if actor.allows_throughout(permission, where):
                assert all(actor.allows(permission, access.place_of(one)) for one in under)
        if actor.everywhere(CAMERA_VIEW):
            assert all(actor.allows(CAMERA_VIEW, access.place_of(one)) for one in cameras)


def test_groups_are_asked_for_only_where_the_decision_turns_on_them(estate: Estate) -> None:
    cast = estate.cast
    viewer = Role("v", "V", "v", frozenset({CAMERA_VIEW}))
    by_site, by_group = Grant(viewer, cast.site_a.id), Grant(viewer, None, "Night")
    no_playback = Grant(Role("p", "P", "p", frozenset({CAMERA_PLAYBACK})), None, "Night", denies=True)

    def queries(*grants: Grant) -> int:
        actor = Actor(cast.tenant_a.id, cast.bob.id, "Bob", grants)
        camera = Camera.objects.get(id=estate.cameras[0].id)
        with CaptureQueriesContext(connection) as captured:
            require(actor, CAMERA_VIEW, camera)
            assert not may(actor, CAMERA_PLAYBACK, camera)
        return len(captured)

    with tenant_scope(cast.tenant_a.id):
        assert queries(by_site) == queries(by_site, by_group) == queries(by_site, no_playback) == 0
        assert queries(by_group) == 1
        assert queries(by_site, Grant(viewer, None, "Vault2", denies=True)) == 1


def test_a_place_one_has_no_part_in_does_not_exist_and_one_that_lacks_the_right_is_refused(
    estate: Estate,
) -> None:
    cast = estate.cast
    one, two, three = estate.cameras
    viewer = Role("v", "V", "v", frozenset({CAMERA_VIEW, CAMERA_PLAYBACK}))
    no_playback = Role("p", "P", "p", frozenset({CAMERA_PLAYBACK}))
    actor = Actor(
        cast.tenant_a.id,
        cast.bob.id,
        "Bob",
        (
            Grant(viewer, cast.site_a.id),
            Grant(no_playback, None, "Vault", denies=True),
            Grant(viewer, None, "", two.id, denies=True),
        ),
    )
    with tenant_scope(cast.tenant_a.id):
        with pytest.raises(Denied):
            require(actor, CAMERA_PLAYBACK, one)
        require(actor, CAMERA_VIEW, one)
        for hidden in (two, three):
            with pytest.raises(NotFound):
                require(actor, CAMERA_VIEW, hidden)


def test_a_role_nobody_knows_gives_nothing_and_its_denial_takes_everything(estate: Estate) -> None:
    cast = estate.cast
    with tenant_scope(cast.tenant_a.id):
        gone = make_account("Gone")
        Membership.objects.create(account=gone, role="was-here")
        assert not any(actor_of(gone).holds(one) for one in ASKED)
        Membership.objects.create(account=cast.olga, role="was-here", denies=True)
        olga = actor_of(cast.olga)
        assert not any(olga.holds(one) for one in ASKED)
        with pytest.raises(Denied):
            require(olga, AUDIT_VIEW, Tenant.objects.get())


def test_lists_of_many_cameras_take_as_many_queries_as_of_one(estate: Estate) -> None:
    cast = estate.cast
    box = make_box(cast.tenant_a, cast.site_a)
    with tenant_scope(cast.tenant_a.id):
        OrganisationRole.objects.create(key="gate", title="Gate", permissions=["camera:view", "camera:live"])
        nora = make_account("Nora")
        for values in (
            {"role": "gate", "group": "Night"},
            {"role": "viewer", "site": cast.site_a},
            {"role": "gate", "camera_id": estate.cameras[0].id, "denies": True},
            {"role": "viewer", "group": "Vault", "denies": True},
        ):
            Membership.objects.create(account=nora, **values)

    def queries() -> int:
        with tenant_scope(cast.tenant_a.id), CaptureQueriesContext(connection) as captured:
            states = camera_states(actor_of(nora))
        assert "One" not in {state["name"] for state in states}
        assert {state["name"]: state["may"]["playback"] for state in states}["Two"]
        return len(captured)

    before = queries()
    for number in range(12):
        add(box, NewCamera(f"More {number}", MAIN, groups=("Night",)))
    assert queries() == before
