"""Views and patterns for tests of the middleware: some declare their access, one does not."""

from __future__ import annotations

from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import include, path

from tenants.declare import public, requires
from tenants.models import Site
from tenants.permissions import CAMERA_EDIT, CAMERA_VIEW
from tests.cast import make_site
from vsaas.common.errors import Conflict, Denied
from vsaas.urls import urlpatterns as portal


def undeclared(request: HttpRequest) -> HttpResponse:
    return HttpResponse("open")


@public("a test")
def lazy_list(request: HttpRequest) -> HttpResponseBase:
    template = engines["django"].from_string("{% for site in sites %}[{{ site.name }}]{% endfor %}")
    return TemplateResponse(request, template, {"sites": Site.objects.all()})  # type: ignore[arg-type]


@requires(CAMERA_EDIT)
def editing(request: HttpRequest) -> HttpResponse:
    return HttpResponse("edited")


@requires(CAMERA_VIEW)
def made_then_refused(request: HttpRequest) -> HttpResponse:
    make_site("Made")
    raise Denied("not this one")


@requires(CAMERA_VIEW)
def made_then_conflict(request: HttpRequest) -> HttpResponse:
    make_site("Made")
    try:
        make_site("Made")
    except IntegrityError as error:
        raise Conflict("the site Made exists already") from error
    return HttpResponse("made")


@requires(CAMERA_VIEW)
def made_then_broken(request: HttpRequest) -> HttpResponse:
    make_site("Made")
    raise ZeroDivisionError


@requires(CAMERA_VIEW)
def made(request: HttpRequest) -> HttpResponse:
    make_site("Made")
    return HttpResponse(f"made in {request.tenant.name}")  # type: ignore[attr-defined]


doors = [
    path("undeclared", undeclared),
    path("lazy", lazy_list),
    path("editing", editing),
    path("refused", made_then_refused),
    path("conflict", made_then_conflict),
    path("broken", made_then_broken),
    path("made", made),
]

urlpatterns = [
    *portal,
    path("t/<str:slug>/doors/", include(doors)),
    path("api/v1/doors/", include(doors)),
    path("bare", undeclared),
]
handler404 = "vsaas.common.problems.not_found"
handler500 = "vsaas.common.problems.server_error"
