"""Inviting people: a one-time link, valid seven days, that opens the set-up sequence.

It is sent by mail where the portal has mail, and shown once to the caller, who can hand it on; only its hash is kept.
"""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from tenants import access
from tenants.access import Actor
from tenants.models import Membership
from tenants.permissions import PEOPLE_VIEW, Role
from tenants.roles import roles_named, unknown
from tenants.words import Text, in_english
from vsaas.accounts import acts, letters, people
from vsaas.accounts.grants import ALL_SITES, Held, as_grants, as_rows
from vsaas.accounts.models import (
    Account,
    Invitation,
    InvitationSite,
    SetupLink,
    TotpDevice,
    hash_setup_token,
    normalise_email,
)
from vsaas.accounts.people import Access
from vsaas.approvals.demand import for_roles
from vsaas.audit.services import record_act, what, who
from vsaas.common import clock
from vsaas.common.errors import Conflict, Gone, InvalidFields
from vsaas.mail import outbox

INVITE = "people.invite"
"""The name of the act that invites somebody, where giving roles needs a second person."""


def new_link(**values: object) -> str:
    """A new set-up link as one opens it; `values` of the `SetupLink`. Shown once: only the hash is kept."""
    token = secrets.token_urlsafe(32)
    SetupLink.objects.create(token_hash=hash_setup_token(token), **values)
    return settings.ENV.public_url + reverse("setup", kwargs={"token": token})


def open_invitations(actor: Actor) -> QuerySet[Invitation]:
    """The invitations the actor may see that were neither accepted nor withdrawn, with their sites at hand; run out ones
    are among them, since they can be renewed."""
    rows = Invitation.objects.filter(accepted_at=None, revoked_at=None).order_by("-created_at", "-id")
    return access.visible(actor, PEOPLE_VIEW, rows).prefetch_related("places__site")


def invite(
    request: HttpRequest, actor: Actor, name: str, email: str, wanted: Access, *, approved: bool = False
) -> tuple[Invitation, str]:
    """Invite somebody; the invitation and its link. Raises InvalidFields for an address that is here already, Denied;
    AwaitsSecondPerson where giving roles takes two people, unless one of those `approved` it."""
    present = people.lock_people(actor)
    people.require_not_above(present, as_grants(wanted.held()), people.INVITE)
    email = normalise_email(email)
    _check_new(email)
    if not approved:
        asked = {"name": name, "email": email, "grants": as_rows(wanted.held())}
        for_roles(request, actor, INVITE, asked)
    invitation = Invitation.objects.create(
        email=email,
        name=name,
        role=wanted.role.name,
        all_sites=wanted.sites is None,
        invited_by_id=actor.account_id,
        invited_by_name=actor.name,
        expires_at=clock.now() + Invitation.LIFETIME,
    )
    InvitationSite.objects.bulk_create(
        [InvitationSite(invitation=invitation, site_id=site) for site in wanted.sites or ()]
    )
    title, sites = in_words(invitation)
    record_act(acts.INVITED, who(actor), what(invitation), request=request, role=title, sites=sites)
    return invitation, _link_of(invitation, actor)


def _check_new(email: str) -> None:
    # An account that was begun by a link and never finished opens nothing; it must not keep its address.
    Account.objects.filter(email=email, is_active=False, last_login=None, memberships=None).delete()
    if Account.objects.filter(email=email).exists():
        raise _taken(_("Somebody here has this address already."))
    if Invitation.objects.filter(email=email, accepted_at=None, revoked_at=None).exists():
        raise _taken(
            _("This address is invited already: make a new link for that invitation, or withdraw it.")
        )


def _taken(message: Text) -> InvalidFields:
    return InvalidFields(message, extra={"errors": [{"field": "email", "message": str(message)}]})


def _link_of(invitation: Invitation, actor: Actor) -> str:
    """A new link, on its way to the person invited."""
    link = new_link(
        kind=SetupLink.Kind.INVITATION,
        invitation=invitation,
        issued_by_id=actor.account_id,
        expires_at=invitation.expires_at,
    )
    title, sites = map(in_english, in_words(invitation))
    about = {"invitation": str(invitation.pk), "link": link, "access": f"{title} of {sites}"}
    outbox.post(letters.invitation, invitation.email, about)
    return link


def in_words(invitation: Invitation) -> tuple[Text, Text]:
    """Role and sites, as the audit log says them."""
    names = [place.site.name for place in invitation.places.select_related("site")]
    sites = ALL_SITES if invitation.all_sites else people.sites_in_words(names)
    return role_of_invitation(invitation).title, sites


def role_of_invitation(invitation: Invitation) -> Role:
    """The role somebody is invited as; one that gives nothing where it is gone."""
    return roles_named([invitation.role]).get(invitation.role) or unknown(invitation.role)


def _held(invitation: Invitation) -> list[Held]:
    """The memberships an invitation stands for."""
    sites = [None] if invitation.all_sites else [place.site_id for place in invitation.places.all()]
    return [Held(invitation.role, site) for site in sites]


def renew(request: HttpRequest, actor: Actor, invitation: Invitation) -> str:
    """A new link for seven days; the one before stops working. Conflict when it was accepted or withdrawn meanwhile."""
    present = people.lock_people(actor)
    people.require_not_above(present, as_grants(_held(invitation)), people.INVITE)
    _close_links(invitation)
    expires_at = clock.now() + Invitation.LIFETIME
    values = {"expires_at": expires_at, "invited_by_id": actor.account_id, "invited_by_name": actor.name}
    if not _still_open(invitation).update(**values):
        raise _too_late(invitation)
    invitation.expires_at = expires_at
    record_act(acts.INVITATION_RENEWED, who(actor), what(invitation), request=request)
    return _link_of(invitation, actor)


def revoke(request: HttpRequest, actor: Actor, invitation: Invitation) -> None:
    """Withdraw an invitation; its link opens nothing any more. Conflict as for `renew`."""
    people.lock_people(actor)
    _close_links(invitation)
    if not _still_open(invitation).update(revoked_at=clock.now()):
        raise _too_late(invitation)
    record_act(acts.INVITATION_REVOKED, who(actor), what(invitation), request=request)


def _still_open(invitation: Invitation) -> QuerySet[Invitation]:
    return Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None)


def _too_late(invitation: Invitation) -> Conflict:
    return Conflict(
        _("the invitation of %(invitation)s was accepted or withdrawn a moment ago")
        % {"invitation": invitation}
    )


def _close_links(invitation: Invitation) -> None:
    """Before the invitation itself, in the order in which accepting locks them. Accounts begun by them go."""
    links = SetupLink.objects.filter(invitation=invitation, used_at=None)
    begun = [pk for pk in links.select_for_update().values_list("account_id", flat=True) if pk]
    links.update(expires_at=clock.now())
    Account.objects.filter(pk__in=begun, is_active=False).delete()


def accept(request: HttpRequest, link: SetupLink, account: Account) -> None:
    """The invited person set up a second factor: role and sites are given. Raises Gone when the invitation was withdrawn,
    or none of its sites exists any more."""
    invitation = link.invitation
    sites = [place.site_id for place in invitation.places.all()]
    if not invitation.all_sites and not sites:
        raise Gone(_("none of the sites you were invited to exists any more; ask who invited you"))
    if not _still_open(invitation).update(accepted_at=clock.now()):
        raise Gone(_("this invitation was withdrawn; ask who invited you"))
    Membership.objects.bulk_create(
        [
            Membership(account=account, role=invitation.role, site_id=site)
            for site in ([None] if invitation.all_sites else sites)
        ]
    )
    title, words = in_words(invitation)
    record_act(
        acts.JOINED,
        who(account),
        what(account),
        request=request,
        role=title,
        sites=words,
        inviter=invitation.invited_by_name,
    )


# ---- a lost second factor


def issue_factor_link(request: HttpRequest, actor: Actor, account: Account) -> str:
    """A link by which a member sets up a new second factor, 24 hours long; earlier ones stop working. It asks for the
    member's password, so that it is of no use to anybody else, who made it included. The old factor works until then."""
    present = people.lock_people(actor)
    if account.pk == actor.account_id:
        raise people.OwnRole(_("set up your own second factor under my account"))
    people.require_not_above(present, people.rights_of(account), people.RESET_FACTOR)
    now = clock.now()
    SetupLink.objects.filter(kind=SetupLink.Kind.FACTOR, account=account, used_at=None).update(expires_at=now)
    TotpDevice.objects.filter(user=account, confirmed=False).delete()
    record_act(acts.FACTOR_LINK_ISSUED, who(actor), what(account), request=request)
    return new_link(
        kind=SetupLink.Kind.FACTOR,
        account=account,
        issued_by_id=actor.account_id,
        expires_at=now + SetupLink.LIFETIME,
    )
