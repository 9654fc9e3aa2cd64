"""Who belongs to an organisation, with which role where, and how that changes.

Changes of roles are made one at a time per organisation: each takes a lock on the tenant's row, and looks at the caller's
rights again behind it, so that of two owners who demote each other at once one finds the right gone. An organisation
always keeps an owner of all its sites.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tenants import access
from tenants.access import Actor
from tenants.models import Membership, Site, Tenant
from tenants.permissions import OPERATOR, OWNER, PEOPLE_EDIT, PEOPLE_VIEW, ROLES, VIEWER, Role, role
from tenants.words import Text, in_english
from vsaas.accounts import acts
from vsaas.accounts.models import Account, Invitation, Session, SetupLink, TotpDevice
from vsaas.audit.services import record_act, what, who
from vsaas.common import clock
from vsaas.common.errors import Conflict, Denied, InvalidField

SESSIONS_SHOWN = 50
ROLE_WORDS: dict[str, str | Promise] = {
    OWNER.name: _("Everything: cameras, agents, people and the audit log, on all sites."),
    OPERATOR.name: _("Watches and listens, live and recorded, saves clips, sees how the agents are."),
    VIEWER.name: _("Watches live and recorded pictures, without sound."),
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

    def words(self, names: dict[UUID, str]) -> tuple[Text, Text]:
        """Role and sites as the audit log says them."""
        return self.role.title, sites_in_words(
            names[site] for site in self.sites
        ) if self.sites else acts.ALL_SITES


def sites_in_words(names: Iterable[str]) -> str:
    """ "Gate, Yard"."""
    return ", ".join(sorted(names))


def access_of(role_name: str, all_sites: bool, site_ids: Collection[UUID]) -> Access:
    """What was chosen, checked: the sites are the current tenant's, an owner has all. Raises InvalidFields."""
    if role_name not in ROLES:
        raise InvalidField(
            "role", _("there is no such role; the roles are %(roles)s") % {"roles": ", ".join(ROLES)}
        )
    chosen = role(role_name)
    if all_sites:
        if site_ids:
            raise InvalidField("sites", _("name sites, or all of them, not both"))
        return Access(chosen, None)
    if chosen is OWNER:
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
    confirmed = TotpDevice.objects.filter(user=OuterRef("pk"), confirmed=True)
    places = Membership.objects.select_related("site").order_by("site__name", "id")
    rows = Account.objects.filter(is_active=True).annotate(has_factor=Exists(confirmed))
    return rows.prefetch_related(Prefetch("memberships", places))


def grants(account: Account) -> QuerySet[Membership]:
    """An account's memberships as they are now, whatever was read before: what a change decides by."""
    return Membership.objects.filter(account=account).select_related("site").order_by("role", "site__name")


def is_owner(account: Account) -> bool:
    """Whether the account owns the organisation."""
    return grants(account).filter(role=OWNER.name, site=None).exists()


def owners_left(without: UUID) -> bool:
    """Whether somebody else owns the organisation."""
    rows = Membership.objects.filter(role=OWNER.name, site=None, account__is_active=True)
    return rows.exclude(account_id=without).exists()


def grants_in_words(account: Account) -> str:
    """ "Viewer of Gate, Yard"; roles of several kinds one after the other. As the audit log keeps it, in English."""
    by_role: dict[str, list[str]] = {}
    for row in grants(account):
        by_role.setdefault(row.role, []).append(acts.ALL_SITES if row.site is None else row.site.name)
    texts = [
        f"{in_english(role(name).title)} of {sites_in_words(sites)}"
        for name, sites in sorted(by_role.items())
    ]
    return "; ".join(texts) or acts.WITHOUT_ROLE


def open_sessions(account_id: UUID) -> QuerySet[Session]:
    """The sessions of an account that have not ended, the newest activity first."""
    now = clock.now()
    idle_since = now - dt.timedelta(seconds=settings.SESSION_IDLE_S)
    rows = Session.objects.filter(account_id=account_id, expires_at__gt=now, last_seen_at__gt=idle_since)
    return rows.order_by("-last_seen_at", "-id")


# ---- changes


def lock_people(actor: Actor) -> Actor:
    """Begin a change of people: one at a time in this organisation. Returns the actor with the rights held now; Denied
    when the right to change people went meanwhile. Does not hold up anything else of the tenant's."""
    tenant = Tenant.objects.select_for_update(no_key=True).get()
    account = Account.objects.filter(pk=actor.account_id, is_active=True).first()
    present = access.actor_of(account) if account else Actor(tenant.id, actor.account_id, actor.name, ())
    access.require(present, PEOPLE_EDIT, tenant)
    return present


# What is refused to whoever holds less than a role: `roles` is its plural.
MAKE = _("you cannot make or change %(roles)s: that role may do more than yours")
REMOVE = _("you cannot remove %(roles)s: that role may do more than yours")
SIGN_OUT = _("you cannot sign out %(roles)s: that role may do more than yours")
INVITE = _("you cannot invite %(roles)s: that role may do more than yours")
RESET_FACTOR = _("you cannot reset the second factor of %(roles)s: that role may do more than yours")


def require_not_above(actor: Actor, rights: Iterable[Role], refusal: Promise) -> None:
    """Denied when somebody would give, change or take away more than they hold themselves on all sites; `refusal` is one
    of those above."""
    for one in rights:
        for permission in one.permissions:
            if not actor.everywhere(permission):
                raise Denied(str(refusal) % {"roles": one.plural})


def set_access(
    request: HttpRequest, actor: Actor, account: Account, wanted: Access, *, seen: str | None = None
) -> bool:
    """Give a member this role and these sites instead of what they had; False when that is what they had already.

    `seen`: what the caller took them to have (`version_of`); Conflict when another changed it meanwhile. Raises OwnRole,
    LastOwner, Denied. Live views that are no longer allowed end with the transaction.
    """
    present = lock_people(actor)
    _not_oneself(
        present, account, _("you cannot change your own role; ask another owner of your organisation")
    )
    if seen is not None and seen != version_of(account):
        raise Conflict(
            _("somebody changed the role of %(account)s a moment ago: look at it again")
            % {"account": account}
        )
    rows = list(grants(account))
    require_not_above(present, [wanted.role, *{role(row.role) for row in rows}], MAKE)
    if wanted.role is not OWNER and is_owner(account):
        _keep_an_owner(account)
    before = grants_in_words(account)
    kept = {(wanted.role.name, site) for site in (wanted.sites or {None})}
    had = {(row.role, row.site_id) for row in rows}
    if had == kept:
        return False
    # Deleted row by row through the ORM, so that the hubs hear of it.
    Membership.objects.filter(pk__in=[row.pk for row in rows if (row.role, row.site_id) not in kept]).delete()
    Membership.objects.bulk_create(
        [Membership(account=account, role=name, site_id=site) for name, site in kept - had]
    )
    if PEOPLE_EDIT not in wanted.role.permissions:
        end_links_of(account)
    title, sites = wanted.words(
        dict(Site.objects.filter(pk__in=wanted.sites or ()).values_list("pk", "name"))
    )
    record_act(
        acts.ACCESS_CHANGED,
        who(actor),
        what(account),
        request=request,
        role=title,
        sites=sites,
        before=before,
    )
    return True


def remove(request: HttpRequest, actor: Actor, account: Account) -> None:
    """Remove a member: sessions, factors and open links go with the account, footage and the audit log stay. Raises
    OwnRole, LastOwner, Denied."""
    present = lock_people(actor)
    _not_oneself(present, account, _("you cannot remove yourself; ask another owner of your organisation"))
    require_not_above(present, {role(row.role) for row in grants(account)}, REMOVE)
    if is_owner(account):
        _keep_an_owner(account)
    end_links_of(account)
    SetupLink.objects.filter(account=account, used_at=None).update(expires_at=clock.now())
    before = grants_in_words(account)
    record_act(acts.REMOVED, who(actor), what(account), request=request, email=account.email, before=before)
    account.delete()


def end_sessions(request: HttpRequest, actor: Actor, account: Account) -> int:
    """Sign a member out everywhere; how many sessions ended."""
    present = lock_people(actor)
    if account.pk == actor.account_id:
        raise OwnRole(_("end your own sessions under my account"))
    require_not_above(present, {role(row.role) for row in grants(account)}, SIGN_OUT)
    count = open_sessions(account.pk).count()
    Session.objects.filter(account=account).delete()
    record_act(acts.SESSIONS_ENDED, who(actor), what(account), request=request, count=count)
    return count


def _not_oneself(actor: Actor, account: Account, refusal: Text) -> None:
    if account.pk == actor.account_id:
        raise OwnRole(refusal)


def _keep_an_owner(account: Account) -> None:
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
    """Stands for the role and sites an account has now: a form that was filled in on another is refused."""
    return ";".join(sorted(f"{row.role}@{row.site_id or '*'}" for row in grants(account)))
