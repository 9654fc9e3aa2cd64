"""The pages of an organisation's people: who has an account, invitations, one person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Coalesce, Lower
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenants import access
from tenants.access import Actor, Grant, actor_of
from tenants.declare import requires
from tenants.middleware import signed_in
from tenants.models import Membership, Site
from tenants.permissions import AUDIT_VIEW, PEOPLE_EDIT, PEOPLE_VIEW, all_permissions
from tenants.roles import roles
from vsaas.accounts import invitations, own, people, slowed, user_agents
from vsaas.accounts.effects import effects, in_words
from vsaas.accounts.grants import EVERYWHERE, Held, Names, as_grants, as_held, held, names_of, place_spoken
from vsaas.accounts.models import Account, Invitation
from vsaas.accounts.people_forms import AccessForm, InviteForm, access_as_it_is, first_access
from vsaas.common import clock, cursors
from vsaas.common.errors import Conflict, InvalidFields, NotFound
from vsaas.common.links import tenant_url
from vsaas.mail import outbox

PAGE_ROWS = 100
SEEN = "seen"


def may_edit(actor: Actor) -> bool:
    """Whether the actor may change people, which is a right over the organisation as a whole."""
    return actor.tenant_wide(PEOPLE_EDIT)


@requires(PEOPLE_VIEW)
@require_safe
def people_list(request: HttpRequest) -> HttpResponse:
    """Members and open invitations; `?q=` finds by name or address, `?role=` by role, `?sort=seen` the last seen first."""
    actor = signed_in(request)
    wanted, role_name = request.GET.get("q", "").strip(), request.GET.get("role", "")
    everybody = people.members(actor)
    sort = SEEN if request.GET.get("sort") == SEEN else ""
    after = request.GET.get("after", "")
    rows, following = page_of(found(everybody, wanted, role_name), sort, after, PAGE_ROWS)
    asked = urlencode({"q": wanted, "role": role_name, "sort": sort})
    context = {
        "members": shown_members(actor, rows),
        "next": following and f"{asked}&after={following}",
        "newest": asked,
        "first": not after,
        "sort": sort,
        "q": wanted,
        "role": role_name,
        "roles": roles().values(),
        "filtered": bool(wanted or role_name or sort),
        "may_edit": may_edit(actor),
        "invitations": [shown_invitation(row) for row in invitations.open_invitations(actor)],
        "undelivered": outbox.undelivered() if may_edit(actor) else 0,
        "said": said(request),
    }
    return render(request, "accounts/people.html", context)


def found(rows: QuerySet[Account], text: str, role_name: str) -> QuerySet[Account]:
    """The members whose name or address holds every word, with that role."""
    for word in text.replace("\x00", " ").split()[:8]:
        rows = rows.filter(Q(name__icontains=word) | Q(email__icontains=word))
    if role_name in roles():
        rows = rows.filter(pk__in=role_holders(role_name))
    return rows


def role_holders(role_name: str) -> QuerySet[Any, Any]:
    """The ids of accounts that hold a role anywhere."""
    return Membership.objects.filter(role=role_name, denies=False).values("account_id")


def page_of(rows: QuerySet[Account], sort: str, after: str, count: int) -> tuple[list[Account], str]:
    """Members by name, or (`sort` "seen") the last seen first, from a cursor on; and the cursor of the next page ("" when
    there is none). Raises InvalidFields for a cursor of another list."""
    if sort == SEEN:
        rows = rows.annotate(by=Coalesce("last_seen_at", Value(clock.EPOCH))).order_by("-by", "id")
    else:
        rows = rows.annotate(by=Lower("name")).order_by("by", "id")
    if after:
        rows = rows.filter(_behind(sort, after))
    found_rows: list[Any] = list(rows[: count + 1])
    if len(found_rows) <= count:
        return found_rows, ""
    last = found_rows[count - 1]
    place = clock.to_us(last.by) if sort == SEEN else last.by
    return found_rows[:count], cursors.pack(place, str(last.id))


def _behind(sort: str, after: str) -> Q:
    """What comes behind the member of a cursor."""
    place, member_id = cursors.unpack(after, int if sort == SEEN else str, str)
    try:
        last = UUID(member_id)
        if sort == SEEN:
            seen = clock.from_us(place)
            return Q(by__lt=seen) | Q(by=seen, id__gt=last)
    except (ValueError, OverflowError):
        raise cursors.bad_cursor() from None
    if "\x00" in place:
        raise cursors.bad_cursor()
    return Q(by__gt=place) | Q(by=place, id__gt=last)


def shown_members(actor: Actor, accounts: Sequence[Any]) -> list[dict[str, Any]]:
    """Members as the templates draw them. Three queries, whatever their number."""
    names = names_of([held(row) for account in accounts for row in account.memberships.all()])
    return [_shown(actor, account, names) for account in accounts]


def shown(actor: Actor, account: Any) -> dict[str, Any]:
    """One of them."""
    return shown_members(actor, [account])[0]


def _shown(actor: Actor, account: Any, names: Names) -> dict[str, Any]:
    rows = [one for one in map(held, account.memberships.all()) if not one.denies]
    titles = {one.role: names.role(one).title for one in rows}
    everywhere = any(one.place == EVERYWHERE for one in rows)
    return {
        "id": account.pk,
        "name": str(account),
        "email": account.email,
        "roles": list(titles.values()),
        "places": None if everywhere else sorted({place_spoken(one, names) for one in rows}),
        "denied": any(row.denies for row in account.memberships.all()),
        "has_factor": account.has_factor,
        "last_seen": account.last_seen_at,
        "since": account.created_at,
        "self": account.pk == actor.account_id,
    }


def shown_invitation(invitation: Invitation) -> dict[str, Any]:
    """An open invitation as the templates draw it."""
    names = sorted(place.site.name for place in invitation.places.all())
    return {
        "id": invitation.pk,
        "name": invitation.name,
        "email": invitation.email,
        "role": invitations.role_of_invitation(invitation).title,
        "places": None if invitation.all_sites else names,
        "inviter": invitation.invited_by_name,
        "expired": invitation.expired,
        "expires_at": invitation.expires_at,
        "created_at": invitation.created_at,
    }


def said(request: HttpRequest) -> str:
    """What the last change did, said once on the page after it."""
    text: str = request.session.pop(SAID, "")
    return text


SAID = "said"


def say(request: HttpRequest, text: str) -> None:
    """Keep a sentence for the next page."""
    request.session[SAID] = text


@requires(PEOPLE_EDIT, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def people_invite(request: HttpRequest) -> HttpResponse:
    """Whom, as what, where; then the link, shown once."""
    actor = signed_in(request)
    sites = Site.objects.all()
    begin_with = first_access([site.pk for site in sites])
    form = InviteForm(request.POST if request.method == "POST" else None, sites=sites, initial=begin_with)
    status = 422 if form.is_bound else 200
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            made, link = invitations.invite(request, actor, data["name"], data["email"], form.access)
        except InvalidFields as error:
            form.add_error("email", error.detail)
        except Conflict as error:
            form.add_error(None, error.detail[:1].upper() + error.detail[1:] + ".")
            status = error.status
        else:
            return _link_page(request, link, invitation=made)
    return render(request, "accounts/invite.html", {"form": form}, status=status)


def _link_page(request: HttpRequest, link: str, **context: Any) -> HttpResponse:
    return render(request, "accounts/link.html", {"link": link, "mailed": outbox.is_there(), **context})


def _invitation(request: HttpRequest, invitation_id: UUID) -> Invitation:
    rows = Invitation.objects.filter(accepted_at=None, revoked_at=None)
    return access.get(signed_in(request), PEOPLE_EDIT, rows, pk=invitation_id)


@requires(PEOPLE_EDIT)
@require_POST
def people_renew(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    """A new link for an open invitation."""
    invitation = _invitation(request, invitation_id)
    link = invitations.renew(request, signed_in(request), invitation)
    return _link_page(request, link, invitation=invitation, renewed=True)


@requires(PEOPLE_EDIT)
@require_POST
def people_revoke(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    """Withdraw an open invitation."""
    invitation = _invitation(request, invitation_id)
    invitations.revoke(request, signed_in(request), invitation)
    say(request, _("The invitation of %(name)s is withdrawn.") % {"name": invitation.name})
    return HttpResponseRedirect(tenant_url(request, "people"))


@requires(PEOPLE_VIEW, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def people_member(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """One person: role and sites, what that lets them do, sessions. POST changes role and sites."""
    actor = signed_in(request)
    account = people.member(actor, account_id)
    sites = Site.objects.all()
    bound = request.POST if request.method == "POST" else None
    form = AccessForm(bound, sites=sites, initial=access_as_it_is(account))
    status = 200
    if request.method == "POST":
        access.require(actor, PEOPLE_EDIT, account)
        status = 422
        if form.is_valid():
            try:
                return change(request, actor, account, people.with_denials(account, form.access))
            except Conflict as error:
                form.add_error(None, error.detail[:1].upper() + error.detail[1:] + ".")
                status = error.status
    return render(request, "accounts/member.html", _member(request, actor, account, form), status=status)


CONFIRMED = "confirmed"


def change(request: HttpRequest, actor: Actor, account: Account, wanted: frozenset[Held]) -> HttpResponse:
    """Give a member exactly these roles and denials, once what that alters was shown and confirmed. The form says in `seen`
    what it was filled in on. Raises as `people.set_grants`."""
    seen = request.POST.get("seen")
    if CONFIRMED not in request.POST:
        people.require_may_set(actor, account, wanted, seen=seen)
        after = {account.pk: tuple(as_grants(people.sorted_rows(wanted)))}
        found_effects = effects(access.grants_of([account.pk]), after)
        if found_effects:
            return _confirm(request, account, [in_words(one) for one in found_effects])
    changed = people.set_grants(request, actor, account, wanted, seen=seen)
    text = _("%(name)s has the new role now.") if changed else _("%(name)s had this role already.")
    say(request, text % {"name": str(account)})
    return HttpResponseRedirect(tenant_url(request, "people-member", account_id=account.pk))


def _confirm(request: HttpRequest, account: Account, sentences: list[str]) -> HttpResponse:
    """What a change would alter, and the same form again to make it."""
    context = {"account": account, "sentences": sentences, "fields": posted(request)}
    return render(request, "accounts/confirm_grants.html", context)


def posted(request: HttpRequest) -> list[tuple[str, str]]:
    """The fields of a form as they came, for a page that sends them again."""
    return [
        (name, value)
        for name, values in request.POST.lists()
        if name not in ("csrfmiddlewaretoken", CONFIRMED)
        for value in values
    ]


def _member(request: HttpRequest, actor: Actor, account: Account, form: AccessForm) -> dict[str, Any]:
    oneself = account.pk == actor.account_id
    last_owner = people.is_owner(account) and not people.owners_left(without=account.pk)
    sessions = list(people.open_sessions(account.pk)[: people.SESSIONS_SHOWN])
    rows = [held(row) for row in account.memberships.all()]
    return {
        "member": shown(actor, account),
        "form": form,
        "mixed": _mixed(rows),
        "grants": shown_grants(account.memberships.all()),
        "seen": people.version_of(account),
        "oneself": oneself,
        "last_owner": last_owner,
        "may_edit": may_edit(actor) and not oneself,
        "may_see_roles": actor.tenant_wide(PEOPLE_VIEW),
        "may_audit": actor.tenant_wide(AUDIT_VIEW),
        "rights": rights(account),
        "sessions": [shown_session(session) for session in sessions],
        "slowed": slowed.of_account(account),
        "said": said(request),
    }


def _mixed(rows: Sequence[Held]) -> bool:
    """Whether a person has more than one role on some sites, which is all that one form can say."""
    given = [one for one in rows if not one.denies]
    return len({one.role for one in given}) > 1 or not all(one.simple for one in given)


def shown_grants(memberships: Iterable[Membership]) -> list[dict[str, Any]]:
    """Roles and denials one by one, as the templates draw them."""
    rows = sorted(memberships, key=lambda row: (row.denies, row.role, row.created_at))
    names = names_of([held(row) for row in rows])
    return [
        {
            "id": row.pk,
            "denies": row.denies,
            "title": names.role(held(row)).title,
            "place": place_spoken(held(row), names),
        }
        for row in rows
    ]


def shown_session(session: Any) -> dict[str, Any]:
    """A session as the templates draw it."""
    return {
        "id": session.pk,
        "device": user_agents.device_words(session.user_agent),
        "network": session.network,
        "since": session.created_at,
        "last_seen": session.last_seen_at,
        "complete": own.is_complete(session),
    }


def rights(account: Account) -> list[dict[str, Any]]:
    """What a person may do, and where: the permission's sentence, the places' names (None: everywhere), and those of the
    places where it is denied."""
    actor = actor_of(account)
    names = names_of([as_held(one) for one in actor.grants])
    found_rights = []
    for permission in all_permissions():
        giving = actor.giving(permission)
        if not actor.holds(permission):
            continue
        everywhere = any(one.tenant_wide for one in giving)
        found_rights.append(
            {
                "words": permission.sentence,
                "where": None if everywhere else _places(giving, names),
                "except": _places(actor.taking(permission), names),
            }
        )
    return found_rights


def _places(grants: Iterable[Grant], names: Names) -> list[str]:
    return sorted({place_spoken(as_held(one), names) for one in grants})


@requires(PEOPLE_EDIT, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def people_remove(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """What removing somebody means, and doing it."""
    actor = signed_in(request)
    account = people.member(actor, account_id)
    access.require(actor, PEOPLE_EDIT, account)
    if request.method == "POST":
        people.remove(request, actor, account)
        say(request, _("%(name)s is removed.") % {"name": str(account)})
        return HttpResponseRedirect(tenant_url(request, "people"))
    context = {
        "member": shown(actor, account),
        "oneself": account.pk == actor.account_id,
        "last_owner": people.is_owner(account) and not people.owners_left(without=account.pk),
        "sessions": people.open_sessions(account.pk).count(),
        "open_links": Invitation.objects.filter(
            invited_by=account, accepted_at=None, revoked_at=None
        ).count(),
    }
    return render(request, "accounts/remove.html", context)


@requires(PEOPLE_EDIT)
@require_POST
def people_end_sessions(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """Sign somebody out everywhere."""
    actor = signed_in(request)
    account = people.member(actor, account_id)
    access.require(actor, PEOPLE_EDIT, account)
    count = people.end_sessions(request, actor, account)
    text = ngettext(
        "%(name)s is signed out: %(count)d session ended.",
        "%(name)s is signed out: %(count)d sessions ended.",
        count,
    )
    say(request, text % {"name": str(account), "count": count})
    return HttpResponseRedirect(tenant_url(request, "people-member", account_id=account.pk))


@requires(PEOPLE_EDIT)
@require_POST
def people_lift(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """Let a sign-in go on that was slowed down after too many attempts."""
    actor = signed_in(request)
    account = people.member(actor, account_id)
    access.require(actor, PEOPLE_EDIT, account)
    slowed.lift(request, actor, account)
    say(request, _("%(name)s can sign in again at once.") % {"name": str(account)})
    return HttpResponseRedirect(tenant_url(request, "people-member", account_id=account.pk))


@requires(PEOPLE_EDIT, fresh=True)
@require_POST
def people_factor_link(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """A link for a lost second factor, shown once."""
    actor = signed_in(request)
    account = people.member(actor, account_id)
    access.require(actor, PEOPLE_EDIT, account)
    if not getattr(account, "has_factor", False):
        raise NotFound(_("this account has no second factor to reset"))
    link = invitations.issue_factor_link(request, actor, account)
    return _link_page(request, link, member=shown(actor, account))
