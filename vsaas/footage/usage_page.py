"""The page of what is stored: by camera, by day, the forecast, and the policy of what is kept."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from tenants import access
from tenants.declare import requires
from tenants.middleware import signed_in
from tenants.models import Tenant
from tenants.permissions import TENANT_EDIT, USAGE_VIEW
from vsaas.audit.services import who
from vsaas.cameras.models import RETENTION_DAYS_MAX
from vsaas.common import clock
from vsaas.common.links import tenant_url
from vsaas.common.sizes import size_text
from vsaas.footage.policy import Policy, policy, set_policy, would_delete_bytes
from vsaas.footage.usage import usage

GB = 1_000_000_000
CHART_HEIGHT, BAR_WIDTH, BAR_STEP = 120, 14, 20


class PolicyForm(forms.Form):
    """How long and how much is kept. What would be deleted by it is asked for in words first."""

    retention_days = forms.IntegerField(
        label=_("Keep recordings for (days)"),
        min_value=1,
        max_value=RETENTION_DAYS_MAX,
        help_text=_("Cameras may have a time of their own, in their settings."),
    )
    quota_gb = forms.DecimalField(
        label=_("Keep at most (GB)"),
        required=False,
        min_value=1,
        max_value=1_000_000_000,
        decimal_places=1,
        help_text=_("When more is stored, the oldest recordings go first. Empty: no limit."),
    )
    confirm_deletion = forms.BooleanField(label=_("Delete what is beyond it"), required=False)

    def __init__(self, data: Any = None, *, now: Policy) -> None:
        quota = None if now.quota_bytes is None else f"{now.quota_bytes / GB:.1f}".removesuffix(".0")
        super().__init__(data, initial={"retention_days": now.retention_days, "quota_gb": quota})
        self.asks_to_confirm = False

    def wanted(self) -> Policy:
        """What was typed, once it is valid."""
        quota = self.cleaned_data["quota_gb"]
        return Policy(self.cleaned_data["retention_days"], None if quota is None else int(quota * GB))

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return data
        gone = would_delete_bytes(self.wanted())
        if gone:
            self.asks_to_confirm = True
            if not data.get("confirm_deletion"):
                self.add_error(
                    "confirm_deletion",
                    _(
                        "%(size)s of recordings would be deleted within minutes, for good. "
                        "Tick this if that is what you want."
                    )
                    % {"size": size_text(gone)},
                )
        return data


@requires(USAGE_VIEW, TENANT_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def usage_page(request: HttpRequest) -> HttpResponse:
    """Storage by camera and day, where it leads, and for owners the policy."""
    actor = signed_in(request)
    form = None
    tenant = Tenant.objects.get(id=actor.tenant_id)
    if request.method == "POST":
        access.require(actor, TENANT_EDIT, tenant)
        form = PolicyForm(request.POST, now=policy())
        if form.is_valid():
            set_policy(form.wanted(), who(actor))
            return HttpResponseRedirect(tenant_url(request, "usage") + "?done=changed")
    told = usage(actor)
    if form is None and told["may"]["edit"]:
        form = PolicyForm(now=policy())
    context = {
        "usage": told,
        "form": form,
        "done": request.GET.get("done") == "changed",
        "cameras": [_camera_row(row, told["total_bytes"]) for row in told["cameras"]],
        "too_early": any(row["bytes_per_day"] is None for row in told["cameras"]),
        "full_in_days": _whole_days(told["forecast"]),
        "chart": _chart(told["days"]),
        "quota_percent": _percent(told["total_bytes"], told["quota_bytes"]),
    }
    status = 422 if form is not None and form.is_bound else 200
    return render(request, "footage/usage.html", context, status=status)


def _whole_days(forecast: dict[str, Any] | None) -> int | None:
    """In how many days the quota is reached, 1 at least; None: it is reached, never will be, or is not told."""
    days = None if forecast is None else forecast["full_in_days"]
    return None if not days else max(1, round(days))


def _percent(part: int, whole: int | None) -> int | None:
    return None if not whole else min(100, round(100 * part / whole))


def _camera_row(row: dict[str, Any], total: int) -> dict[str, Any]:
    reach_us = 0 if row["from_us"] is None else row["to_us"] - row["from_us"]
    return {
        **row,
        "percent": _percent(row["bytes"], total) or 0,
        "from": None if row["from_us"] is None else clock.from_us(row["from_us"]),
        "reach_days": reach_us / 86_400_000_000,
    }


def _chart(days: list[dict[str, Any]]) -> dict[str, Any]:
    """Bars of an SVG picture: their places in user units."""
    most = max((day["bytes"] for day in days), default=0)
    bars = []
    for number, day in enumerate(days):
        height = 0 if not most else max(2 if day["bytes"] else 0, round(CHART_HEIGHT * day["bytes"] / most))
        bars.append({**day, "x": number * BAR_STEP, "y": CHART_HEIGHT - height, "height": height})
    return {
        "bars": bars,
        "width": len(days) * BAR_STEP - (BAR_STEP - BAR_WIDTH),
        "height": CHART_HEIGHT,
        "bar": BAR_WIDTH,
        "most": most,
    }
