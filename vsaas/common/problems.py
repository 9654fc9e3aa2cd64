"""The single mapping from errors to HTTP: RFC 9457 problem details for programs, a page for people."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from django.core.exceptions import BadRequest as DjangoBadRequest
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    ValidationError,
)
from django.core.serializers.json import DjangoJSONEncoder
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, UnreadablePostError
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from psycopg_pool import PoolTimeout
from rest_framework import exceptions as drf

from tenants.middleware import enforce
from tenants.scope import roll_back_scope
from tenants.words import ENGLISH
from vsaas.common import errors
from vsaas.common.logs import request_reference

logger = logging.getLogger(__name__)

TYPE_PREFIX = "urn:vsaas:problem:"
CONTENT_TYPE = "application/problem+json"

# Called for errors marked `refusal`, so that they are audited; the audit app, which stands above, registers itself.
RefusalListener = Callable[[HttpRequest, errors.VsaasError], None]
_refusal_listeners: list[RefusalListener] = []


def on_refusal(listener: RefusalListener) -> None:
    """Have `listener(request, error)` called for every refusal that ends a request."""
    if listener not in _refusal_listeners:
        _refusal_listeners.append(listener)


def as_vsaas_error(error: BaseException) -> errors.VsaasError | None:
    """The error of our tree that an error of Django or REST framework stands for; None for what nobody foresaw."""
    match error:
        case errors.VsaasError():
            return error
        case Http404() | drf.NotFound():
            return errors.NotFound()
        case drf.NotAuthenticated() | drf.AuthenticationFailed():
            return errors.NotSignedIn(_("sign in to your organisation first"))
        case PermissionDenied() | drf.PermissionDenied():
            return errors.Denied(str(error))
        case drf.ValidationError():
            return errors.InvalidFields(_("some fields are wrong"), extra={"errors": _fields(error.detail)})
        case ValidationError():
            return errors.InvalidFields("; ".join(error.messages))
        case drf.Throttled():
            return errors.TooMany(retry_after_s=int(error.wait or 1))
        case drf.UnsupportedMediaType():
            return errors.UnsupportedMedia(str(error.detail))
        case drf.MethodNotAllowed():
            return errors.MethodNotAllowed(str(error.detail))
        case drf.NotAcceptable():
            return errors.NotAcceptable(_("this route answers in JSON"))
        case drf.ParseError():
            return errors.BadRequest(str(error.detail))
        case OperationalError() | PoolTimeout():
            return errors.Unavailable(_("the database cannot be asked now: try again in a moment"))
        case RecursionError() if _while_parsing(error):
            return errors.BadRequest(_("the request's JSON is nested too deeply"))
        case RequestDataTooBig() | TooManyFieldsSent():
            return errors.TooLarge(_("the request is larger than this route takes"))
        case SuspiciousOperation() | DjangoBadRequest() | UnreadablePostError():
            return errors.BadRequest(_("the request cannot be understood"))
        case _:
            return None


def _while_parsing(error: BaseException) -> bool:
    """Whether the error came out of reading a request's JSON, not out of a mistake of ours."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__", "").startswith("rest_framework.parsers"):
            return True
        trace = trace.tb_next
    return False


def _fields(detail: Any, path: str = "") -> list[dict[str, str]]:
    if isinstance(detail, dict):
        return [
            row
            for key, value in detail.items()
            for row in _fields(value, f"{path}.{key}" if path else str(key))
        ]
    if isinstance(detail, list):
        return [
            row
            for index, value in enumerate(detail)
            for row in _fields(value, path if not isinstance(value, dict | list) else f"{path}.{index}")
        ]
    return [{"field": path, "message": str(detail)}]


_pages: dict[type[errors.VsaasError], Callable[[HttpRequest, errors.VsaasError], HttpResponseBase]] = {}


def register_page(
    error: type[errors.VsaasError], page: Callable[[HttpRequest, errors.VsaasError], HttpResponseBase]
) -> None:
    """Have errors of this very class shown to people by a page of their own."""
    _pages[error] = page


def document(error: errors.VsaasError) -> dict[str, Any]:
    """The problem details document of an error. What went wrong inside us is not told."""
    internal = (
        error.status >= 500 and error.problem != "unavailable" and not isinstance(error, errors.Unavailable)
    )
    return {
        "type": TYPE_PREFIX + (errors.VsaasError.problem if internal else error.problem),
        "title": str(errors.VsaasError.title if internal else error.title),
        "status": error.status,
        "detail": "" if internal else str(error.detail),
        **({} if internal else error.extra),
    }


def response_of(error: errors.VsaasError) -> HttpResponse:
    """The reply for programs."""
    response = HttpResponse(
        json.dumps(document(error), cls=DjangoJSONEncoder), content_type=CONTENT_TYPE, status=error.status
    )
    if isinstance(error, errors.NotSignedIn):
        response["WWW-Authenticate"] = 'Bearer realm="vsaas"'
    for name, value in error.headers.items():
        response[name] = value
    return response


def handle(request: HttpRequest, error: BaseException) -> HttpResponseBase | None:
    """The reply to a request that ended in `error`, with the tenant's scope rolled back and refusals noted; None when
    nobody foresaw the error (Django then logs it and answers 500)."""
    roll_back_scope()
    ours = as_vsaas_error(error)
    if ours is None:
        return None
    if ours.refusal:
        for listener in _refusal_listeners:
            listener(request, ours)
    if ours.status >= 500:
        with translation.override(ENGLISH):
            logger.error("request failed: %s %s: %s", request.method, route_of(request), ours, exc_info=error)
    if wants_page(request):
        return page_of(request, ours)
    return response_of(ours)


def route_of(request: HttpRequest) -> str:
    """The request's route, for logs: its path may hold a one-time link's token."""
    return request.resolver_match.route if request.resolver_match else "(no route)"


def wants_page(request: HttpRequest) -> bool:
    """Whether a person's browser asks for a page."""
    if request.path_info.startswith(("/api/", "/agent/")):
        return False
    return "text/html" in request.headers.get("Accept", "")


def page_of(request: HttpRequest, error: errors.VsaasError) -> HttpResponseBase:
    """The reply for people; who is not signed in is sent to sign in."""
    if isinstance(error, errors.NotSignedIn) and getattr(request, "tenant", None) is not None:
        from vsaas.common.links import sign_in_redirect

        return sign_in_redirect(request)
    own = _pages.get(type(error))
    if own is not None:
        return own(request, error)
    context = {"problem": document(error), "reference": request_reference()}
    response = TemplateResponse(request, "problem.html", context, status=error.status)
    for name, value in error.headers.items():
        response[name] = value
    response.render()
    return response


class AccessMiddleware:
    """Innermost: holds each view to what it declares, and maps what views raise to replies.

    REST framework catches its views' errors itself and comes through `drf_handler`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        try:
            enforce(request, view, kwargs)
        except errors.VsaasError as error:
            return handle(request, error)
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        return handle(request, error)


def drf_handler(error: Exception, context: dict[str, Any]) -> HttpResponseBase | None:
    """REST framework's EXCEPTION_HANDLER."""
    return handle(context["request"]._request, error)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's handler404: no URL matched."""
    error = errors.NotFound(_("there is nothing at this address"))
    return page_of(request, error) if wants_page(request) else response_of(error)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Django's handler500, for what nobody foresaw. Touches neither database nor session."""
    error = errors.VsaasError()
    if wants_page(request):
        context = {"problem": document(error), "reference": request_reference()}
        return HttpResponse(render_to_string("problem_plain.html", context), status=500)
    return response_of(error)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """Django's CSRF_FAILURE_VIEW. The reason is for our log: it would tell an attacker what to forge."""
    logger.warning("CSRF refused: %s %s: %s", request.method, route_of(request), reason)
    error = errors.FormExpired(_("load the page again and repeat what you did; nothing was changed"))
    return page_of(request, error) if wants_page(request) else response_of(error)
