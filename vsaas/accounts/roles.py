"""The roles an organisation makes itself: made from a template, changed, deleted. The built-in ones keep their permissions.

Nobody makes, widens or narrows a role beyond what they hold everywhere themselves, or changes what a role may do that they
are under: so nobody gains by it. Changes are made one at a time with those of people (`people.lock_people`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from django.http import HttpRequest
from django.utils.crypto import get_random_string
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from tenants import access
from tenants.access import Actor, Grant
from tenants.models import Membership, OrganisationRole
from tenants.permissions import (
    ACCOUNT_SELF,
    ALWAYS,
    PEOPLE_VIEW,
    ROLE_EDIT,
    ROLES,
    Permission,
    all_permissions,
    with_needs,
)
from tenants.roles import role_of, roles
from vsaas.accounts import acts
from vsaas.accounts.effects import Effect, effects
from vsaas.accounts.models import Account, Invitation
from vsaas.accounts.people import OwnRole, lock_people
from vsaas.approvals.demand import for_roles
from vsaas.approvals.standing import keeps_approvers
from vsaas.audit.services import What, record_act, who
from vsaas.common.errors import Conflict, Denied, InvalidField
from vsaas.common.names import BadName, clean_name

CHANGE = "roles.change"
"""The name of the act that gives a role other permissions, where that needs a second person."""
TITLE_CHARS_MAX = 120
KEY_CHARS_MAX = 40
ROLES_MOST = 200
RESERVED_KEYS = frozenset(ROLES) | {"new"}


class RoleInUse(Conflict):
    """Somebody has the role, or is invited to it."""

    problem = "role-in-use"


class BuiltInRole(Conflict):
    """A built-in role keeps its name and its permissions."""

    problem = "built-in-role"


class StaleRole(Conflict):
    """Somebody changed the role since it was looked at."""

    problem = "stale-version"


# ---- what there is


def offered_permissions() -> list[Permission]:
    """What a role may be given, in the order of the catalogue; every role holds the rest anyway."""
    return [one for one in all_permissions() if one not in ALWAYS]


def role_row(actor: Actor, key: str, *, editable: bool = False) -> OrganisationRole:
    """The row of a role the organisation made; with `editable`, locked, for who may change roles. NotFound, Denied, or
    BuiltInRole."""
    access.require(actor, ROLE_EDIT if editable else PEOPLE_VIEW)
    if key in ROLES:
        raise BuiltInRole(
            _("the role %(role)s is built in: make one from it, and change that") % {"role": ROLES[key].title}
        )
    rows = OrganisationRole.objects.filter(key=key)
    return access.get(
        actor, ROLE_EDIT if editable else PEOPLE_VIEW, rows.select_for_update() if editable else rows
    )


def holders(key: str) -> int:
    """How many people have the role, or its denial, somewhere."""
    return Membership.objects.filter(role=key).values("account_id").distinct().count()


# ---- changes


def role_add(
    request: HttpRequest, actor: Actor, title: str, permissions: Collection[Permission]
) -> OrganisationRole:
    """A new role with these permissions and what they are of no use without. Raises InvalidField, Denied."""
    present = lock_people(actor, ROLE_EDIT)
    wanted = wanted_permissions(permissions)
    _require_all(present, wanted)
    if OrganisationRole.objects.count() >= ROLES_MOST:
        raise InvalidField("title", _("there are %(most)s roles already") % {"most": ROLES_MOST})
    title = _title(title)
    row = OrganisationRole.objects.create(key=_key(title), title=title, permissions=_names(wanted))
    record_act(acts.ROLE_MADE, who(actor), _what(row), request=request, rights=_rights_in_words(wanted))
    return row


def role_change(
    request: HttpRequest,
    actor: Actor,
    key: str,
    *,
    title: str | None = None,
    permissions: Collection[Permission] | None = None,
    version: int | None = None,
    approved: bool = False,
) -> OrganisationRole:
    """Rename a role or give it other permissions; None stays. Live views that are no longer allowed end with the
    transaction. Raises AwaitsSecondPerson where other permissions take two people, unless one of those `approved` it;
    NobodyToApprove; StaleRole when it was changed since `version`, OwnRole, Denied, InvalidField, NotFound."""
    present = lock_people(actor, ROLE_EDIT)
    row = role_row(present, key, editable=True)
    if version is not None and version != row.version:
        raise StaleRole(
            _("somebody changed the role %(role)s a moment ago: look at it again") % {"role": row.title}
        )
    before, was = role_of(row).permissions, row.title
    wanted = before if permissions is None else wanted_permissions(permissions)
    called = was if title is None else _title(title, key)
    if wanted != before:
        require_may_change(present, row, wanted)
        if not approved:
            asked = {"key": key, "title": called, "permissions": _names(wanted), "version": row.version}
            for_roles(request, actor, CHANGE, asked)
        row.permissions = _names(wanted)
        words = {"before": _rights_in_words(before), "after": _rights_in_words(wanted)}
        record_act(acts.ROLE_CHANGED, who(actor), _what(row), request=request, **words)
    if called != was:
        row.title = called
        record_act(acts.ROLE_RENAMED, who(actor), _what(row), request=request, before=was)
    if wanted != before or row.title != was:
        row.version += 1
        with keeps_approvers():
            row.save()
    return row


def require_may_change(actor: Actor, row: OrganisationRole, wanted: frozenset[Permission]) -> None:
    """Return when the actor may give a role these permissions; OwnRole when they are under it themselves, Denied when it
    may, or would, do more than they may."""
    if any(grant.role.name == row.key for grant in actor.grants):
        raise OwnRole(
            _("you cannot change what the role %(role)s may do: you are under it yourself")
            % {"role": row.title}
        )
    _require_all(actor, wanted | role_of(row).permissions)


def role_delete(request: HttpRequest, actor: Actor, key: str) -> None:
    """Delete a role nobody has. Raises RoleInUse, which says who has it, NotFound, Denied."""
    present = lock_people(actor, ROLE_EDIT)
    row = role_row(present, key, editable=True)
    in_use = used_by(key)
    if in_use:
        raise RoleInUse(
            _("the role %(role)s is in use by %(people)s: give them another first")
            % {"role": row.title, "people": ", ".join(in_use)}
        )
    record_act(
        acts.ROLE_DELETED,
        who(actor),
        _what(row),
        request=request,
        before=_rights_in_words(role_of(row).permissions),
    )
    row.delete()


def used_by(key: str) -> list[str]:
    """Names of the people who have the role (or are denied it), and of those invited to it."""
    having = Membership.objects.filter(role=key).values("account_id")
    people = Account.objects.filter(pk__in=having).order_by("name").values_list("name", flat=True)
    invited = Invitation.objects.filter(role=key, accepted_at=None, revoked_at=None)
    return [*people, *invited.order_by("name").values_list("name", flat=True)]


def preview(row: OrganisationRole, permissions: Collection[Permission]) -> list[Effect]:
    """What its holders would gain and lose if the role had these permissions."""
    accounts = set(Membership.objects.filter(role=row.key).values_list("account_id", flat=True))
    before = access.grants_of(accounts)
    wanted = wanted_permissions(permissions)
    after = {
        account: tuple(_with_permissions(one, row.key, wanted) for one in grants)
        for account, grants in before.items()
    }
    return effects(before, after)


def _with_permissions(grant: Grant, key: str, wanted: frozenset[Permission]) -> Grant:
    if grant.role.name != key:
        return grant
    permissions = wanted - {ACCOUNT_SELF} if grant.denies else wanted | ALWAYS
    return replace(grant, role=replace(grant.role, permissions=permissions))


def wanted_permissions(permissions: Collection[Permission]) -> frozenset[Permission]:
    """What a role would hold that is given these: with what they are of no use without, less what every role holds. Raises
    InvalidField when nothing is left."""
    wanted = with_needs(permissions) - ALWAYS
    if not wanted:
        raise InvalidField("permissions", _("choose at least one thing the role may do"))
    return wanted


def _require_all(actor: Actor, wanted: frozenset[Permission]) -> None:
    beyond = [one for one in all_permissions() if one in wanted and not actor.everywhere(one)]
    if beyond:
        raise Denied(
            _("a role that may %(right)s may do more than yours: ask somebody who may do that everywhere")
            % {"right": beyond[0].sentence}
        )


def _title(title: str, key: str = "") -> str:
    """Raises InvalidField for a title that is none, or another role's."""
    try:
        cleaned = clean_name(title)
    except BadName as error:
        raise InvalidField("title", str(error)) from error
    if len(cleaned) > TITLE_CHARS_MAX:
        raise InvalidField("title", _("must be at most %(most)s characters") % {"most": TITLE_CHARS_MAX})
    taken = {str(one.title).casefold() for one in roles().values() if one.name != key}
    if cleaned.casefold() in taken:
        raise InvalidField("title", _("there is a role called %(title)s already") % {"title": cleaned})
    return cleaned


def _key(title: str) -> str:
    """A key for a role of this title that no role has, nor had while somebody's membership still names it."""
    base = slugify(title)[: KEY_CHARS_MAX - 8].strip("-") or "role"
    taken = {*roles(), *Membership.objects.values_list("role", flat=True).distinct(), *RESERVED_KEYS}
    if base not in taken:
        return base
    return f"{base}-{get_random_string(7, 'abcdefghjkmnpqrstuvwxyz23456789')}"


def _names(permissions: Collection[Permission]) -> list[str]:
    return sorted(one.name for one in permissions)


def _rights_in_words(permissions: Collection[Permission]) -> str:
    return ", ".join(_names(permissions)) or acts.NO_RIGHT


def _what(row: OrganisationRole) -> What:
    return What("role", row.key, row.title)
