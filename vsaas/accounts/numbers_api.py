"""One's telephone numbers for codes, in the REST API: `vsaas.accounts.numbers`."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from pydantic import BaseModel, Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.declare import Requires
from tenants.permissions import ACCOUNT_SELF
from vsaas.accounts import numbers, owing, passkeys, rules, sent_codes
from vsaas.accounts.models import Account
from vsaas.accounts.own_api import ConfirmFields, confirmed
from vsaas.accounts.people_api import CodeReply
from vsaas.approvals.errors import FreshFactorNeeded
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.errors import NotFound, TooMany
from vsaas.common.fields import Fields, valid
from vsaas.common.shapes import Next, page_example


class NumberReply(BaseModel):
    """A way by which codes can be sent to a telephone number of one's own."""

    kind: str = Field(description="As the sign-in rules name it.")
    title: str
    number: str | None = Field(description="The ends of the number set up; null: none is.")


class NumberPage(BaseModel):
    """Those the sign-in rules accept, and those set up."""

    items: list[NumberReply]
    next: Next


NUMBER: dict[str, Any] = {"kind": "sms", "title": "Text message", "number": "+49 … 56"}


class NumberFields(ConfirmFields):
    """Password and a factor one has, and the number."""

    number = serializers.CharField(max_length=40, help_text="With the code of its country.")


class NumberCodeFields(Fields):
    """What came back."""

    code = serializers.CharField(max_length=10, help_text="The code that was sent to the number.")


class NumberView(ApiView):
    """What the routes of numbers share."""

    access = Requires(ACCOUNT_SELF)
    tag = "Your account"
    keeps_answers = False  # nothing of a request that holds a password or a code is kept

    def account(self) -> Account:
        """One's own."""
        return Account.objects.get(pk=self.actor.account_id)

    def answer(self, account: Account, kind: str) -> Response:
        """How it stands with one way now."""
        row = numbers.of(account, kind)
        number = None if row is None else sent_codes.masked(row.number)
        return Response({"kind": kind, "title": str(numbers.plugin_of(kind).title), "number": number})


class Numbers(NumberView):
    """GET: one's own."""

    @describe("List your telephone numbers for codes", reply=NumberPage, example=page_example(NUMBER))
    def get(self, request: Request) -> Response:
        """The ways by which codes can be sent to a number; none where the installation has no plug-in for it."""
        rows = [one | {"title": str(one["title"]), "number": one["number"] or None}
                for one in numbers.offered(self.account())]  # fmt: skip
        return Response({"items": rows, "next": None})


class Number(NumberView):
    """POST: has a code sent to a number that is to be set up."""

    @describe(
        "Set up a telephone number for codes",
        request=NumberFields,
        request_example={"password": "the one you have", "code": "492039", "number": "+49 30 123456"},
        reply=CodeReply,
        example={"kind": "sms", "to": "+49 … 56", "good_minutes": 5},
        problems=(FreshFactorNeeded, TooMany),
    )
    def post(self, request: Request, kind: str) -> Response:
        """Takes your password and a second factor. The number counts once you send back the code that is sent to it."""
        fields, account = valid(NumberFields(data=request.data)), self.account()
        numbers.plugin_of(kind)
        if kind not in rules.rules_of(account).kinds:
            raise NotFound(_("your sign-in rules do not accept codes that are sent that way"))
        confirmed(request._request, account, fields)
        numbers.begin(request._request, account, kind, fields["number"])
        pending = numbers.pending(request._request, account, kind)
        to = "" if pending is None else sent_codes.masked(pending.number)
        return Response({"kind": kind, "to": to, "good_minutes": sent_codes.minutes()})


class NumberConfirmation(NumberView):
    """POST: the code came back."""

    @describe(
        "Confirm a telephone number",
        request=NumberCodeFields,
        request_example={"code": "492039"},
        reply=NumberReply,
        example=NUMBER,
        problems=(FreshFactorNeeded, TooMany),
    )
    def post(self, request: Request, kind: str) -> Response:
        """In the session that set it up. All your other sessions end."""
        fields, account = valid(NumberCodeFields(data=request.data)), self.account()
        numbers.plugin_of(kind)
        pending = numbers.pending(request._request, account, kind)
        if pending is None:
            raise NotFound(_("no number waits for its code here; set one up first"))
        if not numbers.confirm(request._request, account, pending, fields["code"]):
            raise FreshFactorNeeded()
        owing.note(request._request, account)
        return self.answer(account, kind)


class NumberRemoval(NumberView):
    """POST: removes it."""

    @describe(
        "Remove a telephone number",
        request=ConfirmFields,
        request_example={"password": "the one you have", "code": "492039"},
        reply=NumberReply,
        example=NUMBER | {"number": None},
        problems=(passkeys.LastFactor, FreshFactorNeeded, TooMany),
    )
    def post(self, request: Request, kind: str) -> Response:
        """Takes your password and a second factor. All your other sessions end."""
        fields, account = valid(ConfirmFields(data=request.data)), self.account()
        row = numbers.of(account, kind)
        if row is None:
            raise NotFound(_("you have no such number; it was removed already"))
        given = confirmed(request._request, account, fields)
        numbers.remove(request._request, account, row, given)
        return self.answer(account, kind)
