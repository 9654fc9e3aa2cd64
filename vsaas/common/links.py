"""Addresses inside a tenant: every page stands under `/t/<slug>/`."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme


def tenant_url(request: HttpRequest, name: str, **kwargs: Any) -> str:
    """The path of a page of the request's tenant. Templates: `{% tenant_url "camera" id=camera.id %}`."""
    return reverse(name, kwargs={"slug": request.tenant.slug, **kwargs})  # type: ignore[attr-defined]


def sign_in_redirect(request: HttpRequest) -> HttpResponseRedirect:
    """To the sign-in page, and afterwards back to the page asked for."""
    query = urlencode({"next": request.get_full_path()}) if request.method == "GET" else ""
    return HttpResponseRedirect(tenant_url(request, "sign-in") + ("?" + query if query else ""))


def safe_next(request: HttpRequest, value: str) -> str:
    """`value` when it is a path inside the request's tenant, else the tenant's first page: never another site or
    another tenant."""
    inside = f"/t/{request.tenant.slug}/"  # type: ignore[attr-defined]
    if value.startswith(inside) and url_has_allowed_host_and_scheme(value, allowed_hosts=None):
        return value
    return inside
