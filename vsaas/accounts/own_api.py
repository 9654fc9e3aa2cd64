"""What changes one's own account for good, in the REST API: another e-mail address, and its end. Password and second factor
come along with the request, as on the pages."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from pydantic import BaseModel, Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.declare import Requires
from tenants.permissions import ACCOUNT_SELF
from vsaas.accounts import address, closing, people, signin
from vsaas.accounts.models import Account
from vsaas.accounts.passwords import MAX_CHARS
from vsaas.approvals.errors import FreshFactorNeeded, NobodyToApprove
from vsaas.approvals.forms import FACTOR_CHARS_MAX
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.errors import InvalidField, NotFound, TooMany
from vsaas.common.fields import Fields, valid
from vsaas.mail import outbox


class ConfirmFields(Fields):
    """Who has both is no thief of a session."""

    password = serializers.CharField(max_length=MAX_CHARS, trim_whitespace=False)
    code = serializers.CharField(
        max_length=FACTOR_CHARS_MAX,
        help_text="A code of your authenticator app, unused, one of your recovery codes, or a passkey's answer as JSON.",
    )


class EmailFields(ConfirmFields):
    """The address to come."""

    email = serializers.EmailField(max_length=254)


class EmailAsked(BaseModel):
    """A link is on its way."""

    email: str = Field(description="Where it goes. The address of your account changes when it is opened.")


def confirmed(request: HttpRequest, account: Account, fields: dict[str, Any]) -> Any:
    """The factor that was given beside the right password. The password is looked at first: a code works once, and must not be
    spent beside a wrong password. Raises InvalidField, FreshFactorNeeded, TooMany."""
    if not signin.check_own_password(request, account, fields["password"]):
        raise InvalidField("password", _("this is not your password"))
    given = signin.check_factor(request, account, fields["code"], sent=True)
    if given is None:
        raise FreshFactorNeeded()
    return given


class OwnEmail(ApiView):
    """POST: asks for another address."""

    access = Requires(ACCOUNT_SELF)
    tag = "Your account"
    keeps_answers = False  # nothing of a request that holds a password is kept

    @describe(
        "Change your e-mail address",
        request=EmailFields,
        request_example={"email": "alice@example.net", "password": "the one you have", "code": "492039"},
        reply=EmailAsked,
        example={"email": "alice@example.net"},
        status=202,
        problems=(FreshFactorNeeded, TooMany),
    )
    def post(self, request: Request) -> Response:
        """Takes your password and a second factor, and sends a link to the new address; whether somebody has it already, only
        that address is told. The old one is told of the change, and can take it back for seven days."""
        if not outbox.is_there():
            raise NotFound(_("this system sends no mail, so a new address cannot be confirmed"))
        fields = valid(EmailFields(data=request.data))
        account = Account.objects.get(pk=self.actor.account_id)
        confirmed(request._request, account, fields)
        address.ask(request._request, account, fields["email"])
        return Response({"email": fields["email"]}, status=202)


class OwnClosure(ApiView):
    """POST: closes one's account."""

    access = Requires(ACCOUNT_SELF)
    tag = "Your account"
    keeps_answers = False  # nothing of a request that holds a password is kept

    @describe(
        "Close your account",
        request=ConfirmFields,
        request_example={"password": "the one you have", "code": "492039"},
        status=204,
        problems=(FreshFactorNeeded, TooMany, people.LastOwner, NobodyToApprove),
    )
    def post(self, request: Request) -> Response:
        """Takes your password and a second factor. Sessions, factors, access tokens and open links end with it; recordings and the
        audit log stay. The last owner cannot."""
        fields = valid(ConfirmFields(data=request.data))
        account = Account.objects.get(pk=self.actor.account_id)
        confirmed(request._request, account, fields)
        closing.close(request._request, account)
        return Response(status=204)
