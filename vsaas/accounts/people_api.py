"""People, invitations, one's own account and sessions in the REST API. Second factors are set up on the pages alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import logout
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from pydantic import BaseModel, Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import access
from tenants.declare import FRESH_S, Requires
from tenants.permissions import ACCOUNT_SELF, PEOPLE_EDIT, PEOPLE_VIEW, all_permissions
from tenants.roles import roles
from vsaas.accounts import (
    code_asking,
    invitations,
    language,
    own,
    people,
    sent_codes,
    signin,
    slowed,
    stepping_up,
    user_agents,
)
from vsaas.accounts.caller_api import place_json
from vsaas.accounts.grants import Held, Names, checked, held, names_of
from vsaas.accounts.limits import Limits, limits_for
from vsaas.accounts.models import Account, Invitation, Session
from vsaas.accounts.passwords import MAX_CHARS, check_password_strength
from vsaas.accounts.people_pages import SEEN, found, page_of
from vsaas.accounts.people_replies import (
    ACCOUNT,
    INVITATION,
    MEMBER,
    MEMBER_SESSION,
    SESSION,
    SLOWDOWN,
    AccountReply,
    Ended,
    FactorLink,
    FreshnessReply,
    InvitationMade,
    InvitationPage,
    Lifted,
    MemberPage,
    MemberReply,
    MemberSessionPage,
    PasswordChanged,
    SessionPage,
    SlowdownPage,
)
from vsaas.accounts.roles import KEY_CHARS_MAX
from vsaas.approvals.errors import FreshFactorNeeded
from vsaas.approvals.forms import FACTOR_CHARS_MAX
from vsaas.common import clock
from vsaas.common.api import ApiView
from vsaas.common.describe import describe, query
from vsaas.common.errors import Conflict, Gone, InvalidField, InvalidFields, NotFound, TooMany
from vsaas.common.fields import Fields, valid
from vsaas.common.names import CHARS_MAX
from vsaas.common.paging import limit_of
from vsaas.common.shapes import page_example


def _us(moment: Any) -> int | None:
    return None if moment is None else clock.to_us(moment)


def members_json(accounts: Sequence[Any]) -> list[dict[str, Any]]:
    """Members, of `people.members`. Three queries, whatever their number."""
    names = names_of([held(row) for account in accounts for row in account.memberships.all()])
    return [_member_json(account, names) for account in accounts]


def member_json(account: Any) -> dict[str, Any]:
    """One of them."""
    return members_json([account])[0]


def grant_json(one: Held, names: Names) -> dict[str, Any]:
    """A role, or its denial, and where."""
    return {
        "role": one.role,
        "site": None
        if one.site_id is None
        else {"id": str(one.site_id), "name": names.sites.get(one.site_id, "")},
        "group": one.group or None,
        "camera": None
        if one.camera_id is None
        else {"id": str(one.camera_id), "name": names.cameras.get(one.camera_id, "")},
        "denies": one.denies,
    }


def _member_json(account: Any, names: Names) -> dict[str, Any]:
    grants = [grant_json(held(row), names) for row in account.memberships.all()]
    return {
        "id": str(account.pk),
        "name": account.name,
        "email": account.email,
        "grants": grants,
        "second_factor": account.has_factor,
        "created_us": _us(account.created_at),
        "last_seen_us": _us(account.last_seen_at),
    }


def invitation_json(invitation: Invitation) -> dict[str, Any]:
    """An open invitation, of `invitations.open_invitations`."""
    sites = [{"id": str(place.site_id), "name": place.site.name} for place in invitation.places.all()]
    return {
        "id": str(invitation.pk),
        "name": invitation.name,
        "email": invitation.email,
        "role": invitation.role,
        "all_sites": invitation.all_sites,
        "sites": sites,
        "invited_by": invitation.invited_by_name,
        "created_us": _us(invitation.created_at),
        "expires_us": _us(invitation.expires_at),
        "expired": invitation.expired,
    }


class AccessFields(Fields):
    """A role, on all sites or on those named."""

    role = serializers.CharField(max_length=KEY_CHARS_MAX)
    all_sites = serializers.BooleanField(default=False)
    sites = serializers.ListField(child=serializers.UUIDField(), default=list, max_length=1000)


class GrantFields(Fields):
    """A role, or its denial, and at most one place where it holds."""

    role = serializers.CharField(max_length=KEY_CHARS_MAX, allow_blank=True)
    site = serializers.UUIDField(required=False, allow_null=True, default=None)
    group = serializers.CharField(max_length=CHARS_MAX, required=False, allow_null=True, default=None)
    camera = serializers.UUIDField(required=False, allow_null=True, default=None)
    denies = serializers.BooleanField(default=False)


class MemberAccessFields(AccessFields):
    """A role, on all sites or on those named; or `grants`, one by one."""

    role = serializers.CharField(max_length=KEY_CHARS_MAX, required=False)
    grants = GrantFields(many=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("role" in attrs) == ("grants" in attrs):
            raise serializers.ValidationError({"role": [_("Send a role, or grants, not both.")]})
        return attrs


def wanted_of(account: Account, fields: dict[str, Any]) -> frozenset[Held]:
    """The memberships a member is to have, of valid MemberAccessFields. Raises InvalidField."""
    if "grants" not in fields:
        return people.with_denials(account, _access(fields))
    return checked(
        Held(row["role"], row["site"], row["group"] or "", row["camera"], row["denies"])
        for row in fields["grants"]
    )


class InvitationFields(AccessFields):
    """Whom to invite, as what."""

    name = serializers.CharField(max_length=120)
    email = serializers.EmailField(max_length=254)


def _access(fields: dict[str, Any]) -> people.Access:
    return people.access_of(fields["role"], fields["all_sites"], fields["sites"])


class Members(ApiView):
    """GET: who has an account, by name; `?q=` finds by name or address, `?role=` by role, `?sort=seen` has the last seen first."""

    access = Requires(PEOPLE_VIEW)
    tag = "People"

    @describe(
        "List members",
        reply=MemberPage,
        example=page_example(MEMBER),
        query=(
            query("q", "Words that stand in the name or the address."),
            query("role", "Key of a role: who has it somewhere."),
            query(
                "sort",
                "By name, or the last seen first.",
                schema={"type": "string", "enum": ["name", SEEN], "default": "name"},
            ),
        ),
        paged=True,
    )
    def get(self, request: Request) -> Response:
        """Who has an account, by name."""
        asked = request.query_params
        role_name, sort = asked.get("role"), asked.get("sort", "name")
        if role_name is not None and role_name not in (known := roles()):
            raise InvalidField(
                "role", _("there is no such role; the roles are %(roles)s") % {"roles": ", ".join(known)}
            )
        if sort not in ("name", SEEN):
            raise InvalidField("sort", _("sort by name or %(seen)s") % {"seen": SEEN})
        rows = found(people.members(self.actor), asked.get("q", "")[:200], role_name or "")
        page, after = page_of(rows, sort, asked.get("cursor", ""), limit_of(asked))
        return Response({"items": members_json(page), "next": after or None})


class MemberReading(ApiView):
    """What the routes of one member share."""

    def member(self, account_id: UUID) -> Account:
        """The member, whom the actor may change."""
        account = people.member(self.actor, account_id)
        access.require(self.actor, PEOPLE_EDIT, account)
        return account


class Member(MemberReading):
    """GET: one member. PATCH: role and sites, replacing those before. DELETE: removes the member. The last two take
    people:edit."""

    access = Requires(PEOPLE_VIEW, PEOPLE_EDIT, fresh=True)
    tag = "People"

    @describe("Get a member", reply=MemberReply, example=MEMBER)
    def get(self, request: Request, account_id: UUID) -> Response:
        """One member."""
        return Response(member_json(people.member(self.actor, account_id)))

    @describe(
        "Change a member's access",
        request=MemberAccessFields,
        request_example={"role": "viewer", "sites": [MEMBER["grants"][0]["site"]["id"]]},
        reply=MemberReply,
        example=MEMBER,
        problems=(InvalidFields, people.OwnRole, people.LastOwner, Conflict),
    )
    def patch(self, request: Request, account_id: UUID) -> Response:
        """`role` with `all_sites` or `sites` replaces the roles before; what is denied stays denied. `grants` replaces all of
        it: each a role on a site, on the cameras of a group or on one camera, or everywhere; with `denies` the role's rights
        are taken there, whatever else gives them (`role` "": everything). The last owner stays one."""
        account = self.member(account_id)
        wanted = wanted_of(account, valid(MemberAccessFields(data=request.data)))
        people.set_grants(request._request, self.actor, account, wanted)
        return Response(member_json(people.member(self.actor, account_id)))

    @describe("Remove a member", status=204, problems=(people.OwnRole, people.LastOwner, Conflict))
    def delete(self, request: Request, account_id: UUID) -> Response:
        """The account is deleted with its sessions, second factors and tokens. What it did stays in the audit log."""
        people.remove(request._request, self.actor, self.member(account_id))
        return Response(status=204)


class MemberSessions(MemberReading):
    """GET: where a member is signed in. DELETE: signs them out everywhere."""

    access = Requires(PEOPLE_VIEW, PEOPLE_EDIT)
    tag = "People"

    @describe("List a member's sessions", reply=MemberSessionPage, example=page_example(MEMBER_SESSION))
    def get(self, request: Request, account_id: UUID) -> Response:
        """The browsers they are signed in with, the last used first, 50 at most. One in which the second factor was not
        given opens nothing."""
        account = people.member(self.actor, account_id)
        limits = limits_for(account.pk)
        sessions = people.open_sessions(account.pk)[: people.SESSIONS_SHOWN]
        return Response({"items": [_session_json(session, limits) for session in sessions], "next": None})

    @describe("Sign a member out", reply=Ended, example={"ended": 2}, problems=(people.OwnRole,))
    def delete(self, request: Request, account_id: UUID) -> Response:
        """On every device."""
        count = people.end_sessions(request._request, self.actor, self.member(account_id))
        return Response({"ended": count})


def _slowdown_json(one: slowed.Slowdown) -> dict[str, Any]:
    everywhere = one.place == slowed.EVERYWHERE
    return {"step": one.kind, "place": None if everywhere else one.place, "until_us": _us(one.until)}


class MemberSlowdowns(MemberReading):
    """GET: where a member's sign-in is slowed down after too many attempts. DELETE: lets it go on at once."""

    access = Requires(PEOPLE_VIEW, PEOPLE_EDIT)
    tag = "People"

    @describe("List what slows a member's sign-in", reply=SlowdownPage, example=page_example(SLOWDOWN))
    def get(self, request: Request, account_id: UUID) -> Response:
        """The longest first; from which network, and until when."""
        found = slowed.of_account(people.member(self.actor, account_id))
        return Response({"items": [_slowdown_json(one) for one in found], "next": None})

    @describe("Let a member sign in at once", reply=Lifted, example={"lifted": 1})
    def delete(self, request: Request, account_id: UUID) -> Response:
        """From everywhere it was slowed down."""
        count = slowed.lift(request._request, self.actor, self.member(account_id))
        return Response({"lifted": count})


class MemberFactorLink(MemberReading):
    """POST: a one-time link for a lost second factor. It asks for the member's password; shown in this reply alone."""

    access = Requires(PEOPLE_EDIT, fresh=True)
    tag = "People"

    @describe(
        "Make a link for a lost second factor",
        reply=FactorLink,
        example={"link": "https://portal.example.com/setup/…"},
        status=201,
        problems=(people.OwnRole, Conflict),
    )
    def post(self, request: Request, account_id: UUID) -> Response:
        """Good once, for 24 hours. It asks for the member's password before it shows a new secret; it is told in this reply alone."""
        link = invitations.issue_factor_link(request._request, self.actor, self.member(account_id))
        return Response({"link": link}, status=201)


class Invitations(ApiView):
    """GET: open invitations."""

    access = Requires(PEOPLE_EDIT, fresh=True)
    tag = "People"

    @describe("List open invitations", reply=InvitationPage, example=page_example(INVITATION))
    def get(self, request: Request) -> Response:
        """Those neither accepted nor withdrawn; at most 1000."""
        rows = invitations.open_invitations(self.actor)[:1000]
        return Response({"items": [invitation_json(row) for row in rows], "next": None})

    @describe(
        "Invite a person",
        request=InvitationFields,
        request_example={
            "name": "Nora",
            "email": "nora@example.org",
            "role": "viewer",
            "all_sites": True,
        },
        reply=InvitationMade,
        example=INVITATION | {"link": "https://portal.example.com/setup/…"},
        status=201,
        problems=(InvalidFields, Conflict),
    )
    def post(self, request: Request) -> Response:
        """The link is told in this reply and never again; it is good once, for seven days."""
        fields = valid(InvitationFields(data=request.data))
        wanted = _access(fields)
        made, link = invitations.invite(request._request, self.actor, fields["name"], fields["email"], wanted)
        row = invitations.open_invitations(self.actor).get(pk=made.pk)
        return Response({**invitation_json(row), "link": link}, status=201)


class InvitationReading(ApiView):
    """What the routes of one invitation share."""

    def invitation(self, invitation_id: UUID) -> Invitation:
        """The open invitation, which the actor may change."""
        rows = Invitation.objects.filter(accepted_at=None, revoked_at=None)
        return access.get(self.actor, PEOPLE_EDIT, rows, pk=invitation_id)


class InvitationOne(InvitationReading):
    """DELETE: withdraws an open invitation."""

    access = Requires(PEOPLE_EDIT)
    tag = "People"

    @describe("Withdraw an invitation", status=204, problems=(Gone,))
    def delete(self, request: Request, invitation_id: UUID) -> Response:
        """Its link stops working."""
        invitations.revoke(request._request, self.actor, self.invitation(invitation_id))
        return Response(status=204)


class InvitationRenewal(InvitationReading):
    """POST: a new link for seven days; the one before stops working."""

    access = Requires(PEOPLE_EDIT)
    tag = "People"

    @describe(
        "Renew an invitation",
        reply=InvitationMade,
        example=INVITATION | {"link": "https://portal.example.com/setup/…"},
        status=201,
        problems=(Gone,),
    )
    def post(self, request: Request, invitation_id: UUID) -> Response:
        """A new link for seven days; the one before stops working."""
        link = invitations.renew(request._request, self.actor, self.invitation(invitation_id))
        row = invitations.open_invitations(self.actor).get(pk=invitation_id)
        return Response({**invitation_json(row), "link": link}, status=201)


# ---- one's own


class AccountFields(Fields):
    """What changes of one's own account; one of them at least."""

    name = serializers.CharField(max_length=120, required=False)
    language = serializers.ChoiceField(
        choices=settings.LANGUAGES,
        allow_null=True,
        required=False,
        help_text="Of pages and messages; null: as the browser or program says (Accept-Language).",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError({"name": [_("Send a name or a language.")]})
        return attrs


class PasswordFields(Fields):
    """The password one has, and the one to come."""

    password = serializers.CharField(max_length=MAX_CHARS, trim_whitespace=False)
    new_password = serializers.CharField(max_length=1000, trim_whitespace=False)


class OwnAccount(ApiView):
    """GET: who one is here. PATCH: changes one's name or language."""

    access = Requires(ACCOUNT_SELF)
    tag = "Your account"

    @property
    def account(self) -> Account:
        """The signed-in person's account."""
        return Account.objects.get(pk=self.actor.account_id)

    @describe("Get your account", reply=AccountReply, example=ACCOUNT)
    def get(self, request: Request) -> Response:
        """Who you are here, and what you may."""
        return self._answer()

    @describe(
        "Change your name or language",
        request=AccountFields,
        request_example={"name": "Alice Ang"},
        reply=AccountReply,
        example=ACCOUNT | {"name": "Alice Ang"},
    )
    def patch(self, request: Request) -> Response:
        """Everything else of an account is changed on its pages."""
        fields = valid(AccountFields(data=request.data))
        if "name" in fields:
            own.rename(request._request, self.account, fields["name"])
        if "language" in fields:
            language.choose_for(self.account, fields["language"])
        return self._answer()

    def _answer(self) -> Response:
        account = self.account
        grants = [{"role": grant.role.name, **place_json(grant)} for grant in self.actor.grants]
        permissions = [one for one in all_permissions() if self.actor.holds(one)]
        return Response(
            {
                "id": str(account.pk),
                "name": account.name,
                "email": account.email,
                "language": account.language,
                "grants": grants,
                "permissions": sorted(str(permission) for permission in permissions),
                "created_us": _us(account.created_at),
            }
        )


class OwnPassword(ApiView):
    """POST: a new password. All other sessions end."""

    access = Requires(ACCOUNT_SELF)
    tag = "Your account"
    keeps_answers = False  # nothing of a request that holds passwords is kept

    @describe(
        "Change your password",
        request=PasswordFields,
        request_example={"password": "the one you have", "new_password": "a longer one, of several words"},
        reply=PasswordChanged,
        example={"sessions_ended": 1},
        problems=(TooMany,),
    )
    def post(self, request: Request) -> Response:
        """All your other sessions end."""
        fields = valid(PasswordFields(data=request.data))
        account = Account.objects.get(pk=self.actor.account_id)
        organisation = request._request.tenant.name  # type: ignore[attr-defined]
        try:
            check_password_strength(fields["new_password"], [account.name, account.email, organisation])
        except ValidationError as error:
            raise InvalidField("new_password", " ".join(error.messages)) from None
        if not signin.check_own_password(request._request, account, fields["password"]):
            raise InvalidField("password", _("this is not your password"))
        count = own.change_password(request._request, account, fields["new_password"])
        return Response({"sessions_ended": count})


class FreshnessFields(Fields):
    """A second factor, given now."""

    code = serializers.CharField(
        max_length=FACTOR_CHARS_MAX,
        help_text="A code of your authenticator app, unused, one of your recovery codes, or a passkey's answer as JSON.",
    )


class OwnFreshness(ApiView):
    """POST: a second factor given now."""

    access = Requires(ACCOUNT_SELF)
    tag = "Your account"
    keeps_answers = False  # nothing of a request that holds a code is kept

    @describe(
        "Give your second factor again",
        request=FreshnessFields,
        request_example={"code": "492039"},
        reply=FreshnessReply,
        example={"fresh_until_us": 1764065280000000},
        problems=(FreshFactorNeeded, TooMany),
    )
    def post(self, request: Request) -> Response:
        """For five minutes your session may then do what answers `stale-factor` otherwise."""
        fields = valid(FreshnessFields(data=request.data))
        account = Account.objects.get(pk=self.actor.account_id)
        if not stepping_up.refresh(request._request, account, fields["code"]):
            raise FreshFactorNeeded()
        return Response({"fresh_until_us": clock.now_us() + FRESH_S * 1_000_000})


class CodeFields(Fields):
    """Which way a code is to be sent."""

    kind = serializers.CharField(
        max_length=40, help_text="As the sign-in rules name it: `email-code`, for example."
    )


class CodeReply(BaseModel):
    """A code is on its way."""

    kind: str
    to: str = Field(description="Where it goes: the address, or the ends of the telephone number.")
    good_minutes: int = Field(description="For how long it is good, in this session alone.")


class OwnCodes(ApiView):
    """POST: has a code sent."""

    access = Requires(ACCOUNT_SELF)
    tag = "Your account"
    keeps_answers = False  # the code is good in one session

    @describe(
        "Have a code sent to you",
        request=CodeFields,
        request_example={"kind": "email-code"},
        reply=CodeReply,
        example={"kind": "email-code", "to": "alice@example.org", "good_minutes": 5},
        problems=(TooMany,),
    )
    def post(self, request: Request) -> Response:
        """Where your sign-in rules accept it: to be given in place of a code of your app, once, in the session that asked for
        it. One a minute; the newest alone is good."""
        kind = valid(CodeFields(data=request.data))["kind"]
        account = Account.objects.get(pk=self.actor.account_id)
        code_asking.ask(request._request, account, kind)
        (way,) = [one for one in sent_codes.offers(request._request, account) if one.kind == kind]
        return Response({"kind": kind, "to": way.to, "good_minutes": sent_codes.minutes()})


def _session_json(session: Session, limits: Limits) -> dict[str, Any]:
    return {
        "id": str(session.pk),
        "device": user_agents.device_words(session.user_agent),
        "network": session.network,
        "created_us": _us(session.created_at),
        "last_seen_us": _us(session.last_seen_at),
        "expires_us": _us(limits.end_of(session)),
        "second_factor_given": own.is_complete(session),
    }


class OwnSessions(ApiView):
    """GET: one's sessions that have not ended. DELETE: ends all but this one."""

    access = Requires(ACCOUNT_SELF)
    tag = "Your account"

    @describe("List your sessions", reply=SessionPage, example=page_example(SESSION))
    def get(self, request: Request) -> Response:
        """Those that have not ended."""
        account = Account.objects.get(pk=self.actor.account_id)
        limits = limits_for(account.pk)
        items = [
            _session_json(session, limits) | {"this": own.is_this(request._request, session)}
            for session in own.sessions(account)
        ]
        return Response({"items": items, "next": None})

    @describe("End your other sessions", reply=Ended, example={"ended": 1})
    def delete(self, request: Request) -> Response:
        """All but the one this request came with."""
        account = Account.objects.get(pk=self.actor.account_id)
        return Response({"ended": own.end_all_others(request._request, account)})


class OwnSession(ApiView):
    """DELETE: ends one of one's sessions; ending this one signs out."""

    access = Requires(ACCOUNT_SELF)
    tag = "Your account"

    @describe("End a session", status=204)
    def delete(self, request: Request, session_id: UUID) -> Response:
        """One of your own; ending the one this request came with signs you out."""
        account = Account.objects.get(pk=self.actor.account_id)
        session = Session.objects.filter(pk=session_id, account=account).first()
        if session is None:
            raise NotFound(_("this session has ended already"))
        here = own.is_this(request._request, session)
        own.end(request._request, account, session)
        if here:
            logout(request._request)
        return Response(status=204)
