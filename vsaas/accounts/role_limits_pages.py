"""The page on which the sessions of a role's holders are limited, and the same for programs."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods
from pydantic import BaseModel, Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import access
from tenants.declare import Requires, requires
from tenants.middleware import signed_in
from tenants.models import Tenant
from tenants.permissions import PEOPLE_VIEW, ROLE_EDIT, Role
from vsaas.accounts import role_limits
from vsaas.accounts.limits import IDLE_LEAST_S, LIFETIME_LEAST_S, usual
from vsaas.accounts.people_pages import say
from vsaas.common.api import ApiView, session_id
from vsaas.common.describe import describe
from vsaas.common.errors import InvalidField
from vsaas.common.fields import Fields, valid
from vsaas.common.links import tenant_url
from vsaas.common.shapes import Id


class LimitsForm(forms.Form):
    """Minutes and hours; empty: the product's own."""

    idle_min = forms.IntegerField(
        label=gettext_lazy("Minutes without use after which a session ends"),
        required=False,
        min_value=IDLE_LEAST_S // 60,
        max_value=usual().idle_s // 60,
        help_text=gettext_lazy("Empty: 480, the most. An open page that keeps itself current counts as use."),
        widget=forms.NumberInput({"inputmode": "numeric"}),
    )
    lifetime_h = forms.FloatField(
        label=gettext_lazy("Hours after which a session ends in any case"),
        required=False,
        min_value=LIFETIME_LEAST_S / 3600,
        max_value=usual().lifetime_s / 3600,
        help_text=gettext_lazy("Empty: 168, the most."),
        widget=forms.NumberInput({"inputmode": "decimal", "step": "0.25"}),
    )

    @property
    def seconds(self) -> tuple[int | None, int | None]:
        """Idle and lifetime; of a valid form."""
        idle, lifetime = self.cleaned_data["idle_min"], self.cleaned_data["lifetime_h"]
        return None if idle is None else idle * 60, None if lifetime is None else round(lifetime * 3600)


def _initial(role: Role) -> dict[str, Any]:
    return {
        "idle_min": role.idle_s and role.idle_s // 60,
        "lifetime_h": role.lifetime_s and role_limits.hours(role.lifetime_s),
    }


@requires(ROLE_EDIT, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def role_sessions(request: HttpRequest, key: str) -> HttpResponse:
    """How long sessions of a role's holders live."""
    actor = signed_in(request)
    access.require(actor, ROLE_EDIT, Tenant.objects.get())
    role = role_limits.known_role(key)
    form = LimitsForm(request.POST if request.method == "POST" else None, initial=_initial(role))
    if form.is_bound and form.is_valid():
        waiting = role_limits.change(request, actor, key, *form.seconds, session_id=session_id(request))
        if waiting is None:
            say(request, _("Sessions of %(role)s are limited so now.") % {"role": role.title})
        else:
            say(request, _("This waits for a second person. Nothing has changed yet."))
        return HttpResponseRedirect(tenant_url(request, "roles"))
    context = {"role": role, "form": form}
    return render(request, "accounts/role_sessions.html", context, status=422 if form.is_bound else 200)


class LimitsFields(Fields):
    """Seconds; null: the product's own. What is absent stays."""

    idle_s = serializers.IntegerField(required=False, allow_null=True)
    lifetime_s = serializers.IntegerField(required=False, allow_null=True)


class LimitsReply(BaseModel):
    """How long sessions of a role's holders live; of several roles the strictest counts."""

    idle_s: int | None = Field(description="Seconds without a request; null: 28800, the product's own.")
    lifetime_s: int | None = Field(description="Seconds since signing in; null: 604800, the product's own.")
    waiting: Id | None = Field(description="The request for approval by which this would change.")


LIMITS = {"idle_s": 900, "lifetime_s": 43200, "waiting": None}


class RoleSessions(ApiView):
    """GET: how long sessions of a role's holders live. PATCH: changes that."""

    access = Requires(PEOPLE_VIEW, ROLE_EDIT, fresh=True)
    tag = "Roles"

    @describe("Get a role's limits of sessions", reply=LimitsReply, example=LIMITS)
    def get(self, request: Request, role_key: str) -> Response:
        """Null where the product's own hold."""
        access.require(self.actor, PEOPLE_VIEW, Tenant.objects.get())
        return self._answer(role_key, None)

    @describe(
        "Limit a role's sessions",
        request=LimitsFields,
        request_example={"idle_s": 900},
        reply=LimitsReply,
        example=LIMITS,
        problems=(InvalidField,),
    )
    def patch(self, request: Request, role_key: str) -> Response:
        """What is absent stays. Sessions that are over by the new limits end at once. Where changes of roles need a second
        person, longer times do too: nothing changes then, and `waiting` names the request."""
        fields = valid(LimitsFields(data=request.data))
        role = role_limits.known_role(role_key)
        made = role_limits.change(
            request._request,
            self.actor,
            role_key,
            fields.get("idle_s", role.idle_s),
            fields.get("lifetime_s", role.lifetime_s),
            session_id=session_id(request._request),
        )
        return self._answer(role_key, None if made is None else str(made.pk))

    def _answer(self, role_key: str, waiting: str | None) -> Response:
        role = role_limits.known_role(role_key)
        return Response({"idle_s": role.idle_s, "lifetime_s": role.lifetime_s, "waiting": waiting})
