"""One's passkeys in the REST API. A browser makes them on the page alone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from pydantic import BaseModel
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.declare import Requires
from tenants.permissions import ACCOUNT_SELF
from vsaas.accounts import passkeys
from vsaas.accounts.models import Account, Passkey
from vsaas.accounts.own_api import ConfirmFields, confirmed
from vsaas.approvals.errors import FreshFactorNeeded
from vsaas.common import clock
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.errors import NotFound, TooMany
from vsaas.common.fields import Fields, valid
from vsaas.common.shapes import Id, Micros, Next, page_example


class PasskeyReply(BaseModel):
    """A passkey of one's own."""

    id: Id
    name: str
    created_us: Micros
    last_used_us: Micros | None


class PasskeyPage(BaseModel):
    """Passkeys, the oldest first."""

    items: list[PasskeyReply]
    next: Next


PASSKEY: dict[str, Any] = {
    "id": "019ac10b-2c3d-7e4f-8051-62738495a6b7",
    "name": "Laptop",
    "created_us": 1764064980000000,
    "last_used_us": None,
}


class PasskeyFields(Fields):
    """What it is called."""

    name = serializers.CharField(max_length=passkeys.NAME_CHARS_MAX)


def passkey_json(passkey: Passkey) -> dict[str, Any]:
    """A passkey as the API tells it: nothing of its keys."""
    used = passkey.last_used_at
    return {
        "id": str(passkey.pk),
        "name": passkey.name,
        "created_us": clock.to_us(passkey.created_at),
        "last_used_us": None if used is None else clock.to_us(used),
    }


class Passkeys(ApiView):
    """GET: one's own."""

    access = Requires(ACCOUNT_SELF)
    tag = "Your account"

    @describe("List your passkeys", reply=PasskeyPage, example=page_example(PASSKEY))
    def get(self, request: Request) -> Response:
        """The oldest first. One is added on the page My account, by the browser that makes it."""
        account = Account.objects.get(pk=self.actor.account_id)
        return Response({"items": [passkey_json(one) for one in passkeys.of(account)], "next": None})


class OnePasskey(ApiView):
    """PATCH: renames one of one's own."""

    access = Requires(ACCOUNT_SELF)
    tag = "Your account"

    @describe(
        "Rename a passkey",
        request=PasskeyFields,
        request_example={"name": "Key ring"},
        reply=PasskeyReply,
        example=PASSKEY | {"name": "Key ring"},
    )
    def patch(self, request: Request, passkey_id: UUID) -> Response:
        """One of your own."""
        account, passkey = _own(self.actor.account_id, passkey_id)
        fields = valid(PasskeyFields(data=request.data))
        passkeys.rename(request._request, account, passkey, fields["name"])
        return Response(passkey_json(passkey))


class PasskeyRemovalReply(BaseModel):
    """What ended with it."""

    sessions_ended: int


class PasskeyRemoval(ApiView):
    """POST: removes one of one's own."""

    access = Requires(ACCOUNT_SELF)
    tag = "Your account"
    keeps_answers = False  # nothing of a request that holds a password is kept

    @describe(
        "Remove a passkey",
        request=ConfirmFields,
        request_example={"password": "the one you have", "code": "492039"},
        reply=PasskeyRemovalReply,
        example={"sessions_ended": 1},
        problems=(passkeys.LastFactor, FreshFactorNeeded, TooMany),
    )
    def post(self, request: Request, passkey_id: UUID) -> Response:
        """Takes your password and a second factor. All your other sessions end."""
        account, passkey = _own(self.actor.account_id, passkey_id)
        given = confirmed(request._request, account, valid(ConfirmFields(data=request.data)))
        count = passkeys.remove(request._request, account, passkey, given)
        return Response({"sessions_ended": count})


def _own(account_id: UUID, passkey_id: UUID) -> tuple[Account, Passkey]:
    account = Account.objects.get(pk=account_id)
    passkey = passkeys.of(account).filter(pk=passkey_id).first()
    if passkey is None:
        raise NotFound(_("you have no such passkey; it was removed already"))
    return account, passkey
