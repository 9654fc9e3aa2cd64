"""Who calls: a program's first question, and its way to learn what its token still lends."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.access import Grant
from tenants.declare import Public
from vsaas.accounts.models import AccessToken, Account
from vsaas.common import clock
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.shapes import Id, Micros


class Organisation(BaseModel):
    """The caller's organisation."""

    id: Id
    slug: str
    name: str


class CallerAccount(BaseModel):
    """The person who calls, or whose token does."""

    id: Id
    name: str


class CallerToken(BaseModel):
    """The token the request came with."""

    id: Id
    name: str
    expires_us: Micros


class CallerRights(BaseModel):
    """What the caller may do at the moment, or (`denies`) may not: on one site, on the cameras of one group, on one camera,
    or (all null) everywhere. A denial wins over whatever else gives the same."""

    site: Id | None = Field(description="Id of the site.")
    group: str | None = Field(description="Name of a group of cameras.")
    camera: Id | None = Field(description="Id of the camera.")
    denies: bool
    permissions: list[str]


class CallerReply(BaseModel):
    """Who calls, and what they may."""

    organisation: Organisation
    account: CallerAccount
    token: CallerToken | None
    rights: list[CallerRights]


EXAMPLE = {
    "organisation": {"id": "019ac0ef-91d2-7a05-b3c4-5d6e7f8091a2", "slug": "acme", "name": "Acme"},
    "account": {"id": "019ac0f0-2b3c-7d4e-8f90-a1b2c3d4e5f6", "name": "Alice"},
    "token": {
        "id": "019ac101-3c4d-7e5f-8a9b-0c1d2e3f4a5b",
        "name": "Nightly report",
        "expires_us": 1771840990000000,
    },
    "rights": [
        {
            "site": None,
            "group": None,
            "camera": None,
            "denies": False,
            "permissions": ["camera:playback", "camera:view"],
        }
    ],
}


def place_json(grant: Grant) -> dict[str, Any]:
    """Where a grant of one's own holds, and whether it denies."""
    return {
        "site": None if grant.site_id is None else str(grant.site_id),
        "group": grant.group or None,
        "camera": None if grant.camera_id is None else str(grant.camera_id),
        "denies": grant.denies,
    }


class Caller(ApiView):
    """GET: the caller, told of themselves."""

    access = Public("tells callers of themselves alone, and strangers that they are none")
    for_any_caller = True
    tag = "Access tokens"

    @describe("Ask who you are", reply=CallerReply, example=EXAMPLE)
    def get(self, request: Request) -> Response:
        """Your organisation, and your rights as they are now: those of your token cut down to its owner's. Any token may
        ask."""
        actor = self.actor
        account = Account.objects.get(pk=actor.account_id)
        token = None if actor.token_id is None else AccessToken.objects.get(id=actor.token_id)
        tenant = request._request.tenant
        return Response(
            {
                "organisation": {"id": str(tenant.id), "slug": tenant.slug, "name": tenant.name},
                "account": {"id": str(account.id), "name": str(account)},
                "token": None
                if token is None
                else {"id": str(token.id), "name": token.name, "expires_us": clock.to_us(token.expires_at)},
                "rights": [
                    {
                        **place_json(grant),
                        "permissions": sorted(one.name for one in grant.role.permissions),
                    }
                    for grant in actor.grants
                ],
            }
        )
