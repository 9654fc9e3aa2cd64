"""Roles in the REST API, what a member may do where and why, and what a change would alter before it is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Count
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import access
from tenants.access import Actor, Place
from tenants.declare import Requires
from tenants.models import Membership, OrganisationRole, Site, Tenant
from tenants.permissions import (
    CAMERA_VIEW,
    PEOPLE_EDIT,
    PEOPLE_VIEW,
    ROLE_EDIT,
    SITE_VIEW,
    Permission,
    Role,
    all_permissions,
)
from tenants.roles import permissions_named, roles
from vsaas.accounts import people
from vsaas.accounts import roles as service
from vsaas.accounts.effects import Effect, Reason, effects, in_words, reasons
from vsaas.accounts.grants import Names, as_grants, as_held, names_of
from vsaas.accounts.hours_now import Moment
from vsaas.accounts.people_api import MemberAccessFields, MemberReading, grant_json, wanted_of
from vsaas.accounts.roles_replies import (
    EFFECTS,
    RIGHTS,
    ROLE,
    EffectsReply,
    RightsReply,
    RolePage,
    RoleReply,
)
from vsaas.common.api import ApiView
from vsaas.common.describe import describe, query
from vsaas.common.errors import InvalidField, InvalidFields, NotFound
from vsaas.common.fields import Fields, valid
from vsaas.common.shapes import page_example


class RoleFields(Fields):
    """A role's title, and what it may do."""

    title = serializers.CharField(max_length=service.TITLE_CHARS_MAX)
    permissions = serializers.ListField(child=serializers.CharField(max_length=40), max_length=100)


class RolePermissionsFields(Fields):
    """What a role would be allowed."""

    permissions = serializers.ListField(child=serializers.CharField(max_length=40), max_length=100)


class RoleChangeFields(Fields):
    """Changes of a role: what is absent stays."""

    title = serializers.CharField(max_length=service.TITLE_CHARS_MAX, required=False)
    permissions = serializers.ListField(
        child=serializers.CharField(max_length=40), max_length=100, required=False
    )
    version = serializers.IntegerField(required=False, min_value=1)


def roles_json() -> list[dict[str, Any]]:
    """Every role, the built-in ones first. Three queries."""
    counted = Membership.objects.values_list("role").annotate(count=Count("account_id", distinct=True))
    members = dict(counted.order_by())
    versions = dict(OrganisationRole.objects.values_list("key", "version"))
    return [_role_json(one, versions.get(one.name, 0), members.get(one.name, 0)) for one in roles().values()]


def _role_json(role: Role, version: int, members: int) -> dict[str, Any]:
    return {
        "key": role.name,
        "title": str(role.title),
        "built_in": role.built_in,
        "permissions": sorted(one.name for one in role.permissions),
        "version": version,
        "members": members,
    }


def role_json(key: str) -> dict[str, Any]:
    """One role; NotFound."""
    for one in roles_json():
        if one["key"] == key:
            return one
    raise NotFound(_("there is no such role"))


def chosen_permissions(names: Sequence[str]) -> frozenset[Permission]:
    """The permissions of these names. Raises InvalidField for a name that is none."""
    unknown = set(names) - {one.name for one in all_permissions()}
    if unknown:
        raise InvalidField("permissions", _("%(name)s is no permission") % {"name": repr(min(unknown))})
    return permissions_named(names)


def effects_json(found: Sequence[Effect]) -> dict[str, Any]:
    """What a change would alter."""
    return {
        "effects": [
            {
                "permission": one.permission.name,
                "gained": one.gained,
                "people": list(one.people),
                "places": list(one.places),
                "everywhere": one.everywhere,
                "sentence": in_words(one),
            }
            for one in found
        ]
    }


def reasons_json(found: Sequence[Reason], names: Names, moment: Moment) -> list[dict[str, Any]]:
    """Permissions at a place, why, and whether they hold now."""
    held = [(one, moment.holding(one)) for one in found]
    return [
        {
            "permission": one.permission.name,
            "sentence": str(one.permission.sentence),
            "allowed": one.allowed,
            "now": holding.now,
            "opens_us": None if holding.now else holding.opens_us,
            "given_by": [grant_json(as_held(grant), names) for grant in one.given_by],
            "taken_by": [grant_json(as_held(grant), names) for grant in one.taken_by],
        }
        for one, holding in held
    ]


class RolesView(ApiView):
    """GET: the roles there are. POST: makes one."""

    access = Requires(PEOPLE_VIEW, ROLE_EDIT, fresh=True)
    tag = "Roles"

    @describe("List roles", reply=RolePage, example=page_example(ROLE))
    def get(self, request: Request) -> Response:
        """The built-in ones, then the organisation's own by title; 200 of those at most."""
        access.require(self.actor, PEOPLE_VIEW, Tenant.objects.get())
        return Response({"items": roles_json(), "next": None})

    @describe(
        "Make a role",
        request=RoleFields,
        request_example={"title": "Reception", "permissions": ["camera:view", "camera:live"]},
        reply=RoleReply,
        example=ROLE | {"members": 0},
        status=201,
        problems=(InvalidFields,),
    )
    def post(self, request: Request) -> Response:
        """With these permissions and what they are of no use without. Nothing you do not hold everywhere yourself."""
        fields = valid(RoleFields(data=request.data))
        wanted = chosen_permissions(fields["permissions"])
        row = service.role_add(request._request, self.actor, fields["title"], wanted)
        return Response(role_json(row.key), status=201)


class RoleView(ApiView):
    """GET: one role. PATCH: changes it. DELETE: deletes it. The last two take role:edit."""

    access = Requires(PEOPLE_VIEW, ROLE_EDIT, fresh=True)
    tag = "Roles"

    @describe("Get a role", reply=RoleReply, example=ROLE)
    def get(self, request: Request, role_key: str) -> Response:
        """One role."""
        access.require(self.actor, PEOPLE_VIEW, Tenant.objects.get())
        return Response(role_json(role_key))

    @describe(
        "Change a role",
        request=RoleChangeFields,
        request_example={"permissions": ["camera:view", "camera:live"], "version": 1},
        reply=RoleReply,
        example=ROLE | {"version": 2},
        problems=(InvalidFields, service.BuiltInRole, service.StaleRole, people.OwnRole),
    )
    def patch(self, request: Request, role_key: str) -> Response:
        """For all who have it, at once. Nothing you do not hold everywhere yourself, and no role you are under yourself. What
        is absent stays; with `version`, 409 when somebody changed the role since."""
        fields = valid(RoleChangeFields(data=request.data))
        names = fields.get("permissions")
        service.role_change(
            request._request,
            self.actor,
            role_key,
            title=fields.get("title"),
            permissions=None if names is None else chosen_permissions(names),
            version=fields.get("version"),
        )
        return Response(role_json(role_key))

    @describe("Delete a role", status=204, problems=(service.BuiltInRole, service.RoleInUse))
    def delete(self, request: Request, role_key: str) -> Response:
        """Only when nobody has it and nobody is invited to it."""
        service.role_delete(request._request, self.actor, role_key)
        return Response(status=204)


class RolePreview(ApiView):
    """POST: what a change of a role would alter."""

    access = Requires(ROLE_EDIT)
    tag = "Roles"

    @describe(
        "Try a change of a role",
        request=RolePermissionsFields,
        request_example={"permissions": ["camera:view", "camera:live"]},
        reply=EffectsReply,
        example=EFFECTS,
        problems=(InvalidFields, service.BuiltInRole),
    )
    def post(self, request: Request, role_key: str) -> Response:
        """Who would gain or lose what, and where, if the role had these permissions. Nothing is changed."""
        row = service.role_row(self.actor, role_key, editable=True)
        names = valid(RolePermissionsFields(data=request.data))["permissions"]
        return Response(effects_json(service.preview(row, chosen_permissions(names))))


class MemberPreview(MemberReading):
    """POST: what a change of a member's access would alter."""

    access = Requires(PEOPLE_EDIT)
    tag = "People"

    @describe(
        "Try a change of a member's access",
        request=MemberAccessFields,
        request_example={"role": "viewer", "all_sites": True},
        reply=EffectsReply,
        example=EFFECTS,
        problems=(InvalidFields, people.OwnRole, people.LastOwner),
    )
    def post(self, request: Request, account_id: UUID) -> Response:
        """What the member would gain or lose, and where; takes what the change itself takes, and is refused as it would be.
        Nothing is changed."""
        account = self.member(account_id)
        wanted = wanted_of(account, valid(MemberAccessFields(data=request.data)))
        people.require_may_set(self.actor, account, wanted)
        after = {account.pk: tuple(as_grants(people.sorted_rows(wanted)))}
        return Response(effects_json(effects(access.grants_of([account.pk]), after)))


class MemberRights(MemberReading):
    """GET: what a member may do at a place, and why."""

    access = Requires(PEOPLE_VIEW)
    tag = "People"

    @describe(
        "Ask what a member may do somewhere",
        reply=RightsReply,
        example=RIGHTS,
        query=(
            query("site", "Id of a site.", schema={"type": "string", "format": "uuid"}),
            query("camera", "Id of a camera.", schema={"type": "string", "format": "uuid"}),
        ),
    )
    def get(self, request: Request, account_id: UUID) -> Response:
        """Each permission at a site, at a camera, or (neither named) over the organisation as a whole, with the grants that
        give it there and the denials that take it."""
        account = people.member(self.actor, account_id)
        asked = valid(PlaceFields(data=request.query_params.dict()))
        told, place = place_asked(self.actor, asked.get("site"), asked.get("camera"))
        grants = people.rights_of(account)
        names = names_of([as_held(one) for one in grants])
        return Response({"place": told, "rights": reasons_json(reasons(grants, place), names, Moment.now())})


class PlaceFields(Fields):
    """Where."""

    site = serializers.UUIDField(required=False)
    camera = serializers.UUIDField(required=False)


def place_asked(actor: Actor, site_id: UUID | None, camera_id: UUID | None) -> tuple[dict[str, Any], Place]:
    """The place of these ids, as the API tells it and as the decision takes it; one the actor sees. Raises InvalidField,
    NotFound, Denied."""
    if site_id is not None and camera_id is not None:
        raise InvalidField("site", _("name a site or a camera, not both"))
    if camera_id is not None:
        camera = access.get(actor, CAMERA_VIEW, access.cameras(), pk=camera_id)
        return (
            {"site": None, "camera": {"id": str(camera.pk), "name": camera.name}},
            access.place_of(camera),
        )
    if site_id is None:
        return {"site": None, "camera": None}, Place()
    site = access.get(actor, SITE_VIEW, Site.objects.all(), pk=site_id)
    return {"site": {"id": str(site.pk), "name": site.name}, "camera": None}, access.place_of(site)
