"""The decision: who may do what to which object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from tenants import access, permissions
from tenants.access import Actor, Grant, actor_of, require, visible
from tenants.errors import Denied, NotFound
from tenants.models import Membership, Site
from tenants.permissions import AGENT_VIEW, CAMERA_EDIT, CAMERA_LIVE, CAMERA_VIEW, OPERATOR, OWNER, VIEWER
from tenants.scope import tenant_scope
from tests.cast import Cast


@dataclass
class Thing:
    """An object on a site, or of the tenant as a whole."""

    tenant_id: UUID
    site_id: UUID | None = None

    @property
    def site_path(self) -> str | None:
        return "site_id" if self.site_id else None


def actor(cast: Cast, *grants: tuple[Any, UUID | None]) -> Actor:
    return Actor(cast.tenant_a.id, cast.bob.id, "Bob", tuple(Grant(role, site) for role, site in grants))


def answer(someone: Actor, permission: permissions.Permission, obj: Any) -> str:
    try:
        require(someone, permission, obj)
    except NotFound:
        return "404"
    except Denied:
        return "403"
    return "yes"


def test_the_decision_table(cast: Cast) -> None:
    a, b = cast.tenant_a.id, cast.tenant_b.id
    here, there = cast.site_a.id, cast.other_site_a.id
    viewer_here = actor(cast, (VIEWER, here))
    owner = actor(cast, (OWNER, None))
    mixed = actor(cast, (VIEWER, None), (OPERATOR, here))
    nobody = actor(cast)
    table = [
        (viewer_here, CAMERA_LIVE, Thing(a, here), "yes"),
        (viewer_here, CAMERA_LIVE, Thing(a, there), "404"),
        (viewer_here, CAMERA_LIVE, Thing(b, here), "404"),
        (viewer_here, CAMERA_EDIT, Thing(a, here), "403"),
        (viewer_here, CAMERA_EDIT, Thing(a, there), "404"),
        (viewer_here, CAMERA_LIVE, Thing(a), "403"),
        (viewer_here, CAMERA_LIVE, None, "yes"),
        (viewer_here, CAMERA_EDIT, None, "403"),
        (owner, CAMERA_EDIT, Thing(a, there), "yes"),
        (owner, CAMERA_EDIT, Thing(a), "yes"),
        (owner, CAMERA_EDIT, Thing(b), "404"),
        (mixed, AGENT_VIEW, Thing(a, here), "yes"),
        (mixed, AGENT_VIEW, Thing(a, there), "403"),
        (mixed, AGENT_VIEW, Thing(a), "403"),
        (nobody, CAMERA_VIEW, None, "403"),
        (nobody, CAMERA_VIEW, Thing(a, here), "404"),
    ]
    with tenant_scope(a):
        assert [answer(*row[:3]) for row in table] == [row[3] for row in table]
    with tenant_scope(b):
        assert answer(owner, CAMERA_VIEW, None) == "404"
        assert answer(owner, CAMERA_VIEW, Thing(b)) == "404"


def test_lists_show_what_single_objects_would(cast: Cast) -> None:
    with tenant_scope(cast.tenant_a.id):
        bob, alice = actor_of(cast.bob), actor_of(cast.alice)
        assert list(visible(bob, permissions.SITE_VIEW, Site.objects.all())) == [cast.site_a]
        assert list(visible(bob, permissions.SITE_EDIT, Site.objects.all())) == []
        assert set(visible(alice, permissions.SITE_EDIT, Site.objects.all())) == {
            cast.site_a,
            cast.other_site_a,
        }
        assert not visible(bob, permissions.PEOPLE_VIEW, Membership.objects.all()).exists()
        assert access.get(bob, permissions.SITE_VIEW, Site.objects.all(), id=cast.site_a.id) == cast.site_a
        with pytest.raises(NotFound):
            access.get(bob, permissions.SITE_VIEW, Site.objects.all(), id=cast.other_site_a.id)
        with pytest.raises(NotFound):
            access.get(alice, permissions.SITE_VIEW, Site.objects.all(), id=cast.site_b.id)
        with pytest.raises(Denied):
            access.get(bob, permissions.SITE_EDIT, Site.objects.all(), id=cast.site_a.id)


def test_rights_are_read_anew_each_time(cast: Cast) -> None:
    with tenant_scope(cast.tenant_a.id):
        Membership.objects.filter(account=cast.bob).delete()
        assert actor_of(cast.bob).grants == ()


def test_names_are_declared_once_and_a_typo_raises() -> None:
    with pytest.raises(LookupError, match="camera:veiw"):
        permissions.permission("camera:veiw")
    with pytest.raises(LookupError, match="owner, manager, operator, viewer, auditor, installer"):
        permissions.role("admin")
    with pytest.raises(LookupError, match="twice"):
        permissions._declare("camera:view", "")
    assert permissions.permission("camera:view") is CAMERA_VIEW


def test_roles_grow_from_viewer_to_owner() -> None:
    assert VIEWER.permissions < OPERATOR.permissions < OWNER.permissions
    assert OWNER.permissions == set(permissions.all_permissions())
