"""Who belongs to an organisation, with which role where, and how that changes.

Changes of roles are made one at a time per organisation: each takes a lock on the tenant's row, and looks at the caller's
rights again behind it, so that of two owners who demote each other at once one finds the right gone. An organisation
always keeps an owner of all its sites.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tenants import access
from tenants.access import Actor, Grant
from tenants.models import Membership, Site, Tenant
from tenants.permissions import (
    AUDITOR,
    INSTALLER,
    MANAGER,
    OPERATOR,
    OWNER,
    PEOPLE_EDIT,
    PEOPLE_VIEW,
    VIEWER,
    Permission,
    Role,
)
from tenants.roles import roles
from tenants.words import Text
from vsaas.accounts import acts
from vsaas.accounts.grants import Held, as_grants, as_rows, held, in_words, membership
from vsaas.accounts.limits import limits_for
from vsaas.accounts.models import (
    Account,
    Invitation,
    Passkey,
    RememberedBrowser,
    Session,
    SetupLink,
    TotpDevice,
)
from vsaas.approvals.demand import for_roles
from vsaas.approvals.standing import keeps_approvers
from vsaas.audit.services import record_act, what, who
from vsaas.common import clock
from vsaas.common.errors import Conflict, Denied, InvalidField

SESSIONS_SHOWN = 50
ACCESS = "people.access"
"""The name of the act that gives a member other roles, where that needs a second person."""
ROLE_WORDS: dict[str, str | Promise] = {
    OWNER.name: _("Everything: cameras, agents, people and the audit log, on all sites."),
    MANAGER.name: _(
        "Sets up sites, agents and cameras; watches, listens and saves clips. Gives nobody a role."
    ),
    OPERATOR.name: _("Watches and listens, live and recorded, saves clips, sees how the agents are."),
    VIEWER.name: _("Watches live and recorded pictures, without sound."),
    AUDITOR.name: _("Reads the audit log and who has which role. Sees no pictures."),
    INSTALLER.name: _("Adds and changes cameras and agents, and looks at them live. Sees no recordings."),
}


class LastOwner(Conflict):
    """The organisation would be left without an owner."""

    problem = "last-owner"


class OwnRole(Denied):
    """Nobody changes their own role, or removes themselves."""

    problem = "own-role"


@dataclass(frozen=True, slots=True)
class Access:
    """A role, on these sites, or (None) on all of them."""

    role: Role
    sites: frozenset[UUID] | None

    def held(self) -> frozenset[Held]:
        """The memberships it stands for."""
        return frozenset(Held(self.role.name, site) for site in (self.sites or {None}))


def sites_in_words(names: Iterable[str]) -> str:
    """ "Gate, Yard"."""
    return ", ".join(sorted(names))


def access_of(role_name: str, all_sites: bool, site_ids: Collection[UUID]) -> Access:
    """What was chosen, checked: the sites are the current tenant's, an owner has all. Raises InvalidFields."""
    known = roles()
    if role_name not in known:
        raise InvalidField(
            "role", _("there is no such role; the roles are %(roles)s") % {"roles": ", ".join(known)}
        )
    chosen = known[role_name]
    if all_sites:
        if site_ids:
            raise InvalidField("sites", _("name sites, or all of them, not both"))
        return Access(chosen, None)
    if chosen.name == OWNER.name:
        raise InvalidField("sites", _("an owner is one of all sites"))
    wanted = frozenset(site_ids)
    if not wanted:
        raise InvalidField("sites", _("name at least one site"))
    if Site.objects.filter(pk__in=wanted).count() != len(wanted):
        raise InvalidField("sites", _("one of these sites does not exist here"))
    return Access(chosen, wanted)


# ---- who there is


def members(actor: Actor) -> QuerySet[Account]:
    """The accounts the actor may see, each with `has_factor` and its memberships and sites at hand. The number of queries
    does not grow with their number."""
    return access.visible(actor, PEOPLE_VIEW, _accounts())


def member(actor: Actor, account_id: UUID) -> Account:
    """One of them; NotFound or Denied."""
    return access.get(actor, PEOPLE_VIEW, _accounts(), pk=account_id)


def _accounts() -> QuerySet[Account]:
    apps, keys = (
        Exists(model.objects.filter(user=OuterRef("pk"), confirmed=True)) for model in (TotpDevice, Passkey)
    )
    places = Membership.objects.select_related("site").order_by("site__name", "id")
    rows = Account.objects.filter(is_active=True).annotate(has_factor=apps | keys)
    return rows.prefetch_related(Prefetch("memberships", places))


def grants(account: Account) -> QuerySet[Membership]:
    """An account's memberships as they are now, whatever was read before: what a change decides by."""
    return Membership.objects.filter(account=account).select_related("site").order_by("role", "site__name")


def is_owner(account: Account) -> bool:
    """Whether the account owns the organisation, with nothing of it denied."""
    return _owns({held(row) for row in grants(account)})


def _owns(rows: Collection[Held]) -> bool:
    return Held(OWNER.name) in rows and not any(one.denies for one in rows)


def owners() -> QuerySet[Account]:
    """Who owns the organisation, with nothing of it denied."""
    rows = Membership.objects.filter(account__is_active=True)
    owning = rows.filter(role=OWNER.name, site=None, group="", camera_id=None, denies=False)
    owning = owning.exclude(account_id__in=rows.filter(denies=True).values("account_id"))
    return Account.objects.filter(id__in=owning.values("account_id"))


def owners_left(without: UUID) -> bool:
    """Whether somebody else owns the organisation."""
    return owners().exclude(id=without).exists()


def grants_in_words(account: Account) -> str:
    """ "Viewer of Gate, Yard"; roles of several kinds one after the other. As the audit log keeps it, in English."""
    return in_words([held(row) for row in grants(account)])


def open_sessions(account_id: UUID) -> QuerySet[Session]:
    """The sessions of an account that have not ended, under the limits of its roles; the newest activity first."""
    rows = Session.objects.filter(limits_for(account_id).living(), account_id=account_id)
    return rows.order_by("-last_seen_at", "-id")


# ---- changes


def lock_people(actor: Actor, permission: Permission = PEOPLE_EDIT) -> Actor:
    """Begin a change of people or roles: one at a time in this organisation. Returns the actor with the rights held now;
    Denied when the right to it went meanwhile. Does not hold up anything else of the tenant's."""
    tenant = Tenant.objects.select_for_update(no_key=True).get()
    account = Account.objects.filter(pk=actor.account_id, is_active=True).first()
    present = access.actor_of(account) if account else Actor(tenant.id, actor.account_id, actor.name, ())
    access.require(present, permission, tenant)
    return present


# What is refused to whoever holds less than a role: `roles` is its plural.
MAKE = _("you cannot make or change %(roles)s: that role may do more than yours")
REMOVE = _("you cannot remove %(roles)s: that role may do more than yours")
SIGN_OUT = _("you cannot sign out %(roles)s: that role may do more than yours")
INVITE = _("you cannot invite %(roles)s: that role may do more than yours")
RESET_FACTOR = _("you cannot reset the second factor of %(roles)s: that role may do more than yours")


def require_not_above(actor: Actor, rights: Iterable[Grant], refusal: Promise) -> None:
    """Denied when somebody would give, change or take away more than they hold themselves wherever it counts; `refusal` is
    one of those above. Denials are passed over: what they leave is less than the grants they take from."""
    for one in rights:
        if one.denies:
            continue
        for permission in one.role.permissions:
            if not actor.allows_throughout(permission, one):
                raise Denied(str(refusal) % {"roles": one.role.plural})


def rights_of(account: Account) -> tuple[Grant, ...]:
    """What the account's memberships give and take now."""
    return access.grants_of([account.pk]).get(account.pk, ())


def set_access(
    request: HttpRequest, actor: Actor, account: Account, wanted: Access, *, seen: str | None = None
) -> bool:
    """Give a member this role and these sites instead of the roles they had; what is denied to them stays denied. False
    when that is what they had already. As `set_grants`."""
    return set_grants(request, actor, account, with_denials(account, wanted), seen=seen)


def with_denials(account: Account, wanted: Access) -> frozenset[Held]:
    """The memberships a member would have with this access: what is denied to them stays denied."""
    return wanted.held() | {held(row) for row in grants(account) if row.denies}


def set_grants(
    request: HttpRequest,
    actor: Actor,
    account: Account,
    wanted: frozenset[Held],
    *,
    seen: str | None = None,
    approved: bool = False,
) -> bool:
    """Give a member exactly these roles and denials (`grants.checked`); False when they had them already. Raises
    AwaitsSecondPerson where the organisation wants such changes made by two, unless one of those `approved` it.

    `seen`: what the caller took them to have (`version_of`); Conflict when another changed it meanwhile. Raises OwnRole,
    LastOwner, NobodyToApprove, Denied. Live views that are no longer allowed end with the transaction.
    """
    present = lock_people(actor)
    require_may_set(present, account, wanted, seen=seen)
    rows = list(grants(account))
    had = {held(row) for row in rows}
    if had == wanted:
        return False
    if not approved:
        for_roles(request, actor, ACCESS, {"account": str(account.pk), "grants": as_rows(wanted)})
    before = grants_in_words(account)
    with keeps_approvers():
        # Deleted row by row through the ORM, so that the hubs hear of it.
        Membership.objects.filter(pk__in=[row.pk for row in rows if held(row) not in wanted]).delete()
        Membership.objects.bulk_create([membership(account.pk, one) for one in sorted_rows(wanted - had)])
    after = Actor(present.tenant_id, account.pk, account.name, tuple(as_grants(wanted)))
    if not after.tenant_wide(PEOPLE_EDIT):
        end_links_of(account)
    _record_change(request, actor, account, wanted, before)
    return True


def require_may_set(
    present: Actor, account: Account, wanted: frozenset[Held], *, seen: str | None = None
) -> None:
    """Return when the actor may give a member exactly these roles and denials; raises as `set_grants`. Also asked before a
    change is shown that is not made yet."""
    _not_oneself(
        present, account, _("you cannot change your own role; ask another owner of your organisation")
    )
    if seen is not None and seen != version_of(account):
        raise Conflict(
            _("somebody changed the role of %(account)s a moment ago: look at it again")
            % {"account": account}
        )
    had = {held(row) for row in grants(account)}
    require_not_above(present, as_grants([*sorted_rows(wanted), *sorted_rows(had - wanted)]), MAKE)
    if _owns(had) and not _owns(wanted):
        keep_an_owner(account)


def sorted_rows(rows: Iterable[Held]) -> list[Held]:
    """In an order that does not change from one time to the next."""
    return sorted(rows, key=lambda one: (one.denies, one.role, str(one.place)))


def _record_change(
    request: HttpRequest, actor: Actor, account: Account, wanted: frozenset[Held], before: str
) -> None:
    """One role of one or several sites is said as such; anything else as the list it is."""
    after = grants_in_words(account)
    single = len({one.role for one in wanted}) == 1 and not any(
        one.denies or one.group or one.camera_id for one in wanted
    )
    if single:
        title, _of, sites = after.partition(" of ")
        words = {"role": title, "sites": sites, "before": before}
        record_act(acts.ACCESS_CHANGED, who(actor), what(account), request=request, **words)
    else:
        record_act(
            acts.GRANTS_CHANGED, who(actor), what(account), request=request, before=before, after=after
        )


def remove(request: HttpRequest, actor: Actor, account: Account) -> None:
    """Remove a member: sessions, factors and open links go with the account, footage and the audit log stay. Raises
    OwnRole, LastOwner, Denied."""
    present = lock_people(actor)
    _not_oneself(present, account, _("you cannot remove yourself; ask another owner of your organisation"))
    require_not_above(present, rights_of(account), REMOVE)
    if is_owner(account):
        keep_an_owner(account)
    end_links_of(account)
    SetupLink.objects.filter(account=account, used_at=None).update(expires_at=clock.now())
    before = grants_in_words(account)
    record_act(acts.REMOVED, who(actor), what(account), request=request, email=account.email, before=before)
    with keeps_approvers():
        account.delete()


def end_sessions(request: HttpRequest, actor: Actor, account: Account) -> int:
    """Sign a member out everywhere; how many sessions ended."""
    present = lock_people(actor)
    if account.pk == actor.account_id:
        raise OwnRole(_("end your own sessions under my account"))
    require_not_above(present, rights_of(account), SIGN_OUT)
    count = open_sessions(account.pk).count()
    Session.objects.filter(account=account).delete()
    RememberedBrowser.end_all(account)
    record_act(acts.SESSIONS_ENDED, who(actor), what(account), request=request, count=count)
    return count


def _not_oneself(actor: Actor, account: Account, refusal: Text) -> None:
    if account.pk == actor.account_id:
        raise OwnRole(refusal)


def keep_an_owner(account: Account) -> None:
    """Raises LastOwner when nobody would own the organisation without this account."""
    if not owners_left(without=account.pk):
        raise LastOwner(
            _("%(account)s is the only owner; make somebody else an owner first") % {"account": account}
        )


def end_links_of(account: Account) -> None:
    """Links an account issued to others open nothing any more: who may not change people has no say in who joins."""
    now = clock.now()
    SetupLink.objects.filter(issued_by=account, used_at=None, expires_at__gt=now).update(expires_at=now)
    Invitation.objects.filter(Q(invited_by=account) & Q(accepted_at=None, revoked_at=None)).update(
        revoked_at=now
    )


def version_of(account: Account) -> str:
    """Stands for the roles, places and denials an account has now: a form that was filled in on another is refused."""
    return version_of_rows(grants(account))


def version_of_rows(rows: Iterable[Membership]) -> str:
    """The same for memberships that were read already."""
    return ";".join(
        sorted(
            f"{'!' if row.denies else ''}{row.role}@{row.site_id or row.camera_id or row.group or '*'}"
            for row in rows
        )
    )
