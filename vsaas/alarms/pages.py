"""The page of alarms: what is silent now, what was, and what one is told by mail."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from tenants.access import Actor
from tenants.declare import requires
from tenants.middleware import signed_in
from tenants.models import Site
from tenants.permissions import AGENT_VIEW
from vsaas.alarms.choosing import change, sites_to_choose
from vsaas.alarms.models import Alarm
from vsaas.alarms.shown import shown
from vsaas.alarms.tabs import tabs
from vsaas.alarms.telling import Wish, open_to, wish_of
from vsaas.common.links import tenant_url
from vsaas.mail import outbox

PAST_ROWS = 50
SAID = "alarms_said"


class WishForm(forms.Form):
    """What one is told by mail."""

    by_mail = forms.BooleanField(required=False)
    all_sites = forms.TypedChoiceField(
        choices=(("yes", ""), ("no", "")), coerce=lambda value: value == "yes", initial="yes"
    )
    sites = forms.MultipleChoiceField(required=False)

    def __init__(self, data: object, sites: list[Site]) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        self.fields["sites"].choices = [(str(site.id), site.name) for site in sites]  # type: ignore[attr-defined]

    def clean(self) -> None:
        """Which sites, where it is not all."""
        chosen = self.cleaned_data
        if chosen.get("by_mail") and chosen.get("all_sites") is False and not chosen.get("sites"):
            self.add_error("sites", _("Choose a site, or all of them."))

    def wish(self) -> Wish:
        """What was typed."""
        everywhere = self.cleaned_data["all_sites"]
        return Wish(
            self.cleaned_data["by_mail"], None if everywhere else frozenset(self.cleaned_data["sites"])
        )


@requires(AGENT_VIEW)
@require_safe
def alarms(request: HttpRequest) -> HttpResponse:
    """What is silent now before what was, the newest first."""
    return _page(request, signed_in(request))


@requires(AGENT_VIEW)
@require_POST
def alarms_told(request: HttpRequest) -> HttpResponse:
    """Keeps what the person is told by mail."""
    actor = signed_in(request)
    form = WishForm(request.POST, sites_to_choose(actor))
    if not form.is_valid():
        return _page(request, actor, form, 422)
    change(request, actor, form.wish())
    request.session[SAID] = True
    return HttpResponseRedirect(tenant_url(request, "alarms"))


def _page(
    request: HttpRequest, actor: Actor, form: WishForm | None = None, status: int = 200
) -> HttpResponse:
    rows = open_to(actor).select_related("camera__site", "agent__site")
    wish = form.wish() if form is not None and form.is_valid() else wish_of(actor)
    sites = sites_to_choose(actor)
    past: list[Alarm] = list(rows.exclude(ended_at=None).order_by("-noticed_at", "-id")[:PAST_ROWS])
    context = {
        "tabs": tabs(request, "alarms"),
        "now": shown(rows.filter(ended_at=None).order_by("-noticed_at", "-id")),
        "past": shown(past),
        "wish": wish,
        "everywhere": wish.sites is None,
        "sites": [
            {"site": site, "chosen": wish.sites is None or str(site.id) in wish.sites} for site in sites
        ],
        "errors": form.errors if form is not None else {},
        "mail": outbox.is_there(),
        "said": request.session.pop(SAID, False),
    }
    return render(request, "alarms/alarms.html", context, status=status)
