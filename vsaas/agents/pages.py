"""The page that enrols an agent."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import segno
from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from tenants import access
from tenants.declare import requires
from tenants.middleware import signed_in
from tenants.models import Site
from tenants.permissions import AGENT_ENROL
from vsaas.agents.enrolment import IssuedCode, issue_code
from vsaas.agents.packages import install_command
from vsaas.audit.services import who
from vsaas.common.links import tenant_url


class EnrolForm(forms.Form):
    """Where the new agent will stand."""

    site = forms.ModelChoiceField(queryset=None, label=_("Site"), empty_label=None)

    def __init__(self, *args: Any, sites: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["site"].queryset = sites  # type: ignore[attr-defined]


@requires(AGENT_ENROL)
def enrol(request: HttpRequest) -> HttpResponse:
    """Choose a site; then a one-time code as text, QR and the one command. The code is shown once."""
    actor = signed_in(request)
    sites = access.visible(actor, AGENT_ENROL, Site.objects.all())
    form = EnrolForm(request.POST or None, sites=sites)
    context: dict[str, Any] = {"form": form, "sites": sites}
    if request.method == "POST" and form.is_valid():
        site = form.cleaned_data["site"]
        context |= code_shown(issue_code(actor.tenant_id, site, who(actor)), site)
        # The page's script puts the agent's id behind it, once there is one.
        context["another"] = tenant_url(request, "agents-enrol")
        context["add_camera"] = tenant_url(request, "sites-camera-add") + "?agent="
    status = 422 if form.is_bound and "code" not in context else 200
    response = render(request, "agents/enrol.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response


def code_shown(code: IssuedCode, site: Site) -> dict[str, Any]:
    """What `agents/code.html` shows of a new code."""
    installing = install_command(code.text)
    return {
        "code": code,
        "installs": installing is not None,
        "command": installing or f"python -m edge_agent enrol {settings.ENV.public_url} {code.text}",
        "qr": _qr(code),
        "site": site,
    }


def _qr(code: IssuedCode) -> SafeString:
    """The code as an inline SVG picture."""
    out = BytesIO()
    segno.make(code.text, error="m").save(out, kind="svg", xmldecl=False, svgns=True, border=2, omitsize=True)
    return mark_safe(out.getvalue().decode())  # noqa: S308  # made here from letters and digits alone
