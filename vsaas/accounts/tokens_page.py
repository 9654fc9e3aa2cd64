"""API tokens under my account: list, make, revoke."""

from __future__ import annotations

import datetime as dt
from itertools import groupby
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from tenants import access
from tenants.access import Actor
from tenants.declare import requires
from tenants.middleware import signed_in
from tenants.permissions import ACCOUNT_SELF, Permission, permission
from vsaas.accounts import tokens
from vsaas.accounts.models import AccessToken
from vsaas.common import clock
from vsaas.common.errors import Conflict, InvalidFields
from vsaas.common.links import tenant_url

DAYS = (
    ("7", _("7 days")),
    ("30", _("30 days")),
    ("90", _("90 days")),
    ("180", _("180 days")),
    ("365", _("One year")),
)

# What the first half of a permission's name is about.
GROUPS = {
    "site": _("Sites"),
    "camera": _("Cameras"),
    "view": _("Views of the wall"),
    "footage": _("Footage"),
    "agent": _("Agents"),
    "people": _("People"),
    "usage": _("Usage"),
    "audit": _("Audit"),
    "tenant": _("Organisation"),
}


class TokenForm(forms.Form):
    """Name, what it may do, where, how long. Errors of the service land on their fields."""

    name = forms.CharField(
        label=_("Name"),
        max_length=tokens.NAME_CHARS_MAX,
        help_text=_("Where it will be used, so that you know it again: “Nightly report”, “Gate display”."),
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"), error_messages={"required": _("Choose at least one.")}
    )
    site = forms.ModelChoiceField(
        label=_("Where"), queryset=None, required=False, empty_label=_("On every site I have")
    )
    days = forms.ChoiceField(label=_("Until"), choices=DAYS, initial="90")

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered = tokens.offered_scopes(actor)
        self.fields["scopes"].choices = [(one.name, one.sentence) for one in self.offered]  # type: ignore[attr-defined]
        self.fields["site"].queryset = tokens.offered_sites(actor)  # type: ignore[attr-defined]

    def groups(self) -> list[tuple[Any, list[tuple[Permission, bool]]]]:
        """The choices as the page shows them: by what they are about, each with whether it is chosen."""
        chosen = set(self["scopes"].value() or ())
        return [
            (GROUPS[kind], [(one, one.name in chosen) for one in group])
            for kind, group in groupby(self.offered, key=lambda one: one.name.partition(":")[0])
        ]

    def wanted(self) -> tokens.NewToken:
        """What was asked for. Only of a valid form."""
        data = self.cleaned_data
        site = data["site"]
        return tokens.NewToken(
            data["name"],
            frozenset(permission(name) for name in data["scopes"]),
            clock.now() + dt.timedelta(days=int(data["days"])),
            None if site is None else site.id,
        )


@requires(ACCOUNT_SELF)
@require_safe
def token_list(request: HttpRequest) -> HttpResponseBase:
    """The person's own tokens."""
    rows = list(tokens.own_tokens(signed_in(request)))
    context = {"tokens": [row for row in rows if row.holds], "ended": [row for row in rows if not row.holds]}
    return TemplateResponse(request, "accounts/tokens.html", context)


@requires(ACCOUNT_SELF, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def token_new(request: HttpRequest) -> HttpResponseBase:
    """The form; then the token, this once."""
    actor = signed_in(request)
    form = TokenForm(request.POST if request.method == "POST" else None, actor=actor)
    if form.is_bound and form.is_valid():
        try:
            token, text = tokens.issue(actor, form.wanted(), request=request)
        except InvalidFields as error:
            for row in error.extra["errors"]:
                form.add_error(row["field"] if row["field"] in form.fields else None, row["message"])
        except Conflict as error:
            form.add_error(None, error.detail)
        else:
            return TemplateResponse(request, "accounts/token_made.html", {"token": token, "text": text})
    status = 422 if form.is_bound else 200
    return TemplateResponse(request, "accounts/token_new.html", {"form": form}, status=status)


@requires(ACCOUNT_SELF)
@require_http_methods(["GET", "HEAD", "POST"])
def token_revoke(request: HttpRequest, token_id: UUID) -> HttpResponseBase:
    """Asks, naming the token; then ends it."""
    actor = signed_in(request)
    if request.method == "POST":
        tokens.revoke(actor, token_id, request=request)
        return HttpResponseRedirect(tenant_url(request, "account-tokens"))
    token = access.own(actor, AccessToken.objects.all(), id=token_id)
    return TemplateResponse(request, "accounts/token_revoke.html", {"token": token})
