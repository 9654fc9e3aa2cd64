"""Cameras from a table: pasted, looked through line by line, added."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from tenants import access
from tenants.declare import requires
from tenants.middleware import signed_in
from tenants.permissions import CAMERA_EDIT, CAMERA_VIEW
from vsaas.agents.models import Agent
from vsaas.cameras.errors import InvalidSearch
from vsaas.cameras.importing import COLUMNS, add_rows, keep, kept, read_table
from vsaas.cameras.models import Camera
from vsaas.common.errors import VsaasError
from vsaas.common.links import tenant_url
from vsaas.common.sentences import sentence

EXAMPLE = "name;address;sub_address;user;password\nGate 2;rtsp://192.168.1.20/main;rtsp://192.168.1.20/sub;operator;…"


class ImportForm(forms.Form):
    """A table. What was pasted holds passwords: it is not shown again."""

    agent = forms.ModelChoiceField(
        queryset=None,
        required=False,
        label=_("Agent for lines that name none"),
        empty_label=_("None: each line names one"),
    )
    table = forms.CharField(
        label=_("Table"),
        max_length=500_000,
        strip=False,
        widget=forms.Textarea(
            {"rows": "10", "autocomplete": "off", "spellcheck": "false", "dir": "ltr", "placeholder": EXAMPLE}
        ),
    )

    def __init__(self, *args: object, agents: QuerySet[Agent], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["agent"].queryset = agents  # type: ignore[attr-defined]
        self.fields["table"].help_text = _(
            "CSV, with commas or semicolons; the first line names the columns: %(columns)s. Name and address are needed."
        ) % {"columns": ", ".join(COLUMNS)}


@requires(CAMERA_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def import_cameras(request: HttpRequest) -> HttpResponse:
    """Where a table is pasted; nothing is added yet."""
    actor = signed_in(request)
    agents = access.visible(actor, CAMERA_EDIT, Agent.objects.filter(revoked_at=None).select_related("site"))
    form = ImportForm(
        request.POST if request.method == "POST" else None,
        agents=agents.order_by("site__name", "name"),
        initial={"agent": request.GET.get("agent")},
    )
    if request.method == "POST" and form.is_valid():
        try:
            rows = read_table(actor, form.cleaned_data["table"], form.cleaned_data["agent"])
        except InvalidSearch as error:
            form.add_error("table", sentence(error))
        else:
            return HttpResponseRedirect(tenant_url(request, "sites-imported", batch_id=keep(actor, rows)))
    if form.is_bound:
        form.data = form.data.copy()
        form.data["table"] = ""  # it may hold passwords
    return render(request, "cameras/import.html", {"form": form}, status=422 if form.is_bound else 200)


@requires(CAMERA_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def imported_cameras(request: HttpRequest, batch_id: UUID) -> HttpResponse:
    """Every line of a table with what is wrong about it; those that are right are added together."""
    actor = signed_in(request)
    rows = kept(actor, batch_id)
    failed: dict[UUID, str] = {}
    if request.method == "POST":
        added = add_rows(actor, rows)
        failed = {scope: sentence(one) for scope, one in added.items() if isinstance(one, VsaasError)}
        if not failed:
            return HttpResponseRedirect(tenant_url(request, "sites-imported", batch_id=batch_id))
    cameras = access.visible(actor, CAMERA_VIEW, Camera.objects.filter(id__in=[row.scope for row in rows]))
    there = {camera.id: camera for camera in cameras}
    shown = [
        {
            "line": row.line,
            "name": row.name,
            "address": row.address,
            "agent": row.agent,
            "wrong": failed.get(row.scope, "") or row.wrong,
            "camera": there.get(row.scope),
        }
        for row in rows
    ]
    right = sum(not row["wrong"] and row["camera"] is None for row in shown)
    wrong = sum(bool(row["wrong"]) for row in shown)
    context = {"rows": shown, "right": right, "wrong": wrong}
    return render(request, "cameras/imported.html", context, status=422 if failed else 200)
