"""Access tokens in the REST API. A token can neither see nor make nor revoke one: this takes a signed-in person."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from protocol.limits import LAST_US
from tenants import access
from tenants.declare import Requires
from tenants.permissions import ACCOUNT_SELF, permission, token_scopes
from vsaas.accounts import tokens
from vsaas.accounts.models import AccessToken
from vsaas.common import clock
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.fields import Fields, valid
from vsaas.common.paging import page_of
from vsaas.common.shapes import Id, Micros, Next, page_example


class TokenReply(BaseModel):
    """An access token, without itself."""

    id: Id
    name: str
    hint: str = Field(description="Its beginning.")
    state: Literal["holds", "expired", "revoked"]
    scopes: list[str] = Field(
        description="Names of permissions. It never lends more than its owner has at the moment."
    )
    site: Id | None = Field(description="Id of the one site it is limited to.")
    created_us: Micros
    expires_us: Micros
    revoked_us: Micros | None
    last_used_us: Micros | None = Field(description="To the minute.")
    last_used_network: str


class TokenPage(BaseModel):
    """Your tokens, the newest first; ended ones for 30 days."""

    items: list[TokenReply]
    next: Next


class TokenMade(TokenReply):
    """A new token. `token` is told in this reply and never again."""

    token: str = Field(pattern=r"^vsaas_pat_[0-9A-Za-z]{49}$")


class NewTokenFields(Fields):
    """What the token lends, and for how long."""

    name = serializers.CharField(max_length=tokens.NAME_CHARS_MAX)
    scopes = serializers.ListField(
        child=serializers.ChoiceField([one.name for one in token_scopes()]),
        min_length=1,
        help_text="Names of permissions you hold.",
    )
    site = serializers.UUIDField(
        required=False, allow_null=True, help_text="Limit it to one site; absent: every site you have."
    )
    expires_us = serializers.IntegerField(
        min_value=0,
        max_value=LAST_US,
        help_text="When it ends: within 365 days, microseconds since 1970, UTC.",
    )


EXAMPLE = {
    "id": "019ac101-3c4d-7e5f-8a9b-0c1d2e3f4a5b",
    "name": "Nightly report",
    "hint": "vsaas_pat_7Gq2",
    "state": "holds",
    "scopes": ["camera:view", "camera:playback"],
    "site": None,
    "created_us": 1764064990000000,
    "expires_us": 1771840990000000,
    "revoked_us": None,
    "last_used_us": None,
    "last_used_network": "",
}


class Tokens(ApiView):
    """GET: the caller's own tokens; POST: a new one."""

    access = Requires(ACCOUNT_SELF, fresh=True)
    tag = "Access tokens"

    @describe("List your access tokens", reply=TokenPage, example=page_example(EXAMPLE), paged=True)
    def get(self, request: Request) -> Response:
        """Your own, the newest first; those that ended are listed for 30 days more."""
        page = page_of(request, tokens.own_tokens(self.actor), order=("-created_at", "-id"))
        return Response(page.json([token_json(token) for token in page.rows]))

    @describe(
        "Make an access token",
        request=NewTokenFields,
        request_example={
            "name": "Nightly report",
            "scopes": ["camera:view", "camera:playback"],
            "expires_us": 1771840990000000,
        },
        reply=TokenMade,
        example=EXAMPLE | {"token": "vsaas_pat_7Gq2mB8oQk3dJtYw6h1nRzLs9eGf4uXc7aTi5jKbM0P2sV4xY"},
        status=201,
        problems=(tokens.TooManyTokens,),
    )
    def post(self, request: Request) -> Response:
        """The token stands in this reply and is kept nowhere: only its hash is."""
        asked = valid(NewTokenFields(data=request.data))
        new = tokens.NewToken(
            asked["name"],
            frozenset(permission(name) for name in asked["scopes"]),
            clock.from_us(asked["expires_us"]),
            asked.get("site"),
        )
        token, text = tokens.issue(self.actor, new, request=request._request)
        return Response(token_json(token) | {"token": text}, status=201)


class Token(ApiView):
    """GET: one of the caller's own tokens."""

    access = Requires(ACCOUNT_SELF)
    tag = "Access tokens"

    @describe("Get an access token", reply=TokenReply, example=EXAMPLE)
    def get(self, request: Request, token_id: UUID) -> Response:
        """One of your own."""
        return Response(token_json(access.own(self.actor, AccessToken.objects.all(), id=token_id)))


class TokenRevocation(ApiView):
    """POST: ends one of the caller's own tokens."""

    access = Requires(ACCOUNT_SELF)
    tag = "Access tokens"

    @describe(
        "Revoke an access token",
        reply=TokenReply,
        example=EXAMPLE | {"state": "revoked", "revoked_us": 1764070000000000},
    )
    def post(self, request: Request, token_id: UUID) -> Response:
        """It opens nothing from now on. Doing it again changes nothing."""
        return Response(token_json(tokens.revoke(self.actor, token_id, request=request._request)))


def token_json(token: AccessToken) -> dict[str, Any]:
    """A token as the API tells it."""
    ended = "expired" if token.expires_at <= clock.now() else "holds"
    return {
        "id": str(token.id),
        "name": token.name,
        "hint": token.hint,
        "state": "revoked" if token.revoked_at is not None else ended,
        "scopes": token.scopes,
        "site": None if token.site_id is None else str(token.site_id),
        "created_us": clock.to_us(token.created_at),
        "expires_us": clock.to_us(token.expires_at),
        "revoked_us": None if token.revoked_at is None else clock.to_us(token.revoked_at),
        "last_used_us": None if token.last_used_at is None else clock.to_us(token.last_used_at),
        "last_used_network": token.last_used_network,
    }
