"""The sign-in rules in the REST API."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import access
from tenants.declare import Requires
from tenants.models import Tenant
from tenants.permissions import PEOPLE_EDIT, TENANT_EDIT
from vsaas.accounts import rules
from vsaas.accounts.roles import KEY_CHARS_MAX
from vsaas.approvals.errors import TooManyWaiting
from vsaas.common.api import ApiView, session_id
from vsaas.common.describe import describe
from vsaas.common.fields import Fields, valid
from vsaas.common.shapes import Id

FactorKind = str


def _kind() -> serializers.CharField:
    """The name of a kind of factor; which there are here, the rules know."""
    words = "`app`, `passkey`, `email-code` where there is mail, or a plug-in's name."
    return serializers.CharField(max_length=40, help_text=words)


class RoleRulesReply(BaseModel):
    """What a role says; null: as for everybody."""

    kinds: list[FactorKind] | None
    passwordless: bool | None
    remember_days: int | None


class SignInRulesReply(BaseModel):
    """How people sign in."""

    kinds: list[FactorKind] = Field(description="Second factors that are accepted, beside recovery codes.")
    passwordless: bool = Field(description="Whether a passkey is enough, without the password.")
    remember_days: int = Field(description="For how long a browser need not give a factor again; 0: never.")
    code_minutes: int = Field(description="For how many minutes a code that is sent is good.")
    roles: dict[str, RoleRulesReply] = Field(
        description="By key, those that say otherwise. Who has several is under the strictest of each."
    )
    without_factor: list[str] = Field(description="Names of people who have no factor that is accepted.")
    waiting: Id | None = Field(
        description="The request that must be approved before the change is made; null: it is made."
    )


EXAMPLE: dict[str, Any] = {
    "kinds": ["app", "passkey"],
    "passwordless": False,
    "remember_days": 7,
    "code_minutes": 5,
    "roles": {"owner": {"kinds": ["passkey"], "passwordless": None, "remember_days": 0}},
    "without_factor": [],
    "waiting": None,
}


class RoleRulesFields(Fields):
    """What a role says; null or absent: as for everybody."""

    kinds = serializers.ListField(child=_kind(), required=False, allow_null=True, max_length=8)
    passwordless = serializers.BooleanField(required=False, allow_null=True)
    remember_days = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=rules.REMEMBER_DAYS_MOST
    )


class SignInRulesFields(Fields):
    """Changes of the rules: what is absent stays; `roles` replaces what all roles say."""

    kinds = serializers.ListField(child=_kind(), required=False, min_length=1, max_length=8)
    passwordless = serializers.BooleanField(required=False)
    remember_days = serializers.IntegerField(required=False, min_value=0, max_value=rules.REMEMBER_DAYS_MOST)
    code_minutes = serializers.IntegerField(
        required=False, min_value=rules.CODE_MINUTES_LEAST, max_value=rules.CODE_MINUTES_MOST
    )
    roles = serializers.DictField(child=RoleRulesFields(), required=False)

    def validate_roles(self, value: dict[str, Any]) -> dict[str, Any]:
        """Keys are short."""
        if any(len(key) > KEY_CHARS_MAX for key in value):
            raise serializers.ValidationError("too long for the key of a role")
        return value


class SignInRulesView(ApiView):
    """GET: how people sign in. PATCH: changes it."""

    access = Requires(TENANT_EDIT, PEOPLE_EDIT, fresh=True)
    tag = "Organisation"

    @describe("Get the sign-in rules", reply=SignInRulesReply, example=EXAMPLE)
    def get(self, request: Request) -> Response:
        """Takes the right for every site."""
        access.require(self.actor, TENANT_EDIT, Tenant.objects.get())
        return Response(_json())

    @describe(
        "Change the sign-in rules",
        request=SignInRulesFields,
        request_example={"remember_days": 7},
        reply=SignInRulesReply,
        example=EXAMPLE,
        problems=(rules.InvalidRules, rules.LocksOutAll, TooManyWaiting),
    )
    def patch(self, request: Request) -> Response:
        """What is absent stays; never by token. They hold from the next sign-in on. Refused where you, or every owner, could
        not sign in any more. Where changes of roles need a second person, making the rules weaker does too: nothing changes
        then, and `waiting` names the request."""
        fields = valid(SignInRulesFields(data=request.data))
        wanted = rules.from_json(rules.as_json(rules.sign_in_rules()) | fields)
        made: Any = rules.change(
            request._request, self.actor, wanted, session_id=session_id(request._request)
        )
        return Response(_json() | {"waiting": None if made is None else str(made.pk)})


def _json() -> dict[str, Any]:
    now = rules.sign_in_rules()
    names = rules.names_of(rules.without_factor(now))
    return {**rules.as_json(now), "without_factor": names, "waiting": None}
