"""Approvals in the REST API. Never by token: what a second person says must be said by that person."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import access
from tenants.declare import Requires
from tenants.models import Tenant
from tenants.permissions import ACCOUNT_SELF, PEOPLE_EDIT
from vsaas.approvals import requests, shown
from vsaas.approvals.errors import (
    Altered,
    Decided,
    FreshFactorNeeded,
    NobodyToApprove,
    OwnRequest,
    RequestExpired,
    TooManyWaiting,
)
from vsaas.approvals.forms import FACTOR_CHARS_MAX
from vsaas.approvals.models import HOLDS_S_LEAST, HOLDS_S_MOST, ApprovalRequest
from vsaas.approvals.people import accounts
from vsaas.approvals.policy import InvalidPolicy, Policy, change, policy
from vsaas.approvals.replies import APPROVAL, POLICY, ApprovalPage, ApprovalPolicyReply, ApprovalReply
from vsaas.common.api import ApiView, session_id
from vsaas.common.describe import describe, query
from vsaas.common.errors import InvalidField, TooMany
from vsaas.common.fields import Fields, valid
from vsaas.common.shapes import page_example

WAITING = "waiting"


class ApprovalReading(ApiView):
    """What the routes of one request share."""

    def row(self, request_id: UUID) -> ApprovalRequest:
        """A request the caller may decide or has made; NotFound for any other."""
        return requests.one(self.actor, request_id)

    def answer(self, request_id: UUID) -> Response:
        """The request as it is now."""
        return Response(shown.as_json(self.actor, self.row(request_id)))


class Approvals(ApiView):
    """GET: what waits for a second person, or did lately."""

    access = Requires(ACCOUNT_SELF)
    tag = "Approvals"

    @describe(
        "List requests for approval",
        reply=ApprovalPage,
        example=page_example(APPROVAL),
        query=(
            query(
                "state",
                "`waiting`: only what waits for your own decision, the oldest first.",
                schema={"type": "string", "enum": [WAITING]},
            ),
        ),
    )
    def get(self, request: Request) -> Response:
        """Those you may decide, and your own: the newest first, of the last seven days, 50 at most."""
        state = request.query_params.get("state")
        if state not in (None, WAITING):
            raise InvalidField("state", f"ask for {WAITING}, or leave it out")
        rows = requests.waiting_list(self.actor) if state else requests.visible(self.actor)
        items = [shown.as_json(self.actor, row) for row in rows[: shown.SHOWN_MOST]]
        return Response({"items": items, "next": None})


class Approval(ApprovalReading):
    """GET: one request."""

    access = Requires(ACCOUNT_SELF)
    tag = "Approvals"

    @describe("Get a request for approval", reply=ApprovalReply, example=APPROVAL)
    def get(self, request: Request, request_id: UUID) -> Response:
        """One you may decide, or your own."""
        return self.answer(request_id)


class ApprovalFields(Fields):
    """A fresh factor, and what was seen."""

    code = serializers.CharField(
        max_length=FACTOR_CHARS_MAX,
        help_text="A code of your authenticator app, unused, one of your recovery codes, or a passkey's answer as JSON.",
    )
    digest = serializers.RegexField(
        r"\A[0-9a-f]{64}\Z", help_text="The request's `digest`, as you were shown it."
    )


class ApprovalGiven(ApprovalReading):
    """POST: approves a request."""

    access = Requires(ACCOUNT_SELF)
    tag = "Approvals"
    keeps_answers = False  # nothing of a request that holds a code is kept

    @describe(
        "Approve a request",
        request=ApprovalFields,
        request_example={"code": "492039", "digest": APPROVAL["digest"]},
        reply=ApprovalReply,
        example=APPROVAL
        | {"state": "approved", "decided_by": "Alice", "decided_us": 1764065000000000}
        | {"may": {"decide": False, "withdraw": True}},
        problems=(Decided, RequestExpired, Altered, OwnRequest, FreshFactorNeeded, TooMany, NobodyToApprove),
    )
    def post(self, request: Request, request_id: UUID) -> Response:
        """Takes a fresh code and the digest you were shown. An approved sign-in lets its session in when that asks next;
        anything else is done at once, with the requester's rights as they are now."""
        fields = valid(ApprovalFields(data=request.data))
        row = self.row(request_id)
        account = get_user_model().objects.get(pk=self.actor.account_id)
        requests.approve(
            request._request,
            self.actor.account_id,
            row,
            seen=fields["digest"],
            fresh=lambda: accounts().check_factor(
                request._request, account, fields["code"], bytes(row.digest)
            ),
        )
        return self.answer(request_id)


class ApprovalRefused(ApprovalReading):
    """POST: refuses a request."""

    access = Requires(ACCOUNT_SELF)
    tag = "Approvals"

    @describe(
        "Refuse a request",
        reply=ApprovalReply,
        example=APPROVAL
        | {"state": "refused", "decided_by": "Alice", "decided_us": 1764065000000000}
        | {"may": {"decide": False, "withdraw": False}},
        problems=(Decided, RequestExpired, OwnRequest),
    )
    def post(self, request: Request, request_id: UUID) -> Response:
        """Takes no code: a no opens nothing."""
        requests.refuse(request._request, self.actor.account_id, self.row(request_id))
        return self.answer(request_id)


class ApprovalWithdrawn(ApprovalReading):
    """POST: withdraws a request, or an approval."""

    access = Requires(ACCOUNT_SELF)
    tag = "Approvals"

    @describe(
        "Withdraw a request or an approval",
        reply=ApprovalReply,
        example=APPROVAL | {"state": "withdrawn", "may": {"decide": False, "withdraw": False}},
        problems=(Decided,),
    )
    def post(self, request: Request, request_id: UUID) -> Response:
        """Your own request that waits; or the approval of a sign-in, by whoever may give one: its session has no right any
        more from then on, and live views end within five seconds."""
        requests.withdraw(request._request, self.actor, self.row(request_id))
        return self.answer(request_id)


class ApprovalPolicyFields(Fields):
    """Changes of the policy: what is absent stays."""

    roles = serializers.ListField(child=serializers.CharField(max_length=40), required=False, max_length=1000)
    roles_need_second = serializers.BooleanField(required=False)
    sign_in_holds_s = serializers.IntegerField(
        required=False, min_value=HOLDS_S_LEAST, max_value=HOLDS_S_MOST
    )


class ApprovalPolicyView(ApiView):
    """GET: what the organisation demands a second person for. PATCH: changes it."""

    access = Requires(PEOPLE_EDIT, fresh=True)
    tag = "Approvals"

    @describe("Get the policy of approvals", reply=ApprovalPolicyReply, example=POLICY)
    def get(self, request: Request) -> Response:
        """Which roles need approval to sign in, how long it lasts, and whether changes of roles need a second person."""
        access.require(self.actor, PEOPLE_EDIT, Tenant.objects.get())
        return Response(_policy_json())

    @describe(
        "Change the policy of approvals",
        request=ApprovalPolicyFields,
        request_example={"roles": ["operator"]},
        reply=ApprovalPolicyReply,
        example=POLICY,
        problems=(InvalidPolicy, NobodyToApprove, TooManyWaiting),
    )
    def patch(self, request: Request) -> Response:
        """What is absent stays. Sessions of people who need approval from now on wait for it at once. Where changes of roles
        need a second person, making the policy weaker does too: nothing changes then, and `waiting` names the request."""
        fields = valid(ApprovalPolicyFields(data=request.data))
        now = policy()
        wanted = Policy(
            frozenset(fields.get("roles", now.needing)),
            fields.get("roles_need_second", now.roles_need_second),
            fields.get("sign_in_holds_s", now.sign_in_holds_s),
        )
        made: Any = change(request._request, self.actor, wanted, session_id=session_id(request._request))
        return Response(_policy_json() | {"waiting": None if made is None else str(made.pk)})


def _policy_json() -> dict[str, Any]:
    now = policy()
    return {
        "roles": sorted(now.needing),
        "roles_need_second": now.roles_need_second,
        "sign_in_holds_s": now.sign_in_holds_s,
        "waiting": None,
    }
