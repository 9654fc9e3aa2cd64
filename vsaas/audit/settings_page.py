"""How the log is kept and where it goes: retention, signature, destinations."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from tenants.declare import requires
from tenants.middleware import signed_in
from tenants.permissions import AUDIT_VIEW, TENANT_EDIT
from vsaas.audit import retention
from vsaas.audit.models import RETENTION_YEARS, AuditDestination, AuditPruning
from vsaas.audit.rights import changes_log, require_change, require_log
from vsaas.audit.services import who
from vsaas.audit.siem import destinations
from vsaas.audit.siem.destinations import DEFAULT_HEADER, Kind, TooManyDestinations, Wanted, as_it_is
from vsaas.audit.signed import signed_state
from vsaas.common import clock
from vsaas.common.errors import InvalidFields, NotFound
from vsaas.common.links import tenant_url

PEM_CHARS_MAX = 20_000
TONES = {
    "off": ("", "off", gettext_lazy("Switched off")),
    "idle": ("info", "wait", gettext_lazy("Nothing sent yet")),
    "current": ("ok", "ok", gettext_lazy("Up to date")),
    "behind": ("info", "wait", gettext_lazy("Sending")),
    "failing": ("bad", "bad", gettext_lazy("Nothing arrives")),
}


class RetentionForm(forms.Form):
    """How many years."""

    retention_years = forms.IntegerField(
        label=gettext_lazy("Keep entries for (years)"),
        min_value=RETENTION_YEARS[0],
        max_value=RETENTION_YEARS[1],
    )


class DestinationForm(forms.Form):
    """A destination. What the service finds wrong lands on its field."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    kind = forms.ChoiceField(label=gettext_lazy("How it is sent"), choices=Kind.choices)
    address = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=500,
        help_text=gettext_lazy("Syslog: siem.example.com:6514. OCSF: https://siem.example.com/ingest"),
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
    )
    ca_pem = forms.CharField(
        label=gettext_lazy("Its certificate authority (PEM)"),
        required=False,
        max_length=PEM_CHARS_MAX,
        help_text=gettext_lazy("Only where its certificate is not from a public authority."),
        widget=forms.Textarea({"rows": 4, "spellcheck": "false", "class": "mono"}),
    )
    header_name = forms.CharField(
        label=gettext_lazy("Header of the token"), max_length=60, required=False, initial=DEFAULT_HEADER
    )
    token = forms.CharField(
        label=gettext_lazy("Token"),
        required=False,
        max_length=2000,
        help_text=gettext_lazy(
            "The whole value of the header, such as “Bearer …”. OCSF only; never shown again."
        ),
        widget=forms.PasswordInput({"autocomplete": "off"}),
    )
    enabled = forms.BooleanField(label=gettext_lazy("Send"), required=False, initial=True)
    from_start = forms.BooleanField(label=gettext_lazy("Begin with the oldest entry kept"), required=False)

    def wanted(self, *, keeps_token: bool) -> Wanted:
        """Of a valid form. An empty token is none for a new destination, and the one it has for another."""
        data = self.cleaned_data
        token = data["token"] or (None if keeps_token else "")
        return Wanted(
            data["name"],
            data["kind"],
            data["address"].strip(),
            data["ca_pem"].strip(),
            data["header_name"] or DEFAULT_HEADER,
            token,
            data["enabled"],
            data.get("from_start", False),
        )


@requires(AUDIT_VIEW, TENANT_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def audit_settings(request: HttpRequest) -> HttpResponse:
    """Retention (POST changes it), what is signed, destinations with their state."""
    actor = signed_in(request)
    require_log(actor)
    form = RetentionForm(request.POST or None, initial={"retention_years": retention.retention_years()})
    if request.method == "POST":
        require_change(actor)
        if form.is_valid():
            retention.set_retention(form.cleaned_data["retention_years"], who(actor), request=request)
            return HttpResponseRedirect(tenant_url(request, "audit-settings"))
    signed = signed_state()
    context = {
        "form": form,
        "may_change": changes_log(actor),
        "signed": signed,
        "signed_at": clock.from_us(signed.newest.at_us) if signed.newest else None,
        "begins": retention.oldest_kept(),
        "pruned": AuditPruning.objects.order_by("-first_seq").first(),
        "destinations": [_shown(row) for row in AuditDestination.objects.order_by("name", "id")],
    }
    return render(request, "audit/settings.html", context, status=422 if form.is_bound else 200)


def _shown(row: AuditDestination) -> dict[str, Any]:
    state = destinations.state_of(row)
    tone, icon, label = TONES[state.word]
    behind = ngettext("%(count)d entry behind", "%(count)d entries behind", state.behind)
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.get_kind_display(),
        "address": row.address,
        "tone": tone,
        "icon": icon,
        "label": label,
        "behind": behind % {"count": state.behind} if state.behind else "",
        "sent_at": state.sent_at,
        "error": state.error,
        "failing_since": state.failing_since,
        "next_try_at": state.next_try_at if state.next_try_at and state.next_try_at > clock.now() else None,
    }


@requires(TENANT_EDIT, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def audit_destination_new(request: HttpRequest) -> HttpResponse:
    """The form of a new destination."""
    actor = signed_in(request)
    require_change(actor)
    form = DestinationForm(request.POST or None)
    if form.is_bound and form.is_valid():
        try:
            destinations.add(form.wanted(keeps_token=False), who(actor), request=request)
        except InvalidFields as error:
            _say(form, error)
        except TooManyDestinations as error:
            form.add_error(None, str(error.detail))
        else:
            return HttpResponseRedirect(tenant_url(request, "audit-settings"))
    status = 422 if form.is_bound else 200
    return render(request, "audit/destination.html", {"form": form}, status=status)


@requires(TENANT_EDIT, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def audit_destination(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    """One destination: its state, and the form that changes it."""
    actor = signed_in(request)
    require_change(actor)
    row = found(destination_id)
    form = _form(row, request.POST or None)
    if form.is_bound and form.is_valid():
        try:
            destinations.change(row, form.wanted(keeps_token=True), who(actor), request=request)
        except InvalidFields as error:
            _say(form, error)
        else:
            return HttpResponseRedirect(tenant_url(request, "audit-settings"))
    context = {"form": form, "one": _shown(found(destination_id)), "has_token": row.sealed_token is not None}
    return render(request, "audit/destination.html", context, status=422 if form.is_bound else 200)


def _form(row: AuditDestination, posted: Any) -> DestinationForm:
    form = DestinationForm(posted, initial=as_it_is(row))
    del form.fields["from_start"]
    form.fields["kind"].disabled = True
    if row.sealed_token is not None:
        form.fields["token"].help_text = _("There is one; leave this empty to keep it.")
    return form


@requires(TENANT_EDIT, fresh=True)
@require_POST
def audit_destination_remove(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    """Send it nothing more."""
    actor = signed_in(request)
    require_change(actor)
    destinations.remove(found(destination_id), who(actor), request=request)
    return HttpResponseRedirect(tenant_url(request, "audit-settings"))


@requires(TENANT_EDIT)
@require_POST
def audit_destination_test(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    """Send a test entry, and say whether it arrived."""
    actor = signed_in(request)
    require_change(actor)
    row = found(destination_id)
    why = destinations.try_out(row, who(actor), request=request)
    context = {
        "form": _form(row, None),
        "one": _shown(row),
        "has_token": row.sealed_token is not None,
        "tried": True,
        "why": why,
    }
    return render(request, "audit/destination.html", context)


def found(destination_id: UUID) -> AuditDestination:
    """A destination of the current tenant. Raises NotFound."""
    row = AuditDestination.objects.filter(pk=destination_id).first()
    if row is None:
        raise NotFound(gettext_lazy("there is no such destination"))
    return row


def _say(form: forms.Form, error: InvalidFields) -> None:
    for row in error.extra["errors"]:
        form.add_error(row["field"] if row["field"] in form.fields else None, str(row["message"]))
