"""Storage in the browser API: what is used, and the policy of what is kept."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import access
from tenants.declare import Requires
from tenants.models import Tenant
from tenants.permissions import TENANT_EDIT, USAGE_VIEW
from vsaas.audit.services import who
from vsaas.cameras.models import RETENTION_DAYS_MAX
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.fields import Fields, valid
from vsaas.footage.policy import QUOTA_BYTES_MAX, InvalidPolicy, Policy, policy, set_policy
from vsaas.footage.usage import usage
from vsaas.footage.usage_replies import POLICY, USAGE, PolicyReply, UsageReply


class Usage(ApiView):
    """GET: storage by camera and day, quota and forecast (docs/architecture.md)."""

    access = Requires(USAGE_VIEW)
    tag = "Storage"

    @describe("Get how much is stored", reply=UsageReply, example=USAGE)
    def get(self, request: Request) -> Response:
        """Of the cameras whose storage you may see, the largest first, and by day; quota and forecast for who may see all."""
        return Response(usage(self.actor))


class PolicyFields(Fields):
    """Changes of the policy: what is absent stays; `quota_bytes` null: no quota."""

    retention_days = serializers.IntegerField(min_value=1, max_value=RETENTION_DAYS_MAX, required=False)
    quota_bytes = serializers.IntegerField(
        min_value=1, max_value=QUOTA_BYTES_MAX, required=False, allow_null=True
    )


class PolicyView(ApiView):
    """GET: how long and how much is kept. PATCH: changes it; a shorter time or a smaller quota deletes what is beyond it
    at the next sweep, within minutes. Both are about the organisation as a whole."""

    access = Requires(USAGE_VIEW, TENANT_EDIT)
    tag = "Storage"

    @describe("Get the policy", reply=PolicyReply, example=POLICY)
    def get(self, request: Request) -> Response:
        """How long and how much of the organisation's footage is kept. Takes the right for every site."""
        self._whole(USAGE_VIEW)
        return _policy_response()

    @describe(
        "Change the policy",
        request=PolicyFields,
        request_example={"retention_days": 60},
        reply=PolicyReply,
        example=POLICY | {"retention_days": 60},
        problems=(InvalidPolicy,),
    )
    def patch(self, request: Request) -> Response:
        """A shorter time or a smaller quota deletes what is beyond it within minutes, for good. Takes the right for every
        site. What is absent stays."""
        self._whole(TENANT_EDIT)
        fields = valid(PolicyFields(data=request.data))
        now = policy()
        new = Policy(
            fields.get("retention_days", now.retention_days), fields.get("quota_bytes", now.quota_bytes)
        )
        set_policy(new, who(self.actor))
        return _policy_response()

    def _whole(self, permission: Any) -> None:
        access.require(self.actor, permission, Tenant.objects.get(id=self.actor.tenant_id))


def _policy_response() -> Response:
    now = policy()
    return Response({"retention_days": now.retention_days, "quota_bytes": now.quota_bytes})
