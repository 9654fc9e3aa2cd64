"""Permissions and roles, each declared once. A name that is not declared raises at import."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from django.utils.translation import gettext_lazy as _

from tenants.hours import Hours
from tenants.words import Text

_CATALOGUE: dict[str, Permission] = {}


@dataclass(frozen=True, slots=True)
class Permission:
    """A right by name, `object:act`."""

    name: str
    sentence: Text = field(compare=False)  # its hash would be that of the language at the moment

    def __str__(self) -> str:
        return self.name


def _declare(name: str, sentence: Text) -> Permission:
    if name in _CATALOGUE:
        raise LookupError(f"the permission {name!r} is declared twice")
    _CATALOGUE[name] = Permission(name, sentence)
    return _CATALOGUE[name]


SITE_VIEW: Final = _declare("site:view", _("see a site's name"))
SITE_EDIT: Final = _declare("site:edit", _("add and change sites"))
CAMERA_VIEW: Final = _declare("camera:view", _("see that a camera exists and its state"))
CAMERA_EDIT: Final = _declare("camera:edit", _("add and change cameras"))
CAMERA_LIVE: Final = _declare("camera:live", _("watch a camera live"))
CAMERA_PTZ: Final = _declare("camera:ptz", _("steer a camera"))
CAMERA_PLAYBACK: Final = _declare("camera:playback", _("watch a camera's recordings"))
CAMERA_AUDIO: Final = _declare("camera:audio", _("listen to a camera, live and recorded"))
CAMERA_CLIP: Final = _declare("camera:clip", _("save a clip of a camera's recordings"))
CAMERA_PASSWORD: Final = _declare("camera:password", _("see cameras' passwords"))
VIEW_EDIT: Final = _declare("view:edit", _("keep and change views of the wall"))
FOOTAGE_VERIFY: Final = _declare("footage:verify", _("check recordings"))
FOOTAGE_EXPORT: Final = _declare("footage:export", _("fetch sealed recordings and their keys"))
AGENT_VIEW: Final = _declare("agent:view", _("see agents and their state"))
AGENT_ENROL: Final = _declare("agent:enrol", _("enrol an agent"))
AGENT_EDIT: Final = _declare("agent:edit", _("change and revoke agents"))
PEOPLE_VIEW: Final = _declare("people:view", _("see who has an account"))
PEOPLE_EDIT: Final = _declare("people:edit", _("give and take away roles"))
ROLE_EDIT: Final = _declare("role:edit", _("make and change roles"))
LOGIN_APPROVE: Final = _declare("login:approve", _("approve that somebody else signs in"))
USAGE_VIEW: Final = _declare("usage:view", _("see how much is stored"))
AUDIT_VIEW: Final = _declare("audit:view", _("read the audit log"))
TENANT_EDIT: Final = _declare("tenant:edit", _("change the organisation's settings"))
KEYS_HOLD: Final = _declare("keys:hold", _("hold the organisation's keys"))
ACCOUNT_SELF: Final = _declare("account:self", _("see and change one's own account and sessions"))


def permission(name: str) -> Permission:
    """The declared permission of this name; LookupError for any other."""
    try:
        return _CATALOGUE[name]
    except KeyError:
        raise LookupError(f"no permission is called {name!r}; declare it in tenants/permissions.py") from None


def all_permissions() -> tuple[Permission, ...]:
    """Every declared permission."""
    return tuple(_CATALOGUE.values())


@dataclass(frozen=True, slots=True)
class Role:
    """A named set of permissions, and the rules its holders are under. `name` is its key: what memberships hold.

    `hours` is the rule of time, where there is one; `idle_s`, `lifetime_s` and `factor_kinds` are None where the
    product's own hold.
    """

    name: str
    title: Text = field(compare=False)
    plural: Text = field(compare=False)  # in the midst of a sentence
    permissions: frozenset[Permission]
    built_in: bool = True
    needs_approval: bool = False
    hours: Hours | None = None
    idle_s: int | None = None
    lifetime_s: int | None = None
    factor_kinds: tuple[str, ...] | None = None


# What every role holds, whatever was chosen for it: the names of the places it is for, and one's own account.
ALWAYS: Final = frozenset({SITE_VIEW, ACCOUNT_SELF})
# What a permission is of no use without.
NEEDS: Final[dict[Permission, frozenset[Permission]]] = {
    CAMERA_EDIT: frozenset({CAMERA_VIEW}),
    CAMERA_LIVE: frozenset({CAMERA_VIEW}),
    CAMERA_PTZ: frozenset({CAMERA_VIEW, CAMERA_LIVE}),
    CAMERA_PLAYBACK: frozenset({CAMERA_VIEW}),
    CAMERA_AUDIO: frozenset({CAMERA_VIEW}),
    CAMERA_CLIP: frozenset({CAMERA_VIEW, CAMERA_PLAYBACK}),
    CAMERA_PASSWORD: frozenset({CAMERA_VIEW, CAMERA_EDIT}),
    VIEW_EDIT: frozenset({CAMERA_VIEW}),
    FOOTAGE_VERIFY: frozenset({CAMERA_VIEW}),
    FOOTAGE_EXPORT: frozenset({CAMERA_VIEW, CAMERA_PLAYBACK}),
    AGENT_ENROL: frozenset({AGENT_VIEW}),
    AGENT_EDIT: frozenset({AGENT_VIEW}),
    PEOPLE_EDIT: frozenset({PEOPLE_VIEW}),
    ROLE_EDIT: frozenset({PEOPLE_VIEW}),
}


class Subject(NamedTuple):
    """What permissions are about: where a grant of them counts, and the heading they stand under."""

    name: str
    title: Text


CAMERAS: Final = Subject("camera", _("Cameras and recordings"))
SITES: Final = Subject("site", _("Sites and agents"))
ORGANISATION: Final = Subject("organisation", _("The organisation"))
ONESELF: Final = Subject("oneself", _("For oneself"))
SUBJECTS: Final = (CAMERAS, SITES, ORGANISATION, ONESELF)
_ABOUT: Final = {
    **dict.fromkeys(("camera", "footage", "usage"), CAMERAS),
    **dict.fromkeys(("site", "agent"), SITES),
    **dict.fromkeys(("view", "account"), ONESELF),
}


def subject_of(one: Permission) -> Subject:
    """What a permission is about. What belongs to cameras and sites counts where it is given; the rest counts for the
    organisation as a whole."""
    return _ABOUT.get(one.name.partition(":")[0], ORGANISATION)


def with_needs(chosen: Iterable[Permission]) -> frozenset[Permission]:
    """The permissions, and those they are of no use without."""
    asked = frozenset(chosen)
    return asked.union(*(NEEDS.get(one, frozenset()) for one in asked))


_CAMERAS_SEEN = frozenset({SITE_VIEW, CAMERA_VIEW, ACCOUNT_SELF})
_VIEWER = _CAMERAS_SEEN | {CAMERA_LIVE, CAMERA_PLAYBACK, VIEW_EDIT}
_OPERATOR = _VIEWER | {CAMERA_PTZ, CAMERA_AUDIO, CAMERA_CLIP, AGENT_VIEW, USAGE_VIEW, FOOTAGE_VERIFY}
_MANAGER = _OPERATOR | {
    SITE_EDIT,
    CAMERA_EDIT,
    CAMERA_PASSWORD,
    AGENT_ENROL,
    AGENT_EDIT,
    PEOPLE_VIEW,
    LOGIN_APPROVE,
}
_AUDITOR = _CAMERAS_SEEN | {AUDIT_VIEW, PEOPLE_VIEW, USAGE_VIEW, FOOTAGE_VERIFY}
_INSTALLER = _CAMERAS_SEEN | {CAMERA_EDIT, CAMERA_LIVE, CAMERA_PTZ, AGENT_VIEW, AGENT_ENROL, AGENT_EDIT}

OWNER: Final = Role("owner", _("Owner"), _("owners"), frozenset(_CATALOGUE.values()))
MANAGER: Final = Role("manager", _("Manager"), _("managers"), _MANAGER)
OPERATOR: Final = Role("operator", _("Operator"), _("operators"), _OPERATOR)
VIEWER: Final = Role("viewer", _("Viewer"), _("viewers"), _VIEWER)
AUDITOR: Final = Role("auditor", _("Auditor"), _("auditors"), _AUDITOR)
INSTALLER: Final = Role("installer", _("Installer"), _("installers"), _INSTALLER)
# What an access token can never lend: it would let whoever finds it make itself at home, or sign in to cameras.
NEVER_BY_TOKEN: Final = frozenset(
    {ACCOUNT_SELF, PEOPLE_EDIT, ROLE_EDIT, LOGIN_APPROVE, KEYS_HOLD, CAMERA_PASSWORD}
)


def token_scopes() -> tuple[Permission, ...]:
    """The permissions an access token may lend, in the order of the catalogue."""
    return tuple(one for one in _CATALOGUE.values() if one not in NEVER_BY_TOKEN)


ROLES: Final = {role.name: role for role in (OWNER, MANAGER, OPERATOR, VIEWER, AUDITOR, INSTALLER)}
"""The built-in ones. An organisation's own, and its rules for these, are read by `tenants.roles`."""


def role(name: str) -> Role:
    """The built-in role of this name; LookupError for any other."""
    try:
        return ROLES[name]
    except KeyError:
        raise LookupError(f"no role is called {name!r}; the roles are {', '.join(ROLES)}") from None
